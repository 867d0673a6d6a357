"""Prints the result of a command: as JSON, or as lines for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from standpipe_maps._kit.json_types import JsonValue

AS_JSON = click.Option(["--json", "as_json"], is_flag=True, help="Print JSON.")


def print_result(result: Mapping[str, JsonValue], *, as_json: bool) -> None:
    """Print the result of a command: as JSON, or as lines for people."""
    click.echo(json.dumps(result, ensure_ascii=False, indent=2) if as_json else "\n".join(_format_lines(result)))


def _format_lines(value: JsonValue, indent: str = "") -> Iterator[str]:
    if not isinstance(value, dict | list):
        yield f"{indent}{value}"
        return
    entries = value.items() if isinstance(value, dict) else (("-", one) for one in value)
    for name, inner in entries:
        if inner and isinstance(inner, dict | list):
            yield f"{indent}{name}:" if name != "-" else f"{indent}-"
            yield from _format_lines(inner, f"{indent}  ")
        else:
            yield f"{indent}{name}{'' if name == '-' else ':'} {'none' if inner in (None, [], {}) else inner}"
