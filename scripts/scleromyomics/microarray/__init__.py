"""RNA chips: Affymetrix CEL files, or expression tables, to one frozen profile per sample."""
