"""HDF5 files: formats, splits and bounded-memory streams."""
