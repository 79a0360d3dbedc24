"""The same training with nothing but torch's DistributedDataParallel; see scripts/benchmarks/ddp."""
