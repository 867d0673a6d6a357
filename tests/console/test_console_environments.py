"""Environments of one project share plugins, stores and states, and nothing that a run or a person writes."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from standpipe_console.errors import ConsoleError
from standpipe_console.history import open_history
from standpipe_console.history.settings import read_url
from standpipe_console.live.settings import read_inbox_url
from standpipe_console.project.environments import build_folder_variables, separate_file
from standpipe_console.project.meltano import Project
from standpipe_console.project.pipelines import SYNC
from standpipe_console.removal import unlink
from standpipe_console.runs.subset_folders import find_subset_reports
from standpipe_console.schedules import schedules
from standpipe_console.schedules.crontab import Block
from standpipe_maps.sqlite_store import SqliteStore
from standpipe_maps.subscriptions.tables import FORM

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def root(project: Project, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project with the environments `prod`, which is the default, and `eu`."""
    monkeypatch.delenv("MELTANO_SYS_DIR_ROOT", raising=False)
    path = project.root / "meltano.yml"
    content = yaml.safe_load(path.read_text())
    content["environments"] = [{"name": "prod"}, {"name": "eu"}]
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return project.root


def test_the_default_environment_has_its_files_where_a_bare_run_has_them(root: Path) -> None:
    """Nothing changes for a project with one environment, whether the environment is named or not."""
    for project in (Project(root), Project(root, "prod")):
        assert project.environment_variables == {}
        assert project.environment_options == ("--environment=prod",)
        assert (project.system_dir, project.output_dir, project.log_dir) == (
            root / ".meltano", root / "output", root / "logs",
        )  # fmt: skip
    assert not (root / ".meltano/env").exists()


def test_another_environment_has_folders_of_its_own(root: Path) -> None:
    """Plugins, stores and Meltano's database are links to the project's; reports, memories and logs are its own."""
    (root / ".meltano/extractors").mkdir(parents=True)
    project = Project(root, "eu")
    assert project.environment_variables == {
        "MELTANO_SYS_DIR_ROOT": f"{root}/.meltano/env/eu",
        "TARGET_INTERCOM_REPORT_DIR": f"{root}/output/eu/target-intercom",
        "TARGET_INTERCOM_MEMORY_DIR": f"{root}/output/eu/target-intercom/memory",
        "TARGET_INTERCOM_VALIDATE_REPORT_DIR": f"{root}/output/eu/target-intercom-validate",
        "TARGET_INTERCOM_TRIAL_REPORT_DIR": f"{root}/output/eu/target-intercom-trial",
        "TARGET_CHARTMOGUL_REPORT_DIR": f"{root}/output/eu/target-chartmogul",
        "TARGET_CHARTMOGUL_MEMORY_DIR": f"{root}/output/eu/target-chartmogul/memory",
        "TARGET_CHARTMOGUL_MERGE_REPORT_REPORT_DIR": f"{root}/output/eu/target-chartmogul-merge-report",
    }
    own = root / ".meltano/env/eu"
    assert {path.name: path.resolve() for path in own.iterdir()} == {
        name: root / ".meltano" / name
        for name in ("extractors", "loaders", "mappers", "utilities", "transforms", "meltano.db")
    }
    assert own.stat().st_mode & 0o777 == 0o700
    assert project.log_dir == root / "logs/eu"
    assert find_subset_reports(project, SYNC, "live") == root / "output/eu/live/target-intercom"
    assert read_url(project) == f"sqlite:///{own}/standpipe/history.db"
    assert read_inbox_url(project) == f"sqlite:///{own}/standpipe/inbox.sqlite"
    # The next command finds everything as it is.
    assert Project(root, "eu").environment_variables == project.environment_variables


def test_an_environment_that_has_run_is_known_to_the_others(root: Path) -> None:
    """`erase` names them, as each has files about people."""
    assert (Project(root).other_environments, Project(root, "eu").other_environments) == ([], ["prod"])
    assert Project(root, "eu").environment_variables
    assert (Project(root).other_environments, Project(root, "eu").other_environments) == (["eu"], ["prod"])


