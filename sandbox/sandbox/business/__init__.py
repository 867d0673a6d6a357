"""The simulated business: what is true, before any vendor's API puts it into words."""

from sandbox.business.records import Person

__all__ = ["Person"]
