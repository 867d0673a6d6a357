"""Alerts: one message to people for each change in what is wrong with a pipeline."""
