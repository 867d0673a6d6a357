"""Which customer or contact of ChartMogul a record is."""
