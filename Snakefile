"""From the sheets and raw files of a study directory to the newest release of its results.

Run inside a study directory (`snakemake --directory STUDY`); `scleromyomics run STUDY` does the same.
"""

from snakemake.utils import min_version

min_version("9.27.1")


include: "rules/common.smk"
include: "rules/cohort.smk"
include: "rules/microarray.smk"
include: "rules/variants.smk"
include: "rules/genotypes.smk"
include: "rules/matrices.smk"
include: "rules/describe.smk"
include: "rules/compare.smk"
include: "rules/report.smk"


rule all:
    default_target: True
    input:
        plan.targets,
