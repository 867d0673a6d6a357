"""Decisions about records: the rules, the facts that they need, and the guard against too many changes."""
