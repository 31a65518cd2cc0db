rule genotypes_fit:
    """List the sites of the freeze's samples, and how often controls show each allele by error: once for all."""
    input:
        profiles=lambda wildcards: ancient(
            plan.freeze_products("profile.npz", wildcards, assay="variants")
        ),
        quality=lambda wildcards: plan.freeze_products(
            "quality.json", wildcards, assay="variants"
        ),
        genome=ancient("results/frozen/variants/{freeze}/reference/genome.fa"),
        reference="results/frozen/variants/{freeze}/reference/receipt.json",
        targets=ancient("results/frozen/variants/{freeze}/{platform}/targets.bed"),
        annotations=ancient(genomes.annotations),
    output:
        model="results/frozen/variants/{freeze}/{platform}/model.npz",
        samples="results/frozen/variants/{freeze}/{platform}/samples.tsv",
        receipt="results/frozen/variants/{freeze}/{platform}/model.receipt.json",
    log:
        "logs/genotypes/fit/{freeze}/{platform}.log",
    benchmark:
        "benchmarks/genotypes/fit/{freeze}/{platform}.tsv"
    conda:
        "../envs/variants.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, input: 2000 + 4 * input.size_mb,
        runtime=120,
    params:
        code=code_digest("scleromyomics.genotypes.fit"),
        rows=lambda wildcards: plan.freeze_digest(wildcards, assay="variants"),
        annotations=flag("--annotations", genomes.named_annotations),
        fields=flag("--fields", settings["variants"]["reference"]["fields"]),
        rarity=flag("--rarity", settings["variants"]["burden"]["rarity"] or ""),
        rarity_field=lookup("variants/burden/field", within=settings),
        rarity_maximum=lookup("variants/burden/maximum", within=settings),
    shell:
        "python -m scleromyomics.genotypes.fit"
        " --study ."
        " --freeze {wildcards.freeze}"
        " --platform {wildcards.platform}"
        " --rows {params.rows}"
        " --genome {input.genome:q}"
        " --targets {input.targets:q}"
        " {params.annotations:q}"
        " {params.fields:q}"
        " {params.rarity:q}"
        " --rarity-field {params.rarity_field:q}"
        " --rarity-maximum {params.rarity_maximum}"
        " --model {output.model:q}"
        " --samples {output.samples:q}"
        " --receipt {output.receipt:q}"
        " &> {log:q}"


rule genotypes_sites:
    """List all sites of a release: the frozen ones as they are, and those seen since."""
    input:
        profiles=ancient(genomes.products("profile.npz")),
        quality=genomes.products("quality.json"),
        receipts=genomes.products("profile.receipt.json"),
        models=ancient(genomes.models),
        model_receipts=genomes.model_receipts,
        genomes=ancient(genomes.genomes),
        annotations=ancient(genomes.annotations),
    output:
        sites="results/releases/{release}/variants/sites.parquet",
    log:
        "logs/genotypes/sites/{release}.log",
    benchmark:
        "benchmarks/genotypes/sites/{release}.tsv"
    conda:
        "../envs/variants.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, input: 2000 + 4 * input.size_mb,
        runtime=120,
    params:
        code=code_digest("scleromyomics.genotypes.sites"),
        rows=plan.release_digest("variants"),
        annotations=flag("--annotations", genomes.named_annotations),
        fields=flag("--fields", settings["variants"]["reference"]["fields"]),
        rarity=flag("--rarity", settings["variants"]["burden"]["rarity"] or ""),
        rarity_field=lookup("variants/burden/field", within=settings),
        rarity_maximum=lookup("variants/burden/maximum", within=settings),
    shell:
        "python -m scleromyomics.genotypes.sites"
        " --study ."
        " --release {wildcards.release}"
        " --rows {params.rows}"
        " --models {input.models:q}"
        " --genomes {input.genomes:q}"
        " {params.annotations:q}"
        " {params.fields:q}"
        " {params.rarity:q}"
        " --rarity-field {params.rarity_field:q}"
        " --rarity-maximum {params.rarity_maximum}"
        " --sites {output.sites:q}"
        " &> {log:q}"


rule genotypes_joint:
    """Write all samples of a release at all sites, and one germline per participant."""
    input:
        profiles=ancient(genomes.products("profile.npz")),
        quality=genomes.products("quality.json"),
        receipts=genomes.products("profile.receipt.json"),
        sites="results/releases/{release}/variants/sites.parquet",
        genomes=ancient(genomes.genomes),
    output:
        genotypes="results/releases/{release}/variants/genotypes.bcf",
        index="results/releases/{release}/variants/genotypes.bcf.csi",
        germline="results/releases/{release}/variants/germline.h5ad",
        discordant="results/releases/{release}/variants/discordant.tsv",
        receipt="results/releases/{release}/variants/joint.receipt.json",
    log:
        "logs/genotypes/joint/{release}.log",
    benchmark:
        "benchmarks/genotypes/joint/{release}.tsv"
    conda:
        "../envs/variants.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, input: 2000 + 4 * input.size_mb,
        runtime=240,
    params:
        code=code_digest("scleromyomics.genotypes.joint"),
        rows=plan.release_digest("variants"),
    shell:
        "python -m scleromyomics.genotypes.joint"
        " --study ."
        " --release {wildcards.release}"
        " --rows {params.rows}"
        " --sites {input.sites:q}"
        " --genomes {input.genomes:q}"
        " --genotypes {output.genotypes:q}"
        " --germline {output.germline:q}"
        " --discordant {output.discordant:q}"
        " --receipt {output.receipt:q}"
        " &> {log:q}"


