"""Rules for the whole repository: fixed names, pure modules, one lock file, and no paths of a machine."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from standpipe_maps.leads.mapper import MapLeads
from standpipe_maps.subscriptions.mapper import MapSubscriptions
from tap_chargebee.tap import TapChargebee
from tap_intercom.tap import TapIntercom
from target_chartmogul.target import TargetChartmogul
from target_intercom.target import TargetIntercom

ROOT = Path(__file__).parents[2]
MELTANO: dict[str, Any] = yaml.safe_load((ROOT / "meltano.yml").read_text())
PLUGINS = [plugin for kind in MELTANO["plugins"].values() for plugin in kind]
MAPPINGS = [mapping["name"] for mapper in MELTANO["plugins"]["mappers"] for mapping in mapper["mappings"]]
CLASSES = {
    "tap-chargebee": TapChargebee,
    "tap-intercom": TapIntercom,
    "target-chartmogul": TargetChartmogul,
    "target-intercom": TargetIntercom,
    "map-subscriptions": MapSubscriptions,
    "map-leads": MapLeads,
}
IMPURE = {"backoff", "logging", "os", "requests", "singer_sdk", "sqlalchemy", "time"}
PURE = sorted([*ROOT.glob("*/*/**/rules.py"), *ROOT.glob("*/*/**/payloads.py")])
SDK_SETTINGS = re.compile(r"^(stream_maps|stream_map_config|faker_config|flattening_|batch_config)")


def test_no_job_shares_a_name_with_a_plugin_or_a_mapping() -> None:
    """`meltano run NAME` is never ambiguous."""
    jobs = [job["name"] for job in MELTANO["jobs"]]
    names = [*jobs, *(plugin["name"] for plugin in PLUGINS), *MAPPINGS]
    assert len(names) == len(set(names))


def test_the_fixed_names_stand_in_meltano_yml() -> None:
    """Jobs and schedules keep their published names."""
    assert {job["name"]: job["tasks"] for job in MELTANO["jobs"]}["sync"] == ["tap-chargebee map target-intercom"]
    assert {"name": "sync-every-6h", "interval": "0 */6 * * *", "job": "sync"} in MELTANO["schedules"]


def test_nothing_is_bounded_by_default() -> None:
    """A start date would make the join incomplete, so meltano.yml and .env.example set none."""
    assert all("start_date" not in plugin.get("config", {}) for plugin in PLUGINS)
    assert "start_date" not in (ROOT / ".env.example").read_text().lower()


@pytest.mark.parametrize("name", CLASSES)
def test_meltano_declares_every_setting_of_a_plugin(name: str) -> None:
    """Meltano passes only settings that it knows, so its list matches the plugin's, with the same secrets."""
    (plugin,) = [plugin for plugin in PLUGINS if plugin["name"] == name]
    declared = {setting["name"]: bool(setting.get("sensitive")) for setting in plugin["settings"]}
    properties = CLASSES[name].config_jsonschema["properties"]
    own = {
        setting: bool(schema.get("secret")) for setting, schema in properties.items() if not SDK_SETTINGS.match(setting)
    }
    assert declared == own


@pytest.mark.parametrize("path", PURE, ids=[str(path.relative_to(ROOT)) for path in PURE])
def test_what_decides_does_no_io(path: Path) -> None:
    """rules.py and payloads.py do not import network, clock, log or SDK modules."""
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module.split(".")[0])
    assert imported & IMPURE == set()


def test_plugins_install_the_versions_of_the_lock() -> None:
    """constraints.txt matches uv.lock, and `make constraints` writes it."""
    uv = Path(sys.executable).with_name("uv")
    options = ["--quiet", "--frozen", "--no-hashes", "--no-emit-workspace", "--no-annotate", "--no-header"]
    export = subprocess.run(
        [uv, "export", *options, "--all-packages", "--no-default-groups"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert (ROOT / "constraints.txt").read_text() == export.stdout


def test_the_sandbox_is_served_on_a_port_of_ones_choice() -> None:
    """`make sandbox PORT=…` starts it on that port."""
    make = ["make", "--no-print-directory", "--dry-run", "--always-make", "sandbox", "PORT=8177"]
    said = subprocess.run(make, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert said.splitlines()[-1].endswith("run --no-sync sandbox --port 8177 --customers 500 --seed 7")


def test_the_tree_names_no_machine() -> None:
    """No tracked file contains a path of a home folder or another package index than PyPI."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    homes = re.compile(r"(?<![\w.])/(?:work|root|home)/\w")
    files = [name for name in listed.splitlines() if (ROOT / name).is_file()]
    found = [name for name in files if homes.search((ROOT / name).read_text(errors="ignore"))]
    assert found == []
    indexes = set(re.findall(r'registry = "([^"]+)"', (ROOT / "uv.lock").read_text()))
    assert indexes == {"https://pypi.org/simple"}
