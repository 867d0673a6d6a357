"""`standpipe erase` after runs of both pipelines: nothing on this machine names the person any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from standpipe_console.live.inbox import Inbox
from standpipe_console.live.rings import Ring, Subject, Target
from standpipe_console.live.settings import read_inbox_url
from standpipe_console.project.meltano import Project as ConsoleProject

from tests.pipeline.test_pipeline_undo import run_console

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.testing import RunningSandbox

    from tests.pipeline.conftest import Intercom, Project

pytestmark = pytest.mark.pipeline
#: Where runs leave what they know of people.
PLACES = (
    ".meltano/standpipe/history.db",
    ".meltano/standpipe/journal/target-chartmogul/",
    ".meltano/standpipe/inbox.sqlite",
    ".meltano/transforms/",
    "output/target-intercom/matched.csv",
    "output/target-intercom/runs/",
    "output/target-chartmogul/",
)


def list_files(project: Project) -> Iterator[Path]:
    """Yield the files that runs have left; the plugins' own folders are links."""
    for name in (".meltano", "output", "logs"):
        for path in (project.root / name).rglob("*"):
            if path.is_file() and not path.is_symlink() and "site-packages" not in path.parts:
                yield path


def find_naming(project: Project, names: set[str]) -> dict[str, set[str]]:
    """Return the files that hold one of the names, whatever its letter case, each with the names."""
    found = {}
    for path in list_files(project):
        content = path.read_bytes().lower()
        if held := {name for name in names if name.lower().encode() in content}:
            found[str(path.relative_to(project.root))] = held
    return found


def ring(project: Project, customer_id: str) -> None:
    """Let a change of a customer wait in live's inbox, as a look at Chargebee's events leaves it."""
    inbox = Inbox(read_inbox_url(ConsoleProject(project.root, "prod")))
    target = Target("sync", Subject.CUSTOMER, customer_id)
    inbox.add([Ring("chargebee", "ev_1", "customer_changed", frozenset({target}))], 1.0)
    inbox.close()


def test_a_person_is_erased_from_all_that_runs_have_left(
    synced: Project, sandbox: RunningSandbox, intercom: Intercom
) -> None:
    """History, a waiting journal, inbox, stores and reports lose the person; other people stay in them."""
    sandbox.advance(days=30)
    run_console(synced, "run", "sync")
    # A bare run leaves its journal, which no command has loaded yet.
    assert synced.leads().code == 0
    linked = intercom.linked()
    people = [(one, contact) for one, contact in sorted(linked.items()) if contact["email"]]
    (customer_id, person), (_, other) = people[:2]
    names = {customer_id, person["id"], person["email"]}
    ring(synced, customer_id)
    before = find_naming(synced, names)
    assert [place for place in PLACES if not any(path.startswith(place) for path in before)] == []

    said = run_console(synced, "erase", person["email"], "--yes").stdout
    assert "Deleted 1 waiting ids of live." in said
    assert find_naming(synced, names) == {}
    assert find_naming(synced, {other["email"]}).keys() >= {".meltano/standpipe/history.db"}
