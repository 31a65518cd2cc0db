rule matrices_tissue:
    """Put the profiles of one assay, tissue and timepoint into one matrix, with who was sampled when."""
    input:
        profiles=lambda wildcards: ancient(
            plan.matrix_products("profile.npz", wildcards)
        ),
        receipts=lambda wildcards: plan.matrix_products(
            "profile.receipt.json", wildcards
        ),
        quality=lambda wildcards: plan.matrix_products("quality.json", wildcards),
        models=lambda wildcards: ancient(plan.tissue_models("model.npz", wildcards)),
        model_receipts=lambda wildcards: plan.tissue_models(
            "model.receipt.json", wildcards
        ),
    output:
        matrix="results/releases/{release}/matrices/{assay}/{tissue}/{timepoint}.h5ad",
        receipt="results/releases/{release}/matrices/{assay}/{tissue}/{timepoint}.receipt.json",
    log:
        "logs/matrices/tissue/{release}/{assay}/{tissue}/{timepoint}.log",
    benchmark:
        "benchmarks/matrices/tissue/{release}/{assay}/{tissue}/{timepoint}.tsv"
    wildcard_constraints:
        assay="microarray",
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, input: 1000 + 10 * input.size_mb,  # compressed profiles expand about 3x, and twice
        runtime=20,
    params:
        code=code_digest("scleromyomics.matrices.tissue"),
        rows=lambda wildcards: plan.matrix_digest(wildcards),
    shell:
        "python -m scleromyomics.matrices.tissue"
        " --study ."
        " --release {wildcards.release}"
        " --assay {wildcards.assay}"
        " --tissue {wildcards.tissue}"
        " --timepoint {wildcards.timepoint}"
        " --rows {params.rows}"
        " --models {input.models:q}"
        " --matrix {output.matrix:q}"
        " --receipt {output.receipt:q}"
        " &> {log:q}"


rule matrices_genotypes:
    """Put the genotypes of one tissue and timepoint into one matrix, and rare variants per gene into another."""
    input:
        profiles=lambda wildcards: ancient(
            plan.matrix_products("profile.npz", wildcards, assay="variants")
        ),
        candidates=lambda wildcards: ancient(
            plan.matrix_products("candidates.bcf", wildcards, assay="variants")
        ),
        receipts=lambda wildcards: plan.matrix_products(
            "profile.receipt.json", wildcards, assay="variants"
        ),
        quality=lambda wildcards: plan.matrix_products(
            "quality.json", wildcards, assay="variants"
        ),
        sites="results/releases/{release}/variants/sites.parquet",
        genomes=ancient(genomes.genomes),
        targets=ancient(genomes.all_targets),
    output:
        matrix="results/releases/{release}/matrices/variants/{tissue}/{timepoint}.h5ad",
        burden="results/releases/{release}/matrices/variants/{tissue}/{timepoint}.burden.h5ad",
        receipt="results/releases/{release}/matrices/variants/{tissue}/{timepoint}.receipt.json",
    log:
        "logs/matrices/genotypes/{release}/{tissue}/{timepoint}.log",
    benchmark:
        "benchmarks/matrices/genotypes/{release}/{tissue}/{timepoint}.tsv"
    conda:
        "../envs/variants.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, input: 2000 + 10 * input.size_mb,
        runtime=60,
    params:
        code=code_digest("scleromyomics.matrices.genotypes"),
        rows=lambda wildcards: plan.matrix_digest(wildcards, assay="variants"),
        rarity=flag("--rarity", settings["variants"]["burden"]["rarity"] or ""),
    shell:
        "python -m scleromyomics.matrices.genotypes"
        " --study ."
        " --release {wildcards.release}"
        " --tissue {wildcards.tissue}"
        " --timepoint {wildcards.timepoint}"
        " --rows {params.rows}"
        " --sites {input.sites:q}"
        " --genomes {input.genomes:q}"
        " --targets {input.targets:q}"
        " {params.rarity:q}"
        " --matrix {output.matrix:q}"
        " --burden {output.burden:q}"
        " --receipt {output.receipt:q}"
        " &> {log:q}"


rule matrices_timepoint:
    """Put all assays and tissues of one timepoint into one multi-omics file, matched by participant."""
    input:
        matrices=lambda wildcards: ancient(plan.timepoint_products(".h5ad", wildcards)),
        receipts=lambda wildcards: plan.timepoint_products(".receipt.json", wildcards),
    output:
        matrix="results/releases/{release}/matrices/{timepoint}.h5mu",
    log:
        "logs/matrices/timepoint/{release}/{timepoint}.log",
    benchmark:
        "benchmarks/matrices/timepoint/{release}/{timepoint}.tsv"
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, input: 1000 + 10 * input.size_mb,
        runtime=20,
    params:
        code=code_digest("scleromyomics.matrices.timepoint"),
    shell:
        "python -m scleromyomics.matrices.timepoint"
        " --matrices {input.matrices:q}"
        " --matrix {output.matrix:q}"
        " &> {log:q}"
