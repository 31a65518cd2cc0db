rule microarray_chip:
    """Read the vendor's definition of a chip into the layout of its probes."""
    input:
        definition=ancient(lambda wildcards: plan.definition(wildcards.platform)),
    output:
        chip="results/frozen/microarray/{freeze}/{platform}/chip.npz",
        receipt="results/frozen/microarray/{freeze}/{platform}/chip.receipt.json",
    log:
        "logs/microarray/chip/{freeze}/{platform}.log",
    benchmark:
        "benchmarks/microarray/chip/{freeze}/{platform}.tsv"
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, input: 1000 + 20 * input.size_mb,  # text definitions expand about 15x
        runtime=20,
    params:
        code=code_digest("scleromyomics.microarray.chip"),
    shell:
        "python -m scleromyomics.microarray.chip"
        " --definition {input.definition:q}"
        " --chip {output.chip:q}"
        " --receipt {output.receipt:q}"
        " &> {log:q}"


rule microarray_admit:
    """Check one raw file at the door: complete, of the chip that the sheet says, and with a signal."""
    input:
        # Raw files are compared by their receipt, not by time; only a refused one is looked at when it is newer.
        raw=lambda wildcards: (
            plan.sample(wildcards.sample).paths
            if plan.refused(wildcards.sample)
            else ancient(plan.sample(wildcards.sample).paths)
        ),
        chip=lambda wildcards: ancient(plan.chip(wildcards.sample, "chip.npz")),
        chip_receipt=lambda wildcards: plan.chip(wildcards.sample, "chip.receipt.json"),
    output:
        receipt="results/samples/microarray/{freeze}/{sample}/raw.receipt.json",
    log:
        "logs/microarray/admit/{freeze}/{sample}.log",
    benchmark:
        "benchmarks/microarray/admit/{freeze}/{sample}.tsv"
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, input: 500 + 5 * input.size_mb,
        runtime=10,
    params:
        code=code_digest("scleromyomics.microarray.admit"),
        format=lambda wildcards: plan.sample(wildcards.sample).format,
        column=lambda wildcards: flag("--column", plan.sample(wildcards.sample).column),
        md5=lambda wildcards: flag("--md5", plan.sample(wildcards.sample).md5),
        chip=lambda wildcards, input: flag("--chip", input.chip),
    shell:
        "python -m scleromyomics.microarray.admit"
        " --sample {wildcards.sample}"
        " --raw {input.raw:q}"
        " --format {params.format}"
        " {params.column:q}"
        " {params.md5:q}"
        " {params.chip:q}"
        " --receipt {output.receipt:q}"
        " &> {log:q}"


rule microarray_fit:
    """Fit the frozen model of a platform on the arrays of the freeze's waves, once for all."""
    input:
        raw=lambda wildcards: ancient(plan.freeze_raw(wildcards, assay="microarray")),
        admissions=lambda wildcards: plan.freeze_products(
            "raw.receipt.json", wildcards, assay="microarray"
        ),
        chip=lambda wildcards: ancient(plan.platform_chip(wildcards, "chip.npz")),
        chip_receipt=lambda wildcards: plan.platform_chip(
            wildcards, "chip.receipt.json"
        ),
        annotation=lambda wildcards: ancient(plan.annotation(wildcards.platform)),
    output:
        model="results/frozen/microarray/{freeze}/{platform}/model.npz",
        samples="results/frozen/microarray/{freeze}/{platform}/samples.tsv",
        receipt="results/frozen/microarray/{freeze}/{platform}/model.receipt.json",
    log:
        "logs/microarray/fit/{freeze}/{platform}.log",
    benchmark:
        "benchmarks/microarray/fit/{freeze}/{platform}.tsv"
    conda:
        "../envs/core.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, input: 1000 + 2 * input.size_mb,  # ranks of all arrays at once: 4 bytes a probe
        runtime=60,
    params:
        code=code_digest("scleromyomics.microarray.fit"),
        rows=lambda wildcards: plan.freeze_digest(wildcards, assay="microarray"),
        chip=lambda wildcards, input: flag("--chip", input.chip),
        annotation=lambda wildcards, input: flag("--annotation", input.annotation),
        rle_median_max=lookup("microarray/quality/rle_median_max", within=settings),
        rle_iqr_max=lookup("microarray/quality/rle_iqr_max", within=settings),
        nuse_max=lookup("microarray/quality/nuse_max", within=settings),
        sex_margin=lookup("microarray/quality/sex_margin", within=settings),
    shell:
        "python -m scleromyomics.microarray.fit"
        " --study ."
        " --freeze {wildcards.freeze}"
        " --platform {wildcards.platform}"
        " --rows {params.rows}"
        " {params.chip:q}"
        " {params.annotation:q}"
        " --rle-median-max {params.rle_median_max}"
        " --rle-iqr-max {params.rle_iqr_max}"
        " --nuse-max {params.nuse_max}"
        " --sex-margin {params.sex_margin}"
        " --threads {threads}"
        " --model {output.model:q}"
        " --samples {output.samples:q}"
        " --receipt {output.receipt:q}"
        " &> {log:q}"


