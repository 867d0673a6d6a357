"""The simulated business, before any vendor's API shows it."""

from sandbox.business.records import Person

__all__ = ["Person"]
