"""How a map says no: one sentence, with the remedy."""

from __future__ import annotations

from standpipe_maps._kit.errors import UserError

__all__ = ["UserError"]
