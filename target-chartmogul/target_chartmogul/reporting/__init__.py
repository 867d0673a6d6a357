"""The results of a run: counts, tables and lists."""
