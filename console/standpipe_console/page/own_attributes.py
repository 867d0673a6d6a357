"""What attributes are that the setting `attributes` of the map renames or computes. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: An entry of the setting that is only a name renames an attribute; any other text is an expression.
_NAME = re.compile(r"[^\W\d]\w*")


def describe_own_attribute(name: str, table: Mapping[str, object], described: Mapping[str, str], prefix: str) -> str:
    """Return what an attribute of the user says; empty when the setting does not make it.

    Args:
        name: its name without the prefix.
        table: the setting.
        described: what each derived attribute says, by its name without the prefix.
        prefix: what names in the setting may begin with.
    """
    for key, value in table.items():
        base = key.removeprefix(prefix)
        if not isinstance(value, str):
            continue
        if base in described and _NAME.fullmatch(value.strip()):
            if value.strip().removeprefix(prefix) == name:
                return described[base]
        elif base == name:
            return f"Computed: {value.strip()}"
    return ""
