"""Names for JSON as it comes from a vendor or a Singer message, before it is decoded into a type."""

from __future__ import annotations

from typing import Any, TypeAlias

# Any stands here alone: what a value is follows from a schema or is proved where it is read.
JsonValue: TypeAlias = Any
JsonObject: TypeAlias = dict[str, Any]
