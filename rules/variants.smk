rule variants_reference:
    """Check the genome and what is known of its positions, and index it: once per freeze."""
    input:
        fasta=ancient(genomes.file("fasta")),
        gff3=ancient(genomes.file("gff3")),
        common=ancient(genomes.file("common")),
        annotations=ancient(genomes.annotations),
    output:
        genome="results/frozen/variants/{freeze}/reference/genome.fa",
        dictionary="results/frozen/variants/{freeze}/reference/genome.dict",
        receipt="results/frozen/variants/{freeze}/reference/receipt.json",
    log:
        "logs/variants/reference/{freeze}.log",
    benchmark:
        "benchmarks/variants/reference/{freeze}.tsv"
    conda:
        "../envs/variants.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, input: 2000 + 6 * input.size_mb,  # the Burrows-Wheeler transform of both strands
        runtime=240,
    params:
        code=code_digest("scleromyomics.variants.reference"),
        gff3=lambda wildcards, input: flag("--gff3", input.gff3),
        common=lambda wildcards, input: flag("--common", input.common),
        annotations=flag("--annotations", genomes.named_annotations),
        digests=flag("--digests", genomes.digests),
        region_bases=lookup("variants/calling/region_bases", within=settings),
        x=lookup("variants/reference/x", within=settings),
        y=lookup("variants/reference/y", within=settings),
        mitochondrion=lookup("variants/reference/mitochondrion", within=settings),
        pseudoautosomal=flag(
            "--pseudoautosomal", settings["variants"]["reference"]["pseudoautosomal"]
        ),
    shell:
        "python -m scleromyomics.variants.reference"
        " --fasta {input.fasta:q}"
        " {params.gff3:q}"
        " {params.common:q}"
        " {params.annotations:q}"
        " {params.digests:q}"
        " --region-bases {params.region_bases}"
        " --x {params.x:q}"
        " --y {params.y:q}"
        " --mitochondrion {params.mitochondrion:q}"
        " {params.pseudoautosomal:q}"
        " --genome {output.genome:q}"
        " --dictionary {output.dictionary:q}"
        " --receipt {output.receipt:q}"
        " &> {log:q}"


rule variants_targets:
    """Check and sort what a platform captures."""
    input:
        reference="results/frozen/variants/{freeze}/reference/receipt.json",
        bed=ancient(lambda wildcards: genomes.bed(wildcards.platform)),
    output:
        targets="results/frozen/variants/{freeze}/{platform}/targets.bed",
        receipt="results/frozen/variants/{freeze}/{platform}/targets.receipt.json",
    log:
        "logs/variants/targets/{freeze}/{platform}.log",
    benchmark:
        "benchmarks/variants/targets/{freeze}/{platform}.tsv"
    conda:
        "../envs/variants.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=20,
    params:
        code=code_digest("scleromyomics.variants.targets"),
        bed=lambda wildcards, input: flag("--bed", input.bed),
    shell:
        "python -m scleromyomics.variants.targets"
        " --reference {input.reference:q}"
        " {params.bed:q}"
        " --targets {output.targets:q}"
        " --receipt {output.receipt:q}"
        " &> {log:q}"


rule variants_admit:
    """Check the raw files of one sample at the door: complete, in step, and of the study's genome."""
    input:
        # Raw files are compared by their receipt, not by time; only a refused one is looked at when it is newer.
        raw=lambda wildcards: (
            plan.sample(wildcards.sample).paths
            if plan.refused(wildcards.sample)
            else ancient(plan.sample(wildcards.sample).paths)
        ),
        genome=ancient("results/frozen/variants/{freeze}/reference/genome.fa"),
        reference="results/frozen/variants/{freeze}/reference/receipt.json",
    output:
        receipt="results/samples/variants/{freeze}/{sample}/raw.receipt.json",
    log:
        "logs/variants/admit/{freeze}/{sample}.log",
    benchmark:
        "benchmarks/variants/admit/{freeze}/{sample}.tsv"
    conda:
        "../envs/variants.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=lambda wildcards, input: 20 + input.size_mb // 500,  # read once, and hashed
    params:
        code=code_digest("scleromyomics.variants.admit"),
        format=lambda wildcards: plan.sample(wildcards.sample).format,
        column=lambda wildcards: flag("--column", plan.sample(wildcards.sample).column),
        md5=lambda wildcards: flag("--md5", plan.sample(wildcards.sample).md5),
    shell:
        "python -m scleromyomics.variants.admit"
        " --sample {wildcards.sample}"
        " --raw {input.raw:q}"
        " --format {params.format}"
        " {params.column:q}"
        " {params.md5:q}"
        " --genome {input.genome:q}"
        " --receipt {output.receipt:q}"
        " &> {log:q}"


