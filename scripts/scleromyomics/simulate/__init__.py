"""The toy cohort: sheets, references and raw files with planted, recorded truth."""
