"""`unlink` and `clean` remove only Standpipe's own files, and only after a clear yes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from singer_kit.folders import REGISTRY, remember_folder
from standpipe_console import output
from standpipe_console._kit.kept_reports import keep_reports
from standpipe_console.history import open_history
from standpipe_console.live.inbox import Inbox
from standpipe_console.live.rings import Ring, Subject, Target
from standpipe_console.live.settings import read_inbox_url
from standpipe_console.project import stores
from standpipe_console.project.pipelines import LEADS, SYNC
from standpipe_console.removal import clean, unlink
from standpipe_maps.sqlite_store import SqliteStore
from standpipe_maps.subscriptions.tables import FORM

from tests.history.conftest import START, JournalFile

if TYPE_CHECKING:
    from pathlib import Path

    from standpipe_console.project.meltano import Project


@pytest.fixture
def known(installed_project: Project) -> Project:
    """Return a project with reports in `output/now` and no validation reports yet."""
    for plugin in (SYNC.map, LEADS.map):
        installed_project.set_settings(plugin, {"store_dir": str(installed_project.system_dir / "transforms")})
    report_dir = str(installed_project.root / "output/now")
    installed_project.set_settings("target-intercom", {"report_dir": report_dir})
    installed_project.set_settings("target-intercom-validate", {"report_dir": "output/validate"})
    return installed_project


def fill(folder: Path, *names: str) -> Path:
    """Make a folder with empty files of these names."""
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).touch()
    return folder


def test_only_own_files_are_removed_from_every_folder_that_was_written_to(known: Project) -> None:
    """Folders of earlier settings count too. Files of others stay, and so do files that no run registered."""
    registry, root = known.system_dir / REGISTRY, known.root
    now = fill(root / "output/now", "matched.csv", "rejects.jsonl.draft", "notes.txt")
    earlier = fill(root.parent / "earlier", "matched.csv")
    shared = fill(root / "output/shared", "matched.csv", "created.csv")
    unknown = fill(root / "output/validate", "matched.csv")
    for plugin, folder, name in (
        ("target-intercom", now, "matched.csv"),
        ("target-intercom", now, "rejects.jsonl"),
        ("target-intercom", earlier, "matched.csv"),
        ("target-intercom", shared, "matched.csv"),
        ("target-chartmogul", shared, "created.csv"),
    ):
        remember_folder(registry, plugin, folder, [name])
    keep_reports(now, ["matched.csv"], 1_796_040_000)
    keep_reports(earlier, ["matched.csv"], 1_796_040_000)
    assert unlink.remove_reports(known, SYNC).splitlines() == [
        "Removed 1 folder of reports.",
        f"Removed its own files from {shared}; other files stay there.",
        f"Removed its own files from {now}; other files stay there.",
        f"{unknown} stays: no run has registered which files there are its own.",
    ]
    assert not earlier.exists()
    assert not (now / "runs").exists()
    assert not (now / "latest").is_symlink()
    assert [path.name for path in sorted((root / "output").rglob("*.*"))] == ["notes.txt", "created.csv", "matched.csv"]
    assert unlink.find_report_folders(known, SYNC) == []
    assert [one.folder for one in unlink.find_report_folders(known, LEADS)] == [str(shared)]


def test_a_database_of_somebody_elses_is_no_store(known: Project) -> None:
    """`unlink` and `clean` leave such a file, even in the stores' folder and with tables of the same names."""
    folder = known.system_dir / "transforms"
    folder.mkdir(parents=True)
    with SqliteStore(folder / "ours.sqlite", "ours", FORM) as made:
        made.commit()
    (folder / "copy.sqlite").write_bytes((folder / "ours.sqlite").read_bytes())
    (folder / "text.sqlite").write_text("no database")
    with closing(sqlite3.connect(folder / "foreign.sqlite")) as connection:
        connection.execute("CREATE TABLE subscriptions (id TEXT)")
        connection.execute("CREATE TABLE meta (name TEXT)")
    assert [path.name for path in stores.list_store_files(known, SYNC)] == ["ours.sqlite"]
    assert [path.name for path in clean.find_unnamed_stores(known, set())] == ["ours.sqlite"]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("y\n", True), ("YES \n", True), ("n\n", False), ("\n", False), ("", False), ("yes, no\n", False)],
)
def test_a_question_is_a_line_of_its_own_and_only_a_yes_is_a_yes(
    typed: str, *, expected: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The question is a line on standard output, as Meltano hides unfinished lines. End of input means no."""
    (tmp_path / "typed").write_text(typed)
    with (tmp_path / "typed").open() as terminal:
        monkeypatch.setattr("sys.stdin", terminal)
        assert output.confirm("Remove it?") is expected
    assert capsys.readouterr() == ("Remove it? Type y for yes, anything else for no:\n", "")


def fill_own_files(project: Project) -> Path:
    """Let each target have a run in the history and a journal that waits, live an id, and each job its own files."""
    folder = project.system_dir / "standpipe"
    for number, (plugin, job) in enumerate((("target-intercom", "sync"), ("target-chartmogul", "sync-leads"))):
        for n in range(2):
            journal = JournalFile(folder, f"r{number}{n}", plugin=plugin, at=START + n, job=job)
            journal.write("ann")
            journal.end()
            with open_history(project, load=n == 0) as history:
                history.pause(job, "it was paused by hand")
        for suffix in ("lock", "next", "last.json", "run.json"):
            (folder / f"{job}.{suffix}").touch()
    inbox = Inbox(read_inbox_url(project))
    targets = frozenset({Target("sync", Subject.CUSTOMER, "ann"), Target("sync-leads", Subject.CONTACT, "ann")})
    inbox.add([Ring("chargebee", "ev_1", "changed", targets)], START)
    inbox.close()
    return folder


def test_what_the_console_keeps_of_a_pipeline_goes(known: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs, journals, waiting ids, pauses, locks and notes are removed. Those of the other pipeline stay."""
    for pipeline in (SYNC, LEADS):
        for key in pipeline.keys:
            monkeypatch.setenv(key.variable, "key")
    folder = fill_own_files(known)
    assert unlink.remove_history(known, SYNC) == "Removed 2 runs from the history."
    unlink.remove_run_files(known, SYNC)
    with open_history(known) as history:
        assert [run.plugin for run in history.list_runs()] == ["target-chartmogul"] * 2
        assert history.get_pause("sync") is None
        assert history.get_pause("sync-leads")
    inbox = Inbox(read_inbox_url(known))
    assert (inbox.list_waiting("sync"), len(inbox.list_waiting("sync-leads"))) == ([], 1)
    inbox.close()
    assert [path.name for path in sorted(folder.glob("sync*"))] == [
        f"sync-leads.{suffix}" for suffix in ("last.json", "lock", "next", "run.json")
    ]


def test_with_the_last_pipeline_no_file_of_the_console_stays(known: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of the history and of the inbox are removed with the last pipeline."""
    folder = fill_own_files(known)
    for key in LEADS.keys:
        monkeypatch.setenv(key.variable, "key")
    for pipeline in (SYNC, LEADS):
        unlink.remove_history(known, pipeline)
        unlink.remove_run_files(known, pipeline)
    assert not folder.exists()
