"""Valid and wrong values of every setting of every plugin, from files, the environment and Meltano."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click import ClickException
from singer_sdk import Tap
from standpipe_maps.leads.mapper import MapLeads
from standpipe_maps.subscriptions.mapper import MapSubscriptions
from tap_chargebee.tap import TapChargebee
from tap_intercom.tap import TapIntercom
from target_chartmogul.target import TargetChartmogul
from target_intercom.target import TargetIntercom
from warm_commands import run_command

if TYPE_CHECKING:
    from collections.abc import Iterator

    Schema = dict[str, Any]

ROOT = Path(__file__).parents[2]
MELTANO = Path(sys.executable).with_name("meltano")
SECRET = "sk_live_never_shown"
PLUGINS: dict[str, tuple[Any, dict[str, str]]] = {
    "tap-chargebee": (TapChargebee, {"site": "acme", "api_key": SECRET}),
    "tap-intercom": (TapIntercom, {"access_token": SECRET}),
    "target-intercom": (TargetIntercom, {"access_token": SECRET}),
    "target-chartmogul": (TargetChartmogul, {"api_key": SECRET}),
    "map-subscriptions": (MapSubscriptions, {}),
    "map-leads": (MapLeads, {}),
}
TEXTS = {
    "access_token": SECRET,
    "api_key": SECRET,
    "api_url": "https://a.example",
    "limit_url": "postgresql://a.example/name",
    "start_date": "2024-01-31",
    "intercom_version": "2.15",
    "company_name_field": "cf_name",
    "only_customers": "sub_status == 'active'",
}
"""Valid values of the settings that do not accept any text."""
LISTS = {"zero_decimal_currencies": ["JPY", "KRW"]}
OBJECTS = {
    "stream_maps": {"customers": {"__filter__": "True"}},
    "faker_config": {"seed": 7},
    "attributes": {"sub_plan": False},
}
WRONG = [
    ([SECRET, 1], {"array"}),
    ({SECRET: SECRET}, {"object"}),
    (-1.5, {"number"}),
    (True, {"boolean"}),
    ([{SECRET: SECRET}], set[str]()),
]
"""Values, each with the types of settings that accept it."""
KEYWORDS = {
    *("type", "default", "title", "description", "secret", "writeOnly", "enum", "minimum", "maximum", "pattern"),
    *("items", "additionalProperties", "properties"),
}
"""The keywords that a setting's schema may use; any other keyword would not be checked."""


def schemas_of(plugin: str) -> dict[str, Schema]:
    """Return the schema of each setting, including the SDK's own."""
    made, _ = PLUGINS[plugin]
    made.append_builtin_config(made.config_jsonschema)
    found: dict[str, Schema] = made.config_jsonschema["properties"]
    return found


EVERY = [(plugin, name) for plugin in PLUGINS for name in schemas_of(plugin)]
IDS = [f"{plugin} {name}" for plugin, name in EVERY]


def good_value(name: str, schema: Schema) -> Any:
    """Return a valid value of the setting that is not its default."""
    kind = next(one for one in [*schema["type"]] if one != "null")
    if "enum" in schema:
        return next((one for one in schema["enum"] if one != schema.get("default")), schema["enum"][0])
    values = {
        "string": TEXTS.get(name, "id" if name.endswith("_field") else "text"),
        "integer": schema.get("maximum", 8) - 1,
        "number": 0.7,
        "boolean": not schema.get("default", False),
        "array": LISTS.get(name) or schema.get("items", {}).get("enum", ["one", "two"])[:2],
        "object": OBJECTS.get(name, {"field": ["value"]}),
    }
    return values[kind]


def as_text(value: Any) -> str:
    """Return the value as text for the environment."""
    return value if isinstance(value, str) else json.dumps(value)


def variable(plugin: str, name: str) -> str:
    """Return the name of a setting's environment variable."""
    return f"{plugin}_{name}".upper().replace("-", "_")


def make(plugin: str, config: dict[str, Any] | None = None, **options: Any) -> Any:
    """Return the plugin with these settings and its required ones."""
    made, needed = PLUGINS[plugin]
    # Without a catalog, setting up the maps would make a tap call its vendor's API.
    offline = {"setup_mapper": False} if issubclass(made, Tap) else {}
    return made(config={**needed, **(config or {})}, **offline, **options)


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Restore the signal handlers after the test, and hide the machine's environment variables."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("plugin", "name"), EVERY, ids=IDS)
def test_what_a_schema_says_is_checked(plugin: str, name: str) -> None:
    """A setting's schema uses only keywords that are checked."""
    assert set(schemas_of(plugin)[name]) <= KEYWORDS


