"""Names for the types of undecoded JSON."""

from __future__ import annotations

from typing import Any, TypeAlias

JsonValue: TypeAlias = Any
"""A JSON value whose type is not checked yet."""
JsonObject: TypeAlias = dict[str, Any]
"""A JSON object whose members are not checked yet."""
