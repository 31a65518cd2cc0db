"""Numerics without files: arrays in, arrays out."""
