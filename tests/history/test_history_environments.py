"""Environments that share a PostgreSQL server."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from postgres import needs_postgres
from standpipe_console.history import History
from standpipe_console.live.inbox import Inbox
from standpipe_console.live.rings import Ring, Subject, Target

from tests.history.conftest import START, JournalFile

if TYPE_CHECKING:
    from pathlib import Path


@needs_postgres
def test_environments_share_a_server_and_no_table(postgres_url: str, tmp_path: Path) -> None:
    """Environments share no runs, pauses or waiting ids, even for the same job and customer."""
    JournalFile(tmp_path / "us", "r1", at=START).end()
    with (
        History(postgres_url, tmp_path / "prod") as prod,
        History(postgres_url, tmp_path / "us", "us", schema="standpipe_env_us") as us,
    ):
        us.load_journals()
        us.pause("sync", "it was paused by hand")
        assert [(run.run_id, run.environment) for run in us.list_runs()] == [("r1", "us")]
        assert us.get_pause("sync")
        assert prod.list_runs() == []
        assert prod.get_pause("sync") is None
    with closing(Inbox(postgres_url)) as prod_inbox, closing(Inbox(postgres_url, "standpipe_env_us")) as us_inbox:
        us_inbox.add([Ring("chargebee", "ev_1", "changed", frozenset({Target("sync", Subject.CUSTOMER, "c1")}))], START)
        assert [one.target.id for one in us_inbox.list_waiting("sync")] == ["c1"]
        assert prod_inbox.list_waiting("sync") == []
