"""Rings against replicas: the layouts, the program of the ranks, and the table of what came out."""