rule variants_align:
    """Align the reads of one sample, sort them and mark duplicates."""
    input:
        raw=lambda wildcards: ancient(plan.sample(wildcards.sample).paths),
        admission="results/samples/variants/{freeze}/{sample}/raw.receipt.json",
        genome=ancient("results/frozen/variants/{freeze}/reference/genome.fa"),
        reference="results/frozen/variants/{freeze}/reference/receipt.json",
    output:
        reads="results/samples/variants/{freeze}/{sample}/aligned.cram",
        index="results/samples/variants/{freeze}/{sample}/aligned.cram.crai",
        receipt="results/samples/variants/{freeze}/{sample}/aligned.receipt.json",
    log:
        "logs/variants/align/{freeze}/{sample}.log",
    benchmark:
        "benchmarks/variants/align/{freeze}/{sample}.tsv"
    conda:
        "../envs/variants.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, input, attempt: attempt
        * (4000 + 4 * input.size_mb // 10),
        runtime=lambda wildcards, input, attempt: attempt * (60 + input.size_mb // 10),
    params:
        code=code_digest("scleromyomics.variants.align"),
        format=lambda wildcards: plan.sample(wildcards.sample).format,
        adapters=flag("--adapters", settings["variants"]["trimming"]["adapters"]),
        quality=lookup("variants/trimming/quality", within=settings),
    shell:
        "python -m scleromyomics.variants.align"
        " --sample {wildcards.sample}"
        " --raw {input.raw:q}"
        " --format {params.format}"
        " --admission {input.admission:q}"
        " --genome {input.genome:q}"
        " {params.adapters:q}"
        " --quality {params.quality}"
        " --threads {threads}"
        " --memory-mb {resources.mem_mb}"
        " --reads {output.reads:q}"
        " --index {output.index:q}"
        " --receipt {output.receipt:q}"
        " &> {log:q}"


rule variants_call:
    """Call the variants of one sample alone: they are never called again when others arrive."""
    input:
        source=lambda wildcards: ancient(genomes.source(wildcards.sample)),
        aligned=lambda wildcards: genomes.aligned(
            wildcards.sample, "aligned.receipt.json"
        ),
        admission="results/samples/variants/{freeze}/{sample}/raw.receipt.json",
        genome=ancient("results/frozen/variants/{freeze}/reference/genome.fa"),
        reference="results/frozen/variants/{freeze}/reference/receipt.json",
        targets=lambda wildcards: ancient(
            genomes.targets(wildcards.sample, "targets.bed")
        ),
        targets_receipt=lambda wildcards: genomes.targets(
            wildcards.sample, "targets.receipt.json"
        ),
    output:
        calls="results/samples/variants/{freeze}/{sample}/calls.bcf",
        index="results/samples/variants/{freeze}/{sample}/calls.bcf.csi",
        candidates="results/samples/variants/{freeze}/{sample}/candidates.bcf",
        candidates_index="results/samples/variants/{freeze}/{sample}/candidates.bcf.csi",
        receipt="results/samples/variants/{freeze}/{sample}/calls.receipt.json",
    log:
        "logs/variants/call/{freeze}/{sample}.log",
    benchmark:
        "benchmarks/variants/call/{freeze}/{sample}.tsv"
    conda:
        "../envs/variants.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, threads: 1000 + 1000 * threads,
        runtime=lambda wildcards, input, attempt: attempt * (60 + input.size_mb // 10),
    params:
        code=code_digest("scleromyomics.variants.call"),
        format=lambda wildcards: plan.sample(wildcards.sample).format,
        column=lambda wildcards: flag("--column", plan.sample(wildcards.sample).column),
        sex=lambda wildcards: plan.participant(wildcards.sample).sex,
        minimum_mapping_quality=lookup(
            "variants/calling/minimum_mapping_quality", within=settings
        ),
        minimum_base_quality=lookup(
            "variants/calling/minimum_base_quality", within=settings
        ),
        maximum_depth=lookup("variants/calling/maximum_depth", within=settings),
        gvcf_depths=flag(
            "--gvcf-depths",
            [str(one) for one in settings["variants"]["calling"]["gvcf_depths"]],
        ),
        minimum_quality=lookup("variants/calling/minimum_quality", within=settings),
        filters=flag("--filters", genomes.filters),
        minimum_alternate=lookup("variants/mosaic/minimum_alternate", within=settings),
        minimum_fraction=lookup("variants/mosaic/minimum_fraction", within=settings),
    shell:
        "python -m scleromyomics.variants.call"
        " --sample {wildcards.sample}"
        " --format {params.format}"
        " {params.column:q}"
        " --sex {params.sex}"
        " --source {input.source:q}"
        " --admission {input.admission:q}"
        " --genome {input.genome:q}"
        " --reference {input.reference:q}"
        " --targets {input.targets:q}"
        " --minimum-mapping-quality {params.minimum_mapping_quality}"
        " --minimum-base-quality {params.minimum_base_quality}"
        " --maximum-depth {params.maximum_depth}"
        " {params.gvcf_depths:q}"
        " --minimum-quality {params.minimum_quality}"
        " {params.filters:q}"
        " --minimum-alternate {params.minimum_alternate}"
        " --minimum-fraction {params.minimum_fraction}"
        " --threads {threads}"
        " --calls {output.calls:q}"
        " --index {output.index:q}"
        " --candidates {output.candidates:q}"
        " --candidates-index {output.candidates_index:q}"
        " --receipt {output.receipt:q}"
        " &> {log:q}"


rule variants_profile:
    """Bring the calls of one sample into arrays, measure its quality, and say whether to trust it."""
    input:
        calls=ancient("results/samples/variants/{freeze}/{sample}/calls.bcf"),
        calls_receipt="results/samples/variants/{freeze}/{sample}/calls.receipt.json",
        reads=lambda wildcards: ancient(
            genomes.aligned(wildcards.sample, "aligned.cram")
        ),
        aligned=lambda wildcards: genomes.aligned(
            wildcards.sample, "aligned.receipt.json"
        ),
        admission="results/samples/variants/{freeze}/{sample}/raw.receipt.json",
        genome=ancient("results/frozen/variants/{freeze}/reference/genome.fa"),
        reference="results/frozen/variants/{freeze}/reference/receipt.json",
        targets=lambda wildcards: ancient(
            genomes.targets(wildcards.sample, "targets.bed")
        ),
        targets_receipt=lambda wildcards: genomes.targets(
            wildcards.sample, "targets.receipt.json"
        ),
    output:
        profile="results/samples/variants/{freeze}/{sample}/profile.npz",
        quality="results/samples/variants/{freeze}/{sample}/quality.json",
        receipt="results/samples/variants/{freeze}/{sample}/profile.receipt.json",
    log:
        "logs/variants/profile/{freeze}/{sample}.log",
    benchmark:
        "benchmarks/variants/profile/{freeze}/{sample}.tsv"
    conda:
        "../envs/variants.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, input: 2000 + input.size_mb // 4,
        runtime=lambda wildcards, input: 30 + input.size_mb // 100,
    params:
        code=code_digest("scleromyomics.variants.profile"),
        tissue=lambda wildcards: plan.sample(wildcards.sample).tissue,
        sex=lambda wildcards: plan.participant(wildcards.sample).sex,
        reads=lambda wildcards, input: flag("--reads", input.reads),
        common=lambda wildcards, input: flag(
            "--common", genomes.common(wildcards.freeze)
        ),
        absent_is_reference=lambda wildcards: (
            "--absent-is-reference"
            if genomes.platform(
                plan.sample(wildcards.sample).platform
            ).absent_is_reference
            else ""
        ),
        mapped_min=lookup("variants/quality/mapped_min", within=settings),
        duplicates_max=lookup("variants/quality/duplicates_max", within=settings),
        proper_pairs_min=lookup("variants/quality/proper_pairs_min", within=settings),
        coverage_min=lookup("variants/quality/coverage_min", within=settings),
        covered_10x_min=lookup("variants/quality/covered_10x_min", within=settings),
        contamination_max=lookup("variants/quality/contamination_max", within=settings),
        titv_min=lookup("variants/quality/titv_min", within=settings),
        het_hom_max=lookup("variants/quality/het_hom_max", within=settings),
        variants_min=lookup("variants/quality/variants_min", within=settings),
        autosome_ratio_female_x=lookup(
            "variants/quality/autosome_ratio_female_x", within=settings
        ),
        autosome_ratio_male_y=lookup(
            "variants/quality/autosome_ratio_male_y", within=settings
        ),
    shell:
        "python -m scleromyomics.variants.profile"
        " --sample {wildcards.sample}"
        " --tissue {params.tissue}"
        " --sex {params.sex}"
        " --admission {input.admission:q}"
        " --calls {input.calls:q}"
        " {params.reads:q}"
        " --genome {input.genome:q}"
        " --reference {input.reference:q}"
        " --targets {input.targets:q}"
        " {params.common:q}"
        " {params.absent_is_reference}"
        " --mapped-min {params.mapped_min}"
        " --duplicates-max {params.duplicates_max}"
        " --proper-pairs-min {params.proper_pairs_min}"
        " --coverage-min {params.coverage_min}"
        " --covered-10x-min {params.covered_10x_min}"
        " --contamination-max {params.contamination_max}"
        " --titv-min {params.titv_min}"
        " --het-hom-max {params.het_hom_max}"
        " --variants-min {params.variants_min}"
        " --autosome-ratio-female-x {params.autosome_ratio_female_x}"
        " --autosome-ratio-male-y {params.autosome_ratio_male_y}"
        " --threads {threads}"
        " --profile {output.profile:q}"
        " --quality {output.quality:q}"
        " --receipt {output.receipt:q}"
        " &> {log:q}"


rule variants_quality:
    """Collect the quality of every sample of a release in one table."""
    input:
        quality=plan.products("quality.json", assay="variants"),
    output:
        table="results/releases/{release}/cohort/variants_quality.tsv",
    log:
        "logs/variants/quality/{release}.log",
    benchmark:
        "benchmarks/variants/quality/{release}.tsv"
    conda:
        "../envs/variants.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_digest("scleromyomics.variants.quality"),
        rows=plan.release_digest("variants"),
    shell:
        "python -m scleromyomics.variants.quality"
        " --study ."
        " --release {wildcards.release}"
        " --rows {params.rows}"
        " --table {output.table:q}"
        " &> {log:q}"
