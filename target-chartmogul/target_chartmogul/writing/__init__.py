"""Writes what was decided, and remembers what ChartMogul did not accept."""
