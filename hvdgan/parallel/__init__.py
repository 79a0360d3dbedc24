"""Processes: who they are, how they are grouped and how they talk."""
