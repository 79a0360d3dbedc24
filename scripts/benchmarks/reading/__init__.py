"""How fast a training is fed, and from how much memory; see scripts/benchmarks/input for the command line."""
