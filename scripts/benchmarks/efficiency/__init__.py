"""How well the coordinator of a study keeps its groups busy: cases, the program of the ranks, figures and tables."""
