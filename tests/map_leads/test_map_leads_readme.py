"""The README's part about map-leads agrees with the code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from standpipe_maps.leads.mapper import MapLeads
from standpipe_maps.leads.records import ODD
from standpipe_maps.leads.schema import CONTACT_FIELDS, CUSTOMER_FIELDS

README = (Path(__file__).parents[2] / "transforms/README.md").read_text().partition("\n# map-leads\n")[2]
SETTINGS = MapLeads.config_jsonschema["properties"]


def rows(heading: str) -> dict[str, list[str]]:
    """Return the rows of the table with this heading, by their first cell."""
    table = README.partition(f"| {heading} |")[2].partition("\n\n")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return {first.strip("`"): others for first, *others in cells}


def test_every_setting_and_no_other_is_in_the_readme() -> None:
    """The README lists every setting as a question with its default, and no other."""
    documented = rows("setting")
    assert set(documented) == set(SETTINGS)
    for name, schema in SETTINGS.items():
        assert "?" in documented[name][0]
        if default := schema.get("default"):
            assert documented[name][1] == f"`{str(default).lower() if default is True else default}`"


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_every_value_of_a_setting_is_in_the_readme(name: str) -> None:
    """The README explains every value of a setting."""
    for value in SETTINGS[name].get("enum", []):
        assert f"`{value}`" in " ".join(rows("setting")[name])


@pytest.mark.parametrize(
    ("heading", "fields"), [("field of `customers`", CUSTOMER_FIELDS), ("field of `contacts`", CONTACT_FIELDS)]
)
def test_every_field_is_in_the_readme(heading: str, fields: list[tuple[str, dict[str, object], str, str]]) -> None:
    """The README lists every field with its source, in the order of the code."""
    documented = list(rows(heading).items())
    assert [(name, cells[0]) for name, cells in documented[: len(fields)]] == [
        (name, source) for name, _, _, source in fields
    ]


def test_whatever_is_reported_by_id_is_in_the_readme() -> None:
    """The README has a row for each kind of odd record."""
    odd = " ".join(rows("what comes"))
    for note in ODD:
        assert note.replace("_", " ") in odd


def test_about_lists_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    """`--about` lists the same settings, each with a description."""
    MapLeads.print_about("json")
    settings = json.loads(capsys.readouterr().out)["settings"]["properties"]
    assert set(settings) == set(SETTINGS)
    assert all(setting["description"] for setting in settings.values())