@pytest.mark.parametrize("outer", [".meltano", ".meltano/env/eu"], ids=["a bare Meltano's", "the environment's own"])
def test_a_command_within_a_run_of_meltano_finds_the_same_folder(
    root: Path, monkeypatch: pytest.MonkeyPatch, outer: str
) -> None:
    """Meltano tells its utilities which folder it uses itself."""
    assert Project(root, "eu").environment_variables
    monkeypatch.setenv("MELTANO_SYS_DIR_ROOT", str(root / outer))
    assert Project(root, "eu").system_dir == root / ".meltano/env/eu"
    assert Project(root).system_dir == root / ".meltano"


def test_a_project_in_a_folder_named_env_has_a_folder_of_its_own(tmp_path: Path) -> None:
    """Only links tell the folder of an environment from a project's."""
    root = tmp_path / "env"
    root.mkdir()
    (root / "meltano.yml").write_text("environments: [{name: prod}, {name: eu}]")
    assert Project(root).system_dir == root / ".meltano"
    assert Project(root, "eu").system_dir == root / ".meltano/env/eu"


def test_an_environment_that_meltano_does_not_know_gets_no_folder(root: Path) -> None:
    """A slip of the pen is one sentence that names the environments."""
    with pytest.raises(ConsoleError, match=r"meltano.yml has no environment `\.\./x`: it has prod, eu\."):
        _ = Project(root, "../x").environment_variables
    assert not (root / ".meltano").exists()


LOADER = {
    "name": "target-x",
    "settings": [{"name": "report_dir", "value": "$MELTANO_PROJECT_ROOT/output/target-x"}, {"name": "key"}],
}


@pytest.mark.parametrize(
    ("loader", "config", "expected"),
    [
        ({}, {}, {"TARGET_X_REPORT_DIR": "/p/output/eu/target-x"}),
        ({"config": {"report_dir": "$MELTANO_PROJECT_ROOT/output/y"}}, {}, {"TARGET_X_REPORT_DIR": "/p/output/eu/y"}),
        ({"config": {"report_dir": "/var/reports"}}, {}, {"TARGET_X_REPORT_DIR": "/p/output/eu/target-x"}),
        ({}, {"report_dir": "/var/eu"}, {}),
    ],
    ids=["the setting's value", "a value for the plugin", "a folder elsewhere", "the environment's own value"],
)
def test_folders_of_targets_are_moved_below_the_environments(
    loader: dict[str, Any], config: dict[str, Any], expected: dict[str, str]
) -> None:
    """A folder that meltano.yml sets for this environment is kept."""
    plugin = {"name": "target-x", "config": config}
    content = {
        "plugins": {"loaders": [LOADER | loader]},
        "environments": [{"name": "us"}, {"name": "eu", "config": {"plugins": {"loaders": [plugin]}}}],
    }
    assert build_folder_variables(content, "eu", Path("/p/output/eu")) == expected


def test_an_environment_reads_its_own_file_of_keys(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`.env.eu` replaces `.env`, even when an outer Meltano has read `.env`."""
    (root / ".env").write_text("TAP_CHARGEBEE_API_KEY=k1\nTARGET_INTERCOM_ACCESS_TOKEN=t1\n")
    shared = Project(root, "eu")
    assert shared.environment_options == ("--environment=eu",)
    assert shared.get_variable("TAP_CHARGEBEE_API_KEY") == "k1"

    (root / ".env.eu").write_text("TAP_CHARGEBEE_API_KEY=k2\n")
    monkeypatch.setenv("TAP_CHARGEBEE_API_KEY", "k1")
    monkeypatch.setenv("TARGET_INTERCOM_ACCESS_TOKEN", "t1")
    own = Project(root, "eu")
    assert own.environment_options == ("--environment=eu", "--env-file=.env.eu")
    assert own.get_variable("TAP_CHARGEBEE_API_KEY") == "k2"
    assert own.get_variable("TARGET_INTERCOM_ACCESS_TOKEN") is None
    assert "TARGET_INTERCOM_ACCESS_TOKEN" not in own.command_env


def test_setup_of_an_environment_leaves_the_keys_of_the_default_one(root: Path) -> None:
    """From then on the environment has a file of keys of its own."""
    (root / ".env").write_text("TAP_CHARGEBEE_API_KEY=k1\n")
    project = Project(root, "eu")
    project.use_own_dotenv()
    project.dotenv.set_value("TAP_CHARGEBEE_API_KEY", "k2")
    assert (root / ".env").read_text() == "TAP_CHARGEBEE_API_KEY=k1\n"
    assert Project(root, "eu").get_variable("TAP_CHARGEBEE_API_KEY") == "k2"
    default = Project(root)
    default.use_own_dotenv()
    assert default.dotenv.path == root / ".env"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:////srv/history.db", "sqlite:////srv/history.eu.db"),
        ("sqlite://", "sqlite://"),
        ("postgresql://u:p@h/d", "postgresql://u:p@h/d"),
        ("no address", "no address"),
    ],
)
def test_a_file_that_environments_share_is_a_file_each(url: str, expected: str) -> None:
    """On a server they have a schema each; what is no address is refused where it is opened."""
    assert separate_file(url, "eu") == expected


def test_environments_that_share_a_history_share_no_row(root: Path) -> None:
    """A pause of one does not pause the other."""
    (root / ".env").write_text(f"HISTORY_URL=sqlite:///{root}/history.db\n")
    with open_history(Project(root, "eu")) as history:
        history.pause("sync", "it was paused by hand")
    with open_history(Project(root)) as history:
        assert history.get_pause("sync") is None
    with open_history(Project(root, "eu")) as history:
        assert history.get_pause("sync")


@pytest.fixture
def running(root: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process that looks like Meltano running a job of the environment `eu`."""
    script = root / "meltano"
    script.write_text("#!/bin/sh\nread line\n")
    script.chmod(0o755)
    command = [str(script), "--environment=eu", "run", "sync"]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE) as process:
        deadline = time.monotonic() + 10
        while not Project(root, "eu").find_running():
            assert time.monotonic() < deadline
        yield process
        process.communicate(b"\n")


