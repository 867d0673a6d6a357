"""Decisions about records, and their exact changes."""
