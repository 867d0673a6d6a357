"""Commands on what was imported."""
