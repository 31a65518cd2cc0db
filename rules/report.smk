rule report_build:
    """Write the pages that a person reads: the cohort, the verdicts, quality and every answer."""
    input:
        completeness="results/releases/{release}/cohort/completeness.tsv",
        attrition="results/releases/{release}/cohort/attrition.tsv",
        eligibility="results/releases/{release}/cohort/eligibility.tsv",
        verdicts="results/releases/{release}/cohort/verdicts.tsv",
        held="results/releases/{release}/cohort/held_back.tsv",
        quality=plan.quality_tables,
        profiles=plan.profile_tables,
        tables=plan.tables,
        families="results/releases/{release}/compare/families.parquet",
        gene_sets="results/releases/{release}/compare/gene_sets.parquet",
    output:
        index="results/releases/{release}/report/index.html",
    log:
        "logs/report/build/{release}.log",
    benchmark:
        "benchmarks/report/build/{release}.tsv"
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, input: 1000 + 5 * input.size_mb,
        runtime=30,
    params:
        code=code_digest("scleromyomics.report.build"),
        rows=plan.cohort_digest,
        quality=lambda wildcards, input: flag("--quality", input.quality),
        profiles=lambda wildcards, input: flag("--profiles", input.profiles),
        tables=lambda wildcards, input: flag("--tables", input.tables),
    shell:
        "python -m scleromyomics.report.build"
        " --study ."
        " --release {wildcards.release}"
        " --rows {params.rows}"
        " --completeness {input.completeness:q}"
        " --attrition {input.attrition:q}"
        " --eligibility {input.eligibility:q}"
        " --verdicts {input.verdicts:q}"
        " --held {input.held:q}"
        " {params.quality:q}"
        " {params.profiles:q}"
        " {params.tables:q}"
        " --families {input.families:q}"
        " --gene-sets {input.gene_sets:q}"
        " --index {output.index:q}"
        " &> {log:q}"
