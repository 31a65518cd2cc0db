rule compare_question:
    """Answer one question in one assay and tissue, feature by feature, as far as its verdict allows."""
    input:
        matrices=lambda wildcards: ancient(plan.question_products(".h5ad", wildcards)),
        receipts=lambda wildcards: plan.question_products(".receipt.json", wildcards),
        quality=plan.quality_tables,
    output:
        table="results/releases/{release}/compare/{question}/{assay}/{tissue}.parquet",
    log:
        "logs/compare/question/{release}/{question}/{assay}/{tissue}.log",
    benchmark:
        "benchmarks/compare/question/{release}/{question}/{assay}/{tissue}.tsv"
    wildcard_constraints:
        question=plan.answered_questions,
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, input: 1000 + 20 * input.size_mb,
        runtime=30,
    params:
        code=code_digest("scleromyomics.compare.question"),
        rows=lambda wildcards: plan.question_digest(wildcards),
    shell:
        "python -m scleromyomics.compare.question"
        " --study ."
        " --release {wildcards.release}"
        " --question {wildcards.question}"
        " --assay {wildcards.assay}"
        " --tissue {wildcards.tissue}"
        " --rows {params.rows}"
        " --matrices {input.matrices:q}"
        " --quality {input.quality:q}"
        " --table {output.table:q}"
        " &> {log:q}"


rule compare_families:
    """Control the false discovery rate over all tables of the release: q_family of every row that is tested."""
    input:
        tables=plan.tables,
    output:
        families="results/releases/{release}/compare/families.parquet",
    log:
        "logs/compare/families/{release}.log",
    benchmark:
        "benchmarks/compare/families/{release}.tsv"
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, input: 1000 + 5 * input.size_mb,
        runtime=30,
    params:
        code=code_digest("scleromyomics.compare.families"),
        kinds=flag("--kinds", plan.kinds),
        tables=lambda wildcards, input: flag("--tables", input.tables),
    shell:
        "python -m scleromyomics.compare.families"
        " {params.kinds:q}"
        " {params.tables:q}"
        " --families {output.families:q}"
        " &> {log:q}"


rule compare_gene_sets:
    """Test in every table of abundances which gene sets move together, against all other genes."""
    input:
        tables=plan.tables,
        matrices=ancient(plan.matrix_files(".h5ad", genotypes=False)),
        receipts=plan.matrix_files(".receipt.json", genotypes=False),
        gmt=settings["gene_sets"],
    output:
        gene_sets="results/releases/{release}/compare/gene_sets.parquet",
    log:
        "logs/compare/gene_sets/{release}.log",
    benchmark:
        "benchmarks/compare/gene_sets/{release}.tsv"
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, input: 1000 + 10 * input.size_mb,
        runtime=30,
    params:
        code=code_digest("scleromyomics.compare.gene_sets"),
        curated=plan.curated_digest,
        gmt=lambda wildcards, input: flag("--gmt", input.gmt),
        tables=lambda wildcards, input: flag("--tables", input.tables),
        matrices=lambda wildcards, input: flag("--matrices", input.matrices),
        within=flag("--within", plan.within),
    shell:
        "python -m scleromyomics.compare.gene_sets"
        " {params.tables:q}"
        " {params.matrices:q}"
        " {params.gmt:q}"
        " {params.within:q}"
        " --gene-sets {output.gene_sets:q}"
        " &> {log:q}"