rule genotypes_within:
    """Count the reads of each allele in all samples of one participant, and compare the samples."""
    input:
        reads=lambda wildcards: ancient(
            genomes.own_aligned(wildcards.participant, "aligned.cram")
        ),
        candidates=lambda wildcards: ancient(
            genomes.own_products(wildcards.participant, "candidates.bcf")
        ),
        profiles=lambda wildcards: ancient(
            genomes.own_products(wildcards.participant, "profile.npz")
        ),
        quality=lambda wildcards: genomes.own_products(
            wildcards.participant, "quality.json"
        ),
        receipts=lambda wildcards: genomes.own_products(
            wildcards.participant, "profile.receipt.json"
        ),
        genome=lambda wildcards: ancient(genomes.own_genome(wildcards.participant)),
    output:
        table="results/releases/{release}/variants/within/{participant}.parquet",
        counts="results/releases/{release}/variants/within/{participant}.counts.parquet",
    log:
        "logs/genotypes/within/{release}/{participant}.log",
    benchmark:
        "benchmarks/genotypes/within/{release}/{participant}.tsv"
    conda:
        "../envs/variants.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, threads: 2000 + 500 * threads,
        runtime=120,
    params:
        code=code_digest("scleromyomics.genotypes.within"),
        rows=plan.release_digest("variants"),
        minimum_mapping_quality=lookup(
            "variants/calling/minimum_mapping_quality", within=settings
        ),
        minimum_base_quality=lookup(
            "variants/calling/minimum_base_quality", within=settings
        ),
        maximum_depth=lookup("variants/calling/maximum_depth", within=settings),
        minimum_depth=lookup("variants/mosaic/minimum_depth", within=settings),
        overdispersion=lookup("variants/mosaic/overdispersion", within=settings),
    shell:
        "python -m scleromyomics.genotypes.within"
        " --study ."
        " --release {wildcards.release}"
        " --rows {params.rows}"
        " --participant {wildcards.participant}"
        " --genome {input.genome:q}"
        " --minimum-mapping-quality {params.minimum_mapping_quality}"
        " --minimum-base-quality {params.minimum_base_quality}"
        " --maximum-depth {params.maximum_depth}"
        " --minimum-depth {params.minimum_depth}"
        " --overdispersion {params.overdispersion}"
        " --threads {threads}"
        " --table {output.table:q}"
        " --counts {output.counts:q}"
        " &> {log:q}"


rule genotypes_mosaic:
    """Tell mosaic variants from errors, over the participants of a release."""
    input:
        counts=ancient(genomes.counts),
        tables=genomes.tables,
        panels=ancient(genomes.panels),
        reads=ancient(genomes.alignments),
        germline=ancient("results/releases/{release}/variants/germline.h5ad"),
        joint="results/releases/{release}/variants/joint.receipt.json",
        genomes=ancient(genomes.genomes),
        annotations=ancient(genomes.annotations),
    output:
        mosaic="results/releases/{release}/variants/mosaic.tsv",
    log:
        "logs/genotypes/mosaic/{release}.log",
    benchmark:
        "benchmarks/genotypes/mosaic/{release}.tsv"
    conda:
        "../envs/variants.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, input: 2000 + 4 * input.size_mb // 10,
        runtime=120,
    params:
        code=code_digest("scleromyomics.genotypes.mosaic"),
        rows=plan.release_digest("variants"),
        counts=lambda wildcards, input: flag("--counts", input.counts),
        tables=lambda wildcards, input: flag("--tables", input.tables),
        panels=lambda wildcards, input: flag("--panels", input.panels),
        minimum_mapping_quality=lookup(
            "variants/calling/minimum_mapping_quality", within=settings
        ),
        minimum_base_quality=lookup(
            "variants/calling/minimum_base_quality", within=settings
        ),
        maximum_depth=lookup("variants/calling/maximum_depth", within=settings),
        minimum_depth=lookup("variants/mosaic/minimum_depth", within=settings),
        minimum_alternate=lookup("variants/mosaic/minimum_alternate", within=settings),
        minimum_fraction=lookup("variants/mosaic/minimum_fraction", within=settings),
        maximum_fraction=lookup("variants/mosaic/maximum_fraction", within=settings),
        overdispersion=lookup("variants/mosaic/overdispersion", within=settings),
        false_discovery_rate=lookup(
            "variants/mosaic/false_discovery_rate", within=settings
        ),
        annotations=flag("--annotations", genomes.named_annotations),
        rarity=flag("--rarity", settings["variants"]["burden"]["rarity"] or ""),
        rarity_field=lookup("variants/burden/field", within=settings),
        rarity_maximum=lookup("variants/burden/maximum", within=settings),
    shell:
        "python -m scleromyomics.genotypes.mosaic"
        " --study ."
        " --release {wildcards.release}"
        " --rows {params.rows}"
        " {params.counts:q}"
        " {params.tables:q}"
        " {params.panels:q}"
        " --germline {input.germline:q}"
        " --genomes {input.genomes:q}"
        " --minimum-mapping-quality {params.minimum_mapping_quality}"
        " --minimum-base-quality {params.minimum_base_quality}"
        " --maximum-depth {params.maximum_depth}"
        " --minimum-depth {params.minimum_depth}"
        " --minimum-alternate {params.minimum_alternate}"
        " --minimum-fraction {params.minimum_fraction}"
        " --maximum-fraction {params.maximum_fraction}"
        " --overdispersion {params.overdispersion}"
        " --false-discovery-rate {params.false_discovery_rate}"
        " {params.annotations:q}"
        " {params.rarity:q}"
        " --rarity-field {params.rarity_field:q}"
        " --rarity-maximum {params.rarity_maximum}"
        " --threads {threads}"
        " --mosaic {output.mosaic:q}"
        " &> {log:q}"