def test_a_run_belongs_to_its_environment(root: Path, running: subprocess.Popen[bytes]) -> None:
    """A run of another environment blocks no run, and its files in the shared folder are not leftovers."""
    (root / ".meltano/run/tap").mkdir(parents=True)
    (root / ".meltano/run/tap/tap.1.config.json").touch()
    assert Project(root, "eu").find_running() == [running.pid]
    assert Project(root).find_running() == []
    assert Project(root).find_leftovers() == []


def test_schedules_of_environments_stand_in_blocks_of_their_own(root: Path) -> None:
    """Each one's `install` and `remove` leave the others' lines."""
    found = schedules.Schedule("sync-every-6h", "sync", "0 */6 * * *")
    lines = {name: {found.name: schedules.build_line(Project(root, name), found)} for name in ("prod", "eu")}
    prod, eu = Block(root, "prod"), Block(root, "eu", is_default=False)
    both = eu.replace_lines(prod.replace_lines("", lines["prod"]), lines["eu"])
    assert both.splitlines()[3] == f"# standpipe begin {root} (eu)"
    assert (prod.read_lines(both), eu.read_lines(both)) == (lines["prod"], lines["eu"])
    assert eu.replace_lines(both, {}) == prod.replace_lines("", lines["prod"])
    assert prod.replace_lines(both, {}) == eu.replace_lines("", lines["eu"])


#: Replaces Meltano: it knows a state of the billing sync in each environment, with the name of its store.
MELTANO = """#!{python}
import json, pathlib, sys
states = {{f"{{name}}:tap-chargebee-to-target-intercom": name for name in ("prod", "eu")}}
if sys.argv[-2:] == ["state", "list"]:
    print("\\n".join(states))
elif "state" in sys.argv:
    print(json.dumps({{"singer_state": {{"bookmarks": {{"_map": {{"store": states[sys.argv[-1]]}}}}}}}}))
elif "list" in sys.argv:
    print("{{}}")
else:
    print(json.dumps({{"store_dir": str(pathlib.Path(".meltano/transforms").resolve())}}))
"""


def test_the_removal_of_one_environment_keeps_the_stores_of_others(installed_project: Project, root: Path) -> None:
    """A state or store of another environment is not even named."""
    executable = root / ".meltano/run/bin"
    executable.parent.mkdir(parents=True)
    executable.write_text(MELTANO.format(python=sys.executable))
    executable.chmod(0o755)
    folder = installed_project.system_dir / "transforms"
    folder.mkdir()
    for name in ("prod", "eu"):
        with SqliteStore(folder / f"{name}.sqlite", name, FORM) as made:
            made.commit()
    for name in ("prod", "eu"):
        plan = unlink.describe_plan(Project(root, name), SYNC)
        assert plan[1:3] == [f"state: {name}:tap-chargebee-to-target-intercom", f"store: {name}.sqlite"]
