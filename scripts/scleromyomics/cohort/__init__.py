"""The cohort as one release sees it: completeness, eligibility, verdicts, samples held back."""
