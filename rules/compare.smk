rule compare_question:
    """Answer one question in one assay and tissue, feature by feature, as far as its verdict allows."""
    input:
        matrices=lambda wildcards: ancient(plan.question_products(".h5ad", wildcards)),
        receipts=lambda wildcards: plan.question_products(".receipt.json", wildcards),
        # The verdict follows from the rows below and the samples in the matrices: these carry the trigger.
        verdicts=ancient("results/releases/{release}/cohort/verdicts.tsv"),
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
        " --verdicts {input.verdicts:q}"
        " --table {output.table:q}"
        " &> {log:q}"
