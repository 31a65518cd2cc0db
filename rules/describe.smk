rule describe_profiles:
    """Describe each group at each timepoint in one assay and tissue: mean and spread of every feature."""
    input:
        matrices=lambda wildcards: ancient(plan.tissue_products(".h5ad", wildcards)),
        receipts=lambda wildcards: plan.tissue_products(".receipt.json", wildcards),
    output:
        table="results/releases/{release}/describe/{assay}/{tissue}.parquet",
    log:
        "logs/describe/profiles/{release}/{assay}/{tissue}.log",
    benchmark:
        "benchmarks/describe/profiles/{release}/{assay}/{tissue}.tsv"
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, input: 1000 + 10 * input.size_mb,
        runtime=20,
    params:
        code=code_digest("scleromyomics.describe.profiles"),
    shell:
        "python -m scleromyomics.describe.profiles"
        " --matrices {input.matrices:q}"
        " --table {output.table:q}"
        " &> {log:q}"
