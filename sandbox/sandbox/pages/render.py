"""Views as HTML, everything in them escaped."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from sandbox.pages.tables import instant

if TYPE_CHECKING:
    from sandbox.pages.views import View

NAVIGATION = (
    ("Sandbox", "/"),
    ("Contacts", "/pages/contacts"),
    ("Companies", "/pages/companies"),
    ("ChartMogul", "/pages/chartmogul/customers"),
)


def html(view: View, now: int) -> str:
    """Return the whole page; `now` is the business clock's present."""
    return _template().render(view=view, now=instant(now), navigation=NAVIGATION)


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("sandbox.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html")
