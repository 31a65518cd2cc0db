"""Genotypes of many samples: the frozen sites, those of a release, one germline per participant, mosaic variants."""