@pytest.mark.parametrize(("plugin", "name"), EVERY, ids=IDS)
def test_a_setting_comes_from_the_environment(plugin: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `--config ENV`, a setting of any type has the same value as from a file."""
    value = good_value(name, schemas_of(plugin)[name])
    monkeypatch.setenv(variable(plugin, name), as_text(value))
    with_it = {"flattening_max_depth": 1} if name == "flattening_enabled" else {}
    # Chargebee does not say how many calls it permits.
    with_it |= {"requests_per_minute": 8} if (plugin, name) == ("tap-chargebee", "limit_url") else {}
    found = make(plugin, with_it, parse_env_config=True).config[name]
    assert found == make(plugin, {name: value, **with_it}).config[name] == value
    assert type(found) is type(value)


@pytest.mark.parametrize(("plugin", "name"), EVERY, ids=IDS)
def test_null_is_not_set(plugin: str, name: str) -> None:
    """Null leaves a setting at its default, and a required setting missing."""
    refusal = refusal_of(plugin, {name: None})
    if name in PLUGINS[plugin][1]:
        assert refusal.startswith(f"The setting `{name}` is missing: ")
    else:
        assert refusal == ""
        assert make(plugin, {name: None}).config.get(name) == schemas_of(plugin)[name].get("default")


def refusal_of(plugin: str, config: dict[str, Any], **options: Any) -> str:
    """Return the plugin's error about these settings; empty when it accepts them."""
    try:
        make(plugin, config, **options)
    except ClickException as refusal:
        return refusal.message
    return ""


@pytest.mark.parametrize(("plugin", "name"), EVERY, ids=IDS)
def test_a_value_of_another_type_is_one_sentence(plugin: str, name: str, caplog: Any, capsys: Any) -> None:
    """A value of a wrong type is refused in a sentence that names the setting but never shows the value."""
    kind = next(one for one in schemas_of(plugin)[name]["type"] if one != "null")
    wrong = [value for value, fits in WRONG if kind not in fits]
    for value in wrong:
        refusal = refusal_of(plugin, {name: value})
        assert refusal.startswith(f"The setting `{name}` must be "), value
        assert SECRET not in refusal
    assert len(wrong) >= 3
    assert SECRET not in caplog.text + "".join(capsys.readouterr())


@pytest.mark.parametrize(("plugin", "name"), EVERY, ids=IDS)
def test_text_that_cannot_be_read_is_one_sentence(
    plugin: str, name: str, monkeypatch: pytest.MonkeyPatch, caplog: Any, capsys: Any
) -> None:
    """A wrong text in the environment is refused in a sentence that names the setting but never shows the text."""
    schema = schemas_of(plugin)[name]
    monkeypatch.setenv(variable(plugin, name), "[" + SECRET)
    refusal = refusal_of(plugin, {}, parse_env_config=True)
    takes_any_text = "string" in schema["type"] and not {"enum", "pattern"} & set(schema)
    assert refusal.startswith("The setting `" + name if not takes_any_text or refusal else "")
    assert SECRET not in refusal + caplog.text + "".join(capsys.readouterr())


def as_meltano_passes(plugin: str, project: Path, env: dict[str, str]) -> dict[str, Any]:
    """Return a plugin's settings as Meltano writes them into its config file."""
    command: list[str | Path] = [MELTANO, "--log-level=error", "config", "--unsafe", "print", "--format=json", plugin]
    done = run_command(command, cwd=project, env=env)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout[done.stdout.index("{") :])
    return found


@pytest.mark.parametrize("plugin", PLUGINS)
def test_every_setting_comes_through_meltano(plugin: str, tmp_path: Path) -> None:
    """A setting of any type passes through Meltano's environment variables unchanged."""
    shutil.copy(ROOT / "meltano.yml", tmp_path)
    named = {name for name in schemas_of(plugin) if name not in ("stream_maps", "stream_map_config", "faker_config")}
    values = {name: good_value(name, schemas_of(plugin)[name]) for name in named if not name.startswith("flattening_")}
    values.pop("customer_limit", None)
    variables = {variable(plugin, name): as_text(value) for name, value in values.items()}
    quiet = {"MELTANO_CLI_DISABLE_VERSION_CHECK": "1", "MELTANO_PROJECT_ROOT": str(tmp_path), "NO_COLOR": "1"}
    passed = as_meltano_passes(plugin, tmp_path, {**os.environ, **variables, **quiet})
    found = make(plugin, passed).config
    assert {name: found[name] for name in values} == values


def test_a_fraction_in_a_file_is_a_number() -> None:
    """A fraction in a config file is a float, although the SDK reads it as a Decimal."""
    assert make("target-intercom", {"max_changed_share": Decimal("0.7")}).config["max_changed_share"] == 0.7