rule microarray_rma:
    """Process one sample alone against the frozen model: its profile, and whether to trust it."""
    input:
        raw=lambda wildcards: ancient(plan.sample(wildcards.sample).paths),
        admission="results/samples/microarray/{freeze}/{sample}/raw.receipt.json",
        chip=lambda wildcards: ancient(plan.chip(wildcards.sample, "chip.npz")),
        model=lambda wildcards: ancient(plan.frozen(wildcards.sample, "model.npz")),
        model_receipt=lambda wildcards: plan.frozen(
            wildcards.sample, "model.receipt.json"
        ),
    output:
        profile="results/samples/microarray/{freeze}/{sample}/profile.npz",
        quality="results/samples/microarray/{freeze}/{sample}/quality.json",
        receipt="results/samples/microarray/{freeze}/{sample}/profile.receipt.json",
    log:
        "logs/microarray/rma/{freeze}/{sample}.log",
    benchmark:
        "benchmarks/microarray/rma/{freeze}/{sample}.tsv"
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, input: 500 + 10 * input.size_mb,
        runtime=10,
    params:
        code=code_digest("scleromyomics.microarray.rma"),
        tissue=lambda wildcards: plan.sample(wildcards.sample).tissue,
        sex=lambda wildcards: plan.participant(wildcards.sample).sex,
        chip=lambda wildcards, input: flag("--chip", input.chip),
        rle_median_max=lookup("microarray/quality/rle_median_max", within=settings),
        rle_iqr_max=lookup("microarray/quality/rle_iqr_max", within=settings),
        nuse_max=lookup("microarray/quality/nuse_max", within=settings),
        scale_max=lookup("microarray/quality/scale_max", within=settings),
        background_max=lookup("microarray/quality/background_max", within=settings),
        degradation_max=lookup("microarray/quality/degradation_max", within=settings),
        sex_margin=lookup("microarray/quality/sex_margin", within=settings),
    shell:
        "python -m scleromyomics.microarray.rma"
        " --sample {wildcards.sample}"
        " --raw {input.raw:q}"
        " --admission {input.admission:q}"
        " --tissue {params.tissue}"
        " --sex {params.sex}"
        " {params.chip:q}"
        " --model {input.model:q}"
        " --rle-median-max {params.rle_median_max}"
        " --rle-iqr-max {params.rle_iqr_max}"
        " --nuse-max {params.nuse_max}"
        " --scale-max {params.scale_max}"
        " --background-max {params.background_max}"
        " --degradation-max {params.degradation_max}"
        " --sex-margin {params.sex_margin}"
        " --profile {output.profile:q}"
        " --quality {output.quality:q}"
        " --receipt {output.receipt:q}"
        " &> {log:q}"


rule microarray_quality:
    """Collect the quality of every array of a release in one table."""
    input:
        quality=plan.products("quality.json", assay="microarray"),
    output:
        table="results/releases/{release}/cohort/microarray_quality.tsv",
    log:
        "logs/microarray/quality/{release}.log",
    benchmark:
        "benchmarks/microarray/quality/{release}.tsv"
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_digest("scleromyomics.microarray.quality"),
        rows=plan.release_digest("microarray"),
    shell:
        "python -m scleromyomics.microarray.quality"
        " --study ."
        " --release {wildcards.release}"
        " --rows {params.rows}"
        " --table {output.table:q}"
        " &> {log:q}"
