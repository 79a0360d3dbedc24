"""The ablation of the training recipe; see scripts/benchmarks/recipes."""
