"""tap-chargebee's README and schema files agree with the code."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tap_chargebee.streams.resources import STREAMS
from tap_chargebee.tap import TapChargebee

if TYPE_CHECKING:
    from tap_chargebee.streams.resource import Resource

TAP = Path(__file__).parents[2] / "tap-chargebee"
README = (TAP / "README.md").read_text()
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in README.splitlines() if line.startswith("| `")]
SDK_SETTINGS = ("stream_map", "faker_config", "flattening_")
SETTINGS: dict[str, dict[str, Any]] = {
    name: schema
    for name, schema in TapChargebee.config_jsonschema["properties"].items()
    if not name.startswith(SDK_SETTINGS)
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_stands_in_the_readme(name: str) -> None:
    """The README lists every setting with its default and the description that --about prints."""
    default = SETTINGS[name].get("default")
    shown = "" if default is None else f"`{json.dumps(default)}`"
    if name in TapChargebee.config_jsonschema["required"]:
        shown = "required"
    assert [f"`{name}`", shown, SETTINGS[name]["description"]] in ROWS


@pytest.mark.parametrize("resource", STREAMS, ids=[resource.name for resource in STREAMS])
def test_a_stream_stands_in_the_readme(resource: Resource) -> None:
    """The README lists every stream with path, key, replication key, siblings and catalog."""
    keys = ", ".join(f"`{key}`" for key in resource.primary_keys)
    siblings = ", ".join(f"`{sibling}`" for sibling in resource.siblings)
    replication_key = f"`{resource.replication_key}`" if resource.replication_key else ""
    catalog = "" if resource.catalogs == (1, 2) else str(resource.catalogs[0])
    assert [f"`{resource.name}`", f"`{resource.path}`", keys, replication_key, siblings, catalog] in ROWS


def test_the_readme_lists_nothing_else() -> None:
    """The README lists no setting and no stream that does not exist."""
    listed = [row[0].strip("`") for row in ROWS]
    assert sorted(listed) == sorted([*SETTINGS, *(resource.name for resource in STREAMS)])


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_is_described(name: str) -> None:
    """Every setting has a title and a description, and only the key is secret."""
    schema = SETTINGS[name]
    assert schema["title"]
    assert schema["description"].endswith(".")
    assert schema.get("secret", False) is (name in {"api_key", "limit_url"})


def test_the_schemas_are_those_of_the_client() -> None:
    """The committed schema files equal the output of scripts/make_schemas.py."""
    spec = importlib.util.spec_from_file_location("make_schemas", TAP / "scripts" / "make_schemas.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    committed = {path.name: path.read_text() for path in (TAP / "tap_chargebee" / "schemas").glob("*.json")}
    assert committed == module.build_files()


@pytest.mark.parametrize("resource", STREAMS, ids=[resource.name for resource in STREAMS])
def test_a_schema_is_open(resource: Resource) -> None:
    """Schemas allow a site's own fields; the times that a stream is read by are integers."""
    schema = json.loads((TAP / "tap_chargebee" / "schemas" / f"{resource.name}.json").read_text())
    assert schema["additionalProperties"] is True
    assert schema["required"] == list(resource.primary_keys)
    for time in {resource.replication_key, resource.time} - {None}:
        assert schema["properties"][time] == {"type": ["integer", "null"]}
