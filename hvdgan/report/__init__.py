"""Pictures and tables from plain rows."""
