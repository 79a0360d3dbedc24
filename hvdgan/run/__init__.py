"""The composition root: the only place where the rooms meet; one module per verb of the command line."""
