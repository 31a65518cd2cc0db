"""Exomes and whole genomes: reads, alignments or genotypes to variants per sample, per participant and per release."""
