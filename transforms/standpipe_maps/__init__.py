"""Singer mappers that turn billing rows into Intercom records."""
