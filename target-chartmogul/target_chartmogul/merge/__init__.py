"""Merges customers with those of the billing system, and takes merges apart."""
