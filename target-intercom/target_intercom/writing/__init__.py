"""Writes to Intercom: attributes, contacts and companies; and what one run remembers for the next."""
