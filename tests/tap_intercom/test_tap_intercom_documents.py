"""tap-intercom's README and schema files agree with the code."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tap_intercom.streams.resources import STREAMS
from tap_intercom.tap import TapIntercom

if TYPE_CHECKING:
    from tap_intercom.streams.resource import Resource

ROOT = Path(__file__).parents[2]
TAP = ROOT / "tap-intercom"
README = (TAP / "README.md").read_text()
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in README.splitlines() if line.startswith("| `")]
SDK_SETTINGS = ("stream_map", "faker_config", "flattening_")
SETTINGS: dict[str, dict[str, Any]] = {
    name: schema
    for name, schema in TapIntercom.config_jsonschema["properties"].items()
    if not name.startswith(SDK_SETTINGS)
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_stands_in_the_readme(name: str) -> None:
    """The README lists every setting with its default and the description that --about prints."""
    default = SETTINGS[name].get("default")
    shown = "" if default is None else f"`{json.dumps(default)}`"
    if name in TapIntercom.config_jsonschema["required"]:
        shown = "required"
    assert [f"`{name}`", shown, SETTINGS[name]["description"]] in ROWS


@pytest.mark.parametrize("resource", STREAMS, ids=[resource.name for resource in STREAMS])
def test_a_stream_stands_in_the_readme(resource: Resource) -> None:
    """The README lists every stream with path, key, replication key and first API version."""
    keys = ", ".join(f"`{key}`" for key in resource.primary_keys)
    replication_key = f"`{resource.replication_key}`" if resource.replication_key else ""
    since = "" if resource.min_version == (2, 0) else "{}.{}".format(*resource.min_version)
    listed = f"`{resource.path}`" if resource.path else f"in `{resource.parent}`"
    assert [f"`{resource.name}`", listed, keys, replication_key, since] in ROWS


def test_the_readme_lists_nothing_else() -> None:
    """The README lists no setting and no stream that does not exist."""
    listed = [row[0].strip("`") for row in ROWS]
    assert sorted(listed) == sorted([*SETTINGS, *(resource.name for resource in STREAMS)])


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_is_described(name: str) -> None:
    """Every setting has a title and a description, and only the token is secret."""
    schema = SETTINGS[name]
    assert schema["title"]
    assert schema["description"].endswith(".")
    assert schema.get("secret", False) is (name in {"access_token", "limit_url"})


def test_the_schemas_are_those_of_the_client() -> None:
    """The committed schema files equal the output of scripts/make_schemas.py."""
    spec = importlib.util.spec_from_file_location("make_intercom_schemas", TAP / "scripts" / "make_schemas.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    committed = {path.name: path.read_text() for path in (TAP / "tap_intercom" / "schemas").glob("*.json")}
    assert committed == module.build_files()


@pytest.mark.parametrize("resource", STREAMS, ids=[resource.name for resource in STREAMS])
def test_a_schema_is_open(resource: Resource) -> None:
    """Schemas allow new fields of later versions; replication keys are unix times."""
    schema = json.loads((TAP / "tap_intercom" / "schemas" / f"{resource.name}.json").read_text())
    assert schema["additionalProperties"] is True
    assert schema["required"] == list(resource.primary_keys)
    if resource.replication_key:
        time = {"type": ["integer", "null"], "format": "unix-time"}
        assert schema["properties"][resource.replication_key] == time
