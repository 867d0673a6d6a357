"""Commands for imported data."""
