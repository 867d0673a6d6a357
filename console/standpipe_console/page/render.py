"""Templates: all values are escaped, and a missing name is an error."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from . import formats

if TYPE_CHECKING:
    from collections.abc import Callable

_CODE = re.compile(r"`([^`]+)`")


def build_templates(clock: Callable[[], float]) -> Environment:
    """Return the templates.

    Args:
        clock: unix seconds.
    """
    templates = Environment(
        loader=PackageLoader("standpipe_console.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "money": formats.format_money,
        "number": formats.format_number,
        "duration": formats.format_duration,
        "time": lambda at: formats.format_time(at, clock(), None),
        "waiting": lambda at: formats.format_waiting(clock() - at),
        "age": lambda at: formats.format_age(clock() - at),
        "exact_time": formats.format_exact_time,
        "value": lambda value, name: formats.format_value(name, value),
        "field": formats.shorten_field,
        "plural": formats.pluralise,
        "prose": format_prose,
        "is_web": is_web_address,
    }
    templates.globals["zone_name"] = datetime.now().astimezone().tzname()
    return templates


def format_prose(text: Any) -> Markup:
    """Return a sentence as HTML, in which words between backticks are code and everything else is text."""
    words = _CODE.sub(r"<code>\1</code>", str(escape(text)))
    # It is isolated, so that right-to-left marks in a name do not affect other text.
    return Markup(f"<bdi>{words}</bdi>")  # noqa: S704 escaped above


def is_web_address(text: Any) -> bool:
    """Return whether a link may lead there: an address of the web, never a script."""
    return isinstance(text, str) and urlsplit(text).scheme in {"https", "http"}
