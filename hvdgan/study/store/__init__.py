"""Where a study is kept: any Optuna storage, opened, recognised, repaired and held by one process."""
