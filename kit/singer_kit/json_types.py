"""Type names for JSON from a vendor or a Singer message before it is decoded."""

from __future__ import annotations

from typing import Any, TypeAlias

# Only this module uses Any for JSON. A schema, or the code that reads a value, checks its type.
JsonValue: TypeAlias = Any
JsonObject: TypeAlias = dict[str, Any]
