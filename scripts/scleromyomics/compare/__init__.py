"""Matrices to answered questions: one result table per question, assay and tissue."""
