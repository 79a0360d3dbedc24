"""Measurements: what a step, an all-reduce and more ranks cost, as figures with their range and as lines of JSON."""
