"""Writes `hub/*.yml`, the plugin definitions for `meltano add --from-ref`, from what each plugin declares.

https://docs.meltano.com/reference/command-line-interface#add
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
#: The distribution and the folder of each executable.
PLUGINS = {
    "tap-chargebee": ("standpipe-tap-chargebee", "tap-chargebee"),
    "tap-intercom": ("standpipe-tap-intercom", "tap-intercom"),
    "target-chartmogul": ("standpipe-target-chartmogul", "target-chartmogul"),
    "target-intercom": ("standpipe-target-intercom", "target-intercom"),
    "map-leads": ("standpipe-maps", "transforms"),
    "map-subscriptions": ("standpipe-maps", "transforms"),
}
#: Meltano's kind `decimal` is missing here, as `meltano config print` cannot write such a value.
KINDS = {"integer": "integer", "boolean": "boolean", "array": "array", "object": "object"}


def describe(executable: str) -> dict[str, Any]:
    """Return a plugin's definition in the form of Meltano's hub."""
    command: list[str | Path] = [Path(sys.executable).with_name(executable), "--about", "--format=json"]
    about = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    distribution, _ = PLUGINS[executable]
    return {
        "name": executable,
        "namespace": executable.replace("-", "_"),
        "variant": "standpipe",
        "label": executable,
        "description": about["description"],
        "pip_url": distribution,
        "executable": executable,
        "capabilities": about["capabilities"],
        "settings_group_validation": [about["settings"].get("required", [])],
        "settings": [
            describe_setting(name, schema)
            for name, schema in about["settings"]["properties"].items()
            if not name.startswith(("stream_map", "faker_", "flattening_", "batch_"))
        ],
    }


def describe_setting(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return the definition of one setting: kind, options, default and description."""
    types = [kind for kind in schema.get("type", []) if kind != "null"] if isinstance(schema.get("type"), list) else []
    found: dict[str, Any] = {"name": name, "label": schema.get("title", name), "description": schema["description"]}
    if schema.get("secret"):
        found |= {"kind": "string", "sensitive": True}
    elif schema.get("enum"):
        options = [value for value in schema["enum"] if value is not None]
        found |= {"kind": "options", "options": [{"label": value, "value": value} for value in options]}
    elif types:
        found |= {"kind": KINDS.get(types[0], "string")} if types[0] != "number" else {}
    return found | ({"value": schema["default"]} if schema.get("default") is not None else {})


def render(executable: str) -> str:
    """Return the text of a plugin's file."""
    return yaml.safe_dump(describe(executable), sort_keys=False, allow_unicode=True, width=120)


if __name__ == "__main__":
    for plugin in PLUGINS:
        (ROOT / "hub" / f"{plugin}.yml").write_text(render(plugin))
