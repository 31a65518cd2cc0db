"""Exomes and whole genomes: the reads, alignments or genotypes of one sample alone, up to its profile."""
