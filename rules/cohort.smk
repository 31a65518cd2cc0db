ruleorder: cohort_tables > compare_question


rule cohort_tables:
    """Write who was expected, received and lost, who is eligible, and what the sheets can answer."""
    output:
        completeness="results/releases/{release}/cohort/completeness.tsv",
        attrition="results/releases/{release}/cohort/attrition.tsv",
        eligibility="results/releases/{release}/cohort/eligibility.tsv",
        planned="results/releases/{release}/cohort/planned.tsv",
        unasked=plan.unasked_tables,  # zero rows: questions without samples or without a method
    log:
        "logs/cohort/tables/{release}.log",
    benchmark:
        "benchmarks/cohort/tables/{release}.tsv"
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_digest("scleromyomics.cohort.tables"),
        rows=plan.cohort_digest,
    shell:
        "python -m scleromyomics.cohort.tables"
        " --study ."
        " --release {wildcards.release}"
        " --rows {params.rows}"
        " --completeness {output.completeness:q}"
        " --attrition {output.attrition:q}"
        " --eligibility {output.eligibility:q}"
        " --planned {output.planned:q}"
        " --compare results/releases/{wildcards.release}/compare"
        " &> {log}"


rule cohort_verdicts:
    """Judge every question again on the samples that passed quality."""
    input:
        quality=plan.quality_tables,
    output:
        verdicts="results/releases/{release}/cohort/verdicts.tsv",
        held="results/releases/{release}/cohort/held_back.tsv",
    log:
        "logs/cohort/verdicts/{release}.log",
    benchmark:
        "benchmarks/cohort/verdicts/{release}.tsv"
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_digest("scleromyomics.cohort.verdicts"),
        rows=plan.cohort_digest,
        quality=lambda wildcards, input: flag("--quality", input.quality),
    shell:
        "python -m scleromyomics.cohort.verdicts"
        " --study ."
        " --release {wildcards.release}"
        " --rows {params.rows}"
        " {params.quality:q}"
        " --verdicts {output.verdicts:q}"
        " --held {output.held:q}"
        " &> {log}"
