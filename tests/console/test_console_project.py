"""What the console reads of a project without running Meltano."""

from __future__ import annotations

import json
import subprocess
import time
from typing import TYPE_CHECKING
from unittest.mock import ANY

import pytest
import yaml
from click.testing import CliRunner
from standpipe_console.checks import doctor
from standpipe_console.cli import main
from standpipe_console.errors import ConsoleError
from standpipe_console.project.meltano import Project, parse_errors
from standpipe_console.project.pipelines import SYNC

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def running(project: Project) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process that looks like Meltano running a job in the project."""
    script = project.root / "meltano"
    script.write_text("#!/bin/sh\nread line\n")
    script.chmod(0o755)
    with subprocess.Popen([script, "run", "sync"], cwd=project.root, stdin=subprocess.PIPE) as process:
        deadline = time.monotonic() + 10
        while not project.find_running():
            assert time.monotonic() < deadline
        yield process


def test_a_run_is_told_by_its_process(project: Project, running: subprocess.Popen[bytes]) -> None:
    """Only this project's processes count. Files of a current run are not leftovers."""
    (project.root / ".meltano/run/tap").mkdir(parents=True)
    left = project.root / ".meltano/run/tap/tap.1.config.json"
    left.touch()
    assert project.find_running() == [running.pid]
    assert project.find_leftovers() == []
    assert Project(project.root.parent).find_running() == []
    running.communicate(b"\n")
    assert project.find_running() == []
    assert project.find_leftovers() == [left]


def test_a_pipeline_is_linked_when_all_its_keys_are_there(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key may come from `.env` or from the shell."""
    assert project.ready_pipelines == []
    project.dotenv.set_value("TAP_CHARGEBEE_API_KEY", "k")
    assert project.ready_pipelines == []
    monkeypatch.setenv("TARGET_INTERCOM_ACCESS_TOKEN", "t")
    assert [pipeline.job for pipeline in project.ready_pipelines] == ["sync"]


def test_what_an_outer_meltano_has_copied_out_of_dotenv_is_no_word_of_the_shells(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable with the value from `.env` does not count as the shell's. One with another value does."""
    project.dotenv.set_value("MAP_SUBSCRIPTIONS_MATCH_ON", "email")
    monkeypatch.setenv("MAP_SUBSCRIPTIONS_MATCH_ON", "email")
    monkeypatch.setenv("TARGET_INTERCOM_ON_LEAD", "skip")
    env = Project(project.root).shell_env
    assert "MAP_SUBSCRIPTIONS_MATCH_ON" not in env
    assert env["TARGET_INTERCOM_ON_LEAD"] == "skip"
    monkeypatch.setenv("MAP_SUBSCRIPTIONS_MATCH_ON", "user_id")
    assert Project(project.root).shell_env["MAP_SUBSCRIPTIONS_MATCH_ON"] == "user_id"


def test_files_with_keys_are_shut(project: Project) -> None:
    """`.env` and `.meltano`, where Meltano writes settings during a run, lose all permissions of other users."""
    (project.root / ".meltano").mkdir(mode=0o755)
    project.dotenv.path.touch(0o644)
    project.dotenv.path.chmod(0o644)
    before = project.is_protected
    project.protect_files()
    assert (before, project.is_protected) == (False, True)
    assert (project.root / ".meltano").stat().st_mode & 0o777 == 0o700


def test_a_folder_without_a_project_is_one_sentence(tmp_path: Path) -> None:
    """Commands and the library both report the missing meltano.yml."""
    done = CliRunner().invoke(main, ["--project", str(tmp_path), "status"])
    assert done.exit_code == 1
    assert done.output.startswith("Error: There is no meltano.yml in ")
    with pytest.raises(ConsoleError):
        _ = Project(tmp_path).environment


def test_errors_are_found_in_a_log() -> None:
    """Errors of Meltano and the plugins are JSON. Other programs write plain lines."""
    log = (
        '{"event": "Skipping", "level": "info"}\n'
        '{"event": "Intercom refused the token.", "level": "error"}\n'
        "\nError: No such option.\nUsage: meltano config\n"
    )
    assert list(parse_errors(log)) == ["Intercom refused the token.", "No such option."]


def test_the_environment_is_the_one_that_is_given(project: Project) -> None:
    """Without an argument it is the project's default."""
    assert project.environment == "prod"
    assert Project(project.root).environment == "prod"
    assert Project(project.root, "dev").environment == "dev"


def test_the_doctor_fails_when_map_and_target_disagree(installed_project: Project) -> None:
    """The doctor compares the settings that Meltano passes to map and target."""
    assert [one.result for one in doctor.check_settings(installed_project, SYNC)] == ["pass"]
    installed_project.set_setting("map-subscriptions", "match_on", "user_id")
    assert [one.remedy for one in doctor.check_settings(installed_project, SYNC)] == [
        "meltano config set --store=dotenv target-intercom match_contacts_on external_id"
    ]


@pytest.mark.parametrize(
    ("moments", "select", "findings"),
    [
        ([], ["customers.*"], []),
        (
            ["payment_failed", "trial_ending"],
            ["customers.*", "events.*"],
            [("pass", "2 moments are chosen; the token must write events, which only the first event shows", "")],
        ),
        (["payment_failed"], ["*.*"], [("pass", ANY, "")]),
        (
            ["payment_failed"],
            ["customers.*", "subscriptions.*"],
            [
                (
                    "fail",
                    "`moments` are chosen, and tap-chargebee does not read the stream `events`",
                    "add `- events.*` to `select` of tap-chargebee in meltano.yml",
                )
            ],
        ),
    ],
    ids=["none", "read", "everything is read", "not read"],
)
def test_the_doctor_says_whether_the_tap_reads_the_events_of_the_moments(
    installed_project: Project, moments: list[str], select: list[str], findings: list[tuple[str, str, str]]
) -> None:
    """Moments come from the stream `events`; without moments nothing is said."""
    path = installed_project.root / "meltano.yml"
    content = yaml.safe_load(path.read_text())
    tap = next(one for one in content["plugins"]["extractors"] if one["name"] == "tap-chargebee")
    tap["select"] = select
    path.write_text(yaml.safe_dump(content))
    installed_project.refresh()
    for plugin in installed_project.plugins:
        installed_project.set_settings(plugin, {})
    installed_project.set_setting("map-subscriptions", "moments", moments)
    found = [(one.result, one.what, one.remedy) for one in doctor.check_moments(installed_project, SYNC)]
    assert found == findings


def test_the_doctor_exits_with_1_when_something_is_wrong(project: Project) -> None:
    """In a project that is not set up, both the table and the JSON report a failure."""
    command = ["--project", str(project.root), "doctor"]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 1
    assert "-> meltano invoke standpipe:setup" in done.output
    told = json.loads(CliRunner().invoke(main, [*command, "--json"]).output)
    assert [(one["check"], one["result"]) for one in told] == [
        ("files", "pass"), ("set up", "fail"), ("alerts", "note"), ("set up", "note"), ("set up", "note"),
    ]  # fmt: skip
