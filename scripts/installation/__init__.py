"""What scripts/setup does once it has found a Python: standard library only, nothing is installed yet."""
