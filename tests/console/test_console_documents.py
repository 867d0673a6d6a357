"""The documents match the code: commands, options, attributes, reasons, costs and messages."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import click
import pytest
from standpipe_console.cli import main
from standpipe_console.setup.command import setup
from standpipe_maps.subscriptions.attributes import ATTRIBUTES
from target_intercom.reporting.words import REASONS

ROOT = Path(__file__).parents[2]
PAGES = [(ROOT / name).read_text() for name in ("README.md", "docs/demo.md", "docs/operations.md")]
OURS = (ROOT / "console/README.md").read_text()
PIPELINE = "tests/pipeline/test_pipeline_console.py"
LEADS = "tests/pipeline/test_pipeline_leads.py"
PACKAGING = "tests/packaging/test_packaging_tree.py"
INSTALLED = "tests/pipeline/conftest.py::installation"
IMPORTED = "test_what_was_imported_is_listed_and_deleted_and_imported_again"
ALONE = "tests/packaging/test_packaging_alone.py::test_a_plugin_installs_alone_and_tells_about_itself"
#: The commands that the README and its pages show, each with the test that runs it.
COMMANDS = {
    "make demo": "tests/pipeline/test_pipeline_demo.py::test_the_demo_page_shows_what_the_demo_prints",
    "make sandbox PORT=8100": f"{PACKAGING}::test_the_sandbox_is_served_on_a_port_of_ones_choice",
    "python3 -m venv ~/meltano && . ~/meltano/bin/activate && pip install 'meltano~=4.4' && meltano install": INSTALLED,
    "meltano invoke standpipe:setup --sandbox http://127.0.0.1:8100": (
        f"{PIPELINE}::test_a_second_pipeline_comes_and_goes_by_itself"
    ),
    "python3 -m venv ~/meltano": INSTALLED,
    ". ~/meltano/bin/activate": INSTALLED,
    "pip install 'meltano~=4.4'": INSTALLED,
    "meltano install": INSTALLED,
    "meltano invoke standpipe:setup": f"{PIPELINE}::test_setup_asks_at_a_terminal_and_shows_no_key",
    "meltano invoke standpipe:doctor": f"{PIPELINE}::test_the_doctor_says_that_all_is_well",
    "meltano run validate": f"{PIPELINE}::test_validate_trial_and_sync_run_as_set_up",
    "meltano run trial": f"{PIPELINE}::test_validate_trial_and_sync_run_as_set_up",
    "meltano run sync": f"{PIPELINE}::test_validate_trial_and_sync_run_as_set_up",
    "meltano invoke standpipe:explain q8UNWBVZSGCnfepQ": (
        f"{PIPELINE}::test_explain_tells_rows_values_match_decision_and_write"
    ),
    "meltano invoke standpipe:schedule install": f"{PIPELINE}::test_the_line_of_the_crontab_runs_the_job",
    "meltano invoke standpipe:live": (
        "tests/pipeline/test_pipeline_live.py::test_a_change_in_chargebee_shows_in_intercom"
    ),
    "meltano invoke standpipe:live install --url https://hooks.example.com": (
        "tests/live/test_live_endpoint.py::test_install_creates_one_endpoint_for_the_events_that_live_reads"
    ),
    "meltano invoke standpipe:status": f"{PIPELINE}::test_status_reads_as_the_page_shows_it",
    "meltano invoke standpipe:retry": "tests/console/test_console_undo.py::test_refused_records_are_sent_again",
    "meltano invoke standpipe:undo 8f2c": "tests/console/test_console_undo.py::test_a_run_is_undone",
    "meltano invoke standpipe:unlink intercom --yes": f"{PIPELINE}::test_unlink_leaves_nothing_but_logs",
    "meltano invoke standpipe:setup chartmogul": f"{PIPELINE}::test_a_second_pipeline_comes_and_goes_by_itself",
    "meltano run sync-leads": f"{PIPELINE}::test_a_second_pipeline_comes_and_goes_by_itself",
    "meltano run resync-leads": f"{LEADS}::test_only_leads_that_changed_are_written",
    "meltano run merge-report": f"{LEADS}::test_a_merge_is_reported_before_it_is_made",
    "meltano invoke target-chartmogul:review": f"{LEADS}::{IMPORTED}",
    "meltano invoke target-chartmogul:sources": f"{LEADS}::{IMPORTED}",
    "meltano invoke target-chartmogul:delete-source": f"{LEADS}::{IMPORTED}",
    "pip install ./tap-chargebee && tap-chargebee --config config.json --discover": ALONE,
    "pip install ./target-intercom && any-tap | target-intercom --config config.json": ALONE,
    "pip install ./transforms && map-subscriptions --about": ALONE,
}


def commands(text: str) -> list[str]:
    """Return the commands in a document's code blocks. In a block with output they follow a `$`."""
    found = []
    for kind, body in re.findall(r"(?m)^```(\w*)\n(.*?)^```", text, re.DOTALL):
        lines = body.splitlines()
        if kind == "console":
            found += [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        elif lines and lines[0].startswith(("make ", "pip ", "meltano ", "python3 ")):
            found += [line.split("  #")[0].strip() for line in lines]
    return found


def test_every_command_of_the_pages_is_run_by_a_test() -> None:
    """The table names an existing test for each command."""
    shown = [command for page in PAGES for command in commands(page)]
    # Each plugin has such a line; one test covers the form for all of them.
    assert {command for command in shown if not command.startswith("pip install ./")} == {
        command for command in COMMANDS if not command.startswith("pip install ./")
    }
    for test in COMMANDS.values():
        path, _, name = test.partition("::")
        assert f"def {name}(" in (ROOT / path).read_text(), test


def test_the_console_readme_has_every_command_and_option() -> None:
    """The commands and options are read from the command itself."""
    names = [name for name, command in main.commands.items() if not isinstance(command, click.Group)]
    groups = {name: command for name, command in main.commands.items() if isinstance(command, click.Group)}
    names += [f"{group} {name}" for group, command in groups.items() for name in command.commands]
    assert [name for name in names if f"| `{name}" not in OURS] == []
    options = [option for one in setup.params if not getattr(one, "hidden", False) for option in one.opts]
    missing = [option for option in options if option.startswith("--") and f"`{option}`" not in OURS]
    assert set(missing) <= {"--keys-from-stdin", "--no-input"}
    assert "--keys-from-stdin" in OURS


def test_the_attributes_are_documented() -> None:
    """The page shows each attribute's description and source as the map declares them."""
    rows = [line.split(" | ") for line in (ROOT / "docs/attributes.md").read_text().splitlines() if "| `cb_" in line]
    told = [(row[0].strip("| `"), row[2], row[3].strip(" |")) for row in rows]
    made = [(f"cb_{one.name}", one.description, one.source) for one in ATTRIBUTES]
    assert told == [*made, ("cb_created_by", "Whether Standpipe created the record", "(the target)")]


def test_every_reason_is_documented() -> None:
    """docs/decisions.md lists all reasons for which the target skips a record."""
    told = set(re.findall(r"^\| \w+ \| `(\w+)`", (ROOT / "docs/decisions.md").read_text(), re.MULTILINE))
    assert set(REASONS) <= told


def test_the_costs_are_reckoned() -> None:
    """docs/limits.md shows the numbers that bench/costs.py prints."""
    made = subprocess.run([sys.executable, ROOT / "bench/costs.py"], capture_output=True, text=True, check=True).stdout
    _, _, rest = (ROOT / "docs/limits.md").read_text().partition("<!-- costs -->\n")
    assert rest.partition("<!-- /costs -->")[0].strip() == made.strip()


@cache
def sentences() -> str:
    """Return all texts in the code of the plugins and the console, with `…` in place of values."""
    found = []
    parts = [path.parent for path in ROOT.glob("[a-z]*/pyproject.toml") if path.parent.name != "sandbox"]
    parts.append(ROOT / "kit")
    for path in (file for part in parts for file in part.glob("*/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                values = (str(one.value) if isinstance(one, ast.Constant) else "…" for one in node.values)
                found.append("".join(values))
    return "\n".join(found)


def messages() -> list[str]:
    """Return the messages that docs/troubleshooting.md explains, except Meltano's."""
    text = (ROOT / "docs/troubleshooting.md").read_text()
    ours = [part for part in re.split(r"(?m)^## ", text)[1:] if part.split("\n")[0] != "Meltano"]
    rows = [line for part in ours if "| message |" in part for line in part.splitlines() if line.startswith("| `")]
    return [message for row in rows for message in re.findall(r"`([^`]+)`", row.split(" | ")[0])]


@pytest.mark.parametrize("message", messages())
def test_a_message_of_the_troubleshooting_is_in_the_code(message: str) -> None:
    """The page quotes messages exactly as the code has them, so that a search finds them."""
    assert message in sentences()


def test_what_benchmarks_print_becomes_rows() -> None:
    """A table, a line with a colon and a line with a gap each become a name and a figure."""
    spec = importlib.util.spec_from_file_location("gather", ROOT / "bench/gather.py")
    assert spec is not None
    assert spec.loader is not None
    gather = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(gather)
    lines = [
        "| what | measured | limit |", "|---|---|---|", "| in | 9 records/s | >= 8 |", "",
        "ready after 1.7 s", "lead: all changed: 12 records/s, 5.0 times as many",
        "customers          83 pages/s by the wall clock",
    ]  # fmt: skip
    assert list(gather.rows(lines)) == [
        ("in", "measured 9 records/s; limit >= 8"),
        ("-", "ready after 1.7 s"),
        ("lead: all changed", "12 records/s, 5.0 times as many"),
        ("customers", "83 pages/s by the wall clock"),
    ]
