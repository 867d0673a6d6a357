"""Alerts: what is wrong with a pipeline, told once to whoever is to know."""
