"""A Singer target for ChartMogul."""
