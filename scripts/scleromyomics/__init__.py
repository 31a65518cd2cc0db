"""Longitudinal multi-omics of systemic sclerosis and inflammatory myopathies."""

__version__ = "0.1.0"
