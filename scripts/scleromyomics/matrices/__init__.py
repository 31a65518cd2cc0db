"""Per-sample profiles to one matrix per assay, tissue and timepoint."""
