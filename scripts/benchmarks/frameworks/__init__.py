"""Measure one Gan in both frameworks; see scripts/benchmarks/backends."""
