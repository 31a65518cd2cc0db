"""All that the Snakefile may import: config, sheets, cohort, verdicts, targets. Pure and fast to import."""
