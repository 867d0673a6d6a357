"""What a run leaves behind: counts, tables and lists."""
