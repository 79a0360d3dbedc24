"""Measure a full step of 3DGAN against straightforward implementations of it; see scripts/benchmarks/step."""
