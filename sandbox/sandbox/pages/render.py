"""Pages as HTML, with all values escaped."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from sandbox.pages.tables import format_instant

if TYPE_CHECKING:
    from sandbox.pages.views import View

NAVIGATION = (
    ("Sandbox", "/"),
    ("Contacts", "/pages/contacts"),
    ("Companies", "/pages/companies"),
    ("ChartMogul", "/pages/chartmogul/customers"),
)


def render_page(view: View, now: int) -> str:
    """Return the whole page; `now` is the business clock's present time."""
    return _load_template().render(view=view, now=format_instant(now), navigation=NAVIGATION)


@cache
def _load_template() -> Template:
    environment = Environment(
        loader=PackageLoader("sandbox.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html")
