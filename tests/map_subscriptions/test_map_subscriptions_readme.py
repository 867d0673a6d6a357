"""The README agrees with the code."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from standpipe_maps.subscriptions import money
from standpipe_maps.subscriptions.attributes import ATTRIBUTES, list_company_fields, list_contact_fields
from standpipe_maps.subscriptions.mapper import MapSubscriptions
from standpipe_maps.subscriptions.records import ODD

README = (Path(__file__).parents[2] / "transforms/README.md").read_text().partition("\n# map-leads\n")[0]
ROWS = {
    cells[0].strip("`"): cells[1:]
    for line in README.splitlines()
    if line.startswith("| `")
    for cells in [[cell.strip() for cell in line.strip("|").split("|")]]
}
SETTINGS = MapSubscriptions.config_jsonschema["properties"]


def test_every_setting_and_no_other_is_in_the_readme() -> None:
    """The README lists every setting with its default, and no other."""
    documented = {name: cells for name, cells in ROWS.items() if not name.startswith("cb_")}
    assert set(documented) == set(SETTINGS)
    for name, schema in SETTINGS.items():
        if schema.get("default") and not isinstance(schema["default"], list):
            assert documented[name][0] == f"`{schema['default']}`"


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_every_value_of_a_setting_is_in_the_readme(name: str) -> None:
    """The README explains every value of a setting."""
    for value in SETTINGS[name].get("enum", []):
        assert f"`{value}`" in " ".join(ROWS[name])


def test_every_attribute_and_no_other_is_in_the_readme() -> None:
    """The README lists every attribute with its source in the order of the code, and no other."""
    documented = {name: cells[0] for name, cells in ROWS.items() if name.startswith("cb_")}
    assert list(documented.items()) == [(f"cb_{one.name}", one.source) for one in ATTRIBUTES]


def test_every_standard_field_is_in_the_readme() -> None:
    """The README names every standard field of contacts and of companies."""
    for one in (*list_contact_fields("id", "id"), *list_company_fields("id", "company")):
        assert f"`{one.name}`" in README


def test_every_currency_without_decimals_is_in_the_readme() -> None:
    """The README lists the same currencies without decimals as the code."""
    listed = re.search(r"that have none \(([A-Z, ]+)\)", README)
    assert listed
    assert set(listed[1].split(", ")) == money.ZERO_DECIMAL


def test_whatever_is_reported_by_id_is_in_the_readme() -> None:
    """The README names each kind of odd record."""
    words = {"no_exchange_rate": "a missing exchange rate"}
    for note in ODD:
        assert words.get(note, note.replace("_", " ")) in README


def test_about_lists_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    """`--about` lists the same settings, each with a description."""
    MapSubscriptions.print_about("json")
    settings = json.loads(capsys.readouterr().out)["settings"]["properties"]
    assert set(settings) == set(SETTINGS)
    assert all(setting["description"] for setting in settings.values())
