"""What a model in shards takes of each rank; see scripts/benchmarks/shards."""
