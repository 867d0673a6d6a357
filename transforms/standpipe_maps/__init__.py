"""Singer mappers that turn billing rows into Intercom records, and Intercom companies into ChartMogul leads."""
