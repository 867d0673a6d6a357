"""The sandbox's README documents every switch, control call and list."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from sandbox.chargebee.resources import RESOURCES, Resource
from sandbox.intercom.resources import RESOURCES as LISTS
from sandbox.settings import Settings
from sandbox.world import World

from sandbox import control

README = (Path(__file__).parents[2] / "sandbox" / "README.md").read_text(encoding="utf-8")
CONTROL = [
    f"{method} {route.path}"
    for route in control.build_routes(World(Settings(customers=0)))
    for method in sorted(route.methods or ())
    if method != "HEAD"
]


@pytest.mark.parametrize("name", [field.name for field in fields(Settings)])
def test_every_switch_is_documented_with_its_default(name: str) -> None:
    """Every setting has a row with its default, written as in JSON."""
    default = getattr(Settings(), name)
    shown = str(default).lower() if isinstance(default, bool) else str(default)
    assert f"| `{name}` | {shown} |" in README


def test_every_switch_of_the_readme_is_there() -> None:
    """The table of switches has no row for a setting that does not exist."""
    table = README.partition("| switch | default | |")[2].partition("\n\n")[0]
    named = {line.split("`")[1] for line in table.splitlines() if line.startswith("| `")}
    assert named == {field.name for field in fields(Settings)}


@pytest.mark.parametrize("call", CONTROL)
def test_every_control_call_is_documented(call: str) -> None:
    """Every control call has a row with its method and path."""
    assert f"| `{call}` |" in README


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.path)
def test_every_chargebee_list_is_documented(resource: Resource) -> None:
    """Every Chargebee list has a row with its object, siblings and sorts."""
    (row,) = [line for line in README.splitlines() if line.startswith(f"| `GET /{resource.path}`")]
    assert all(f"`{word}`" in row for word in (resource.object, *resource.siblings, *resource.sorts))


@pytest.mark.parametrize("path", [one.path for one in LISTS if not one.select])
def test_every_intercom_list_is_documented(path: str) -> None:
    """The path of every Intercom list is documented."""
    assert f"`{path}`" in README
