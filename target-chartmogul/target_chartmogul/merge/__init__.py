"""Merges customers with those of the billing system, and undoes merges."""
