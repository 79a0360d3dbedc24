"""One training run, without a framework in sight."""
