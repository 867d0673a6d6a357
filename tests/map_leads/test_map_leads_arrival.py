"""The map checks that all records arrived, because a `stream_maps` or another mapper may drop or rename some."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from standpipe_maps._kit.errors import UserError
from warm_commands import run_command

if TYPE_CHECKING:
    from sandbox.testing import RunningSandbox

    from tests.map_leads.conftest import Mapper, Say

TAP = Path(sys.executable).with_name("tap-intercom")
STARTED = 1768478000
"""When the tap began to read, in unix seconds."""


def say_run(say: Say, leads: Mapper, *rows: tuple[str, dict[str, Any]], drop: str = "", **marker: Any) -> list[str]:
    """Return a run of a tap that read everything, without the SCHEMA and records of the stream `drop`."""
    read = {stream: sum(name == stream for name, _ in rows) for stream in ("companies", "contacts")}
    counts = ",".join(f"{stream}:{count}" for stream, count in read.items())
    found = {**say.marker, "whole": "companies,contacts", "rows": counts, **marker}
    echo = [say.state(None, _map=leads.confirmed)] if leads.confirmed else []
    schemas = [say.schema(stream) for stream in read if stream != drop]
    bookmark = {"replication_key": "updated_at", "read_at": STARTED}
    records = [say.record(*row) for row in rows if row[0] != drop]
    return [*echo, *schemas, *records, say.state(found, contacts=bookmark, _map=leads.confirmed)]


LOSSES: list[tuple[str, dict[str, Any], str]] = [
    ("no companies", {"drop": "companies"}, "read the stream companies, .* but it never reached the map"),
    ("no contacts", {"drop": "contacts"}, "read the stream contacts, .* but it never reached the map"),
    ("a company fewer", {"rows": "companies:2,contacts:1"}, "read 2 records of the stream companies, and 1 reached"),
    ("a contact fewer", {"rows": "companies:1,contacts:9"}, "read 9 records of the stream contacts, and 1 reached"),
]


@pytest.mark.parametrize(("change", "sentence"), [row[1:] for row in LOSSES], ids=[row[0] for row in LOSSES])
def test_what_the_tap_read_must_arrive(change: dict[str, Any], sentence: str, leads: Mapper, say: Say) -> None:
    """A stream that did not arrive, or not completely, is refused, and no store is left behind."""
    with pytest.raises(UserError, match=sentence):
        leads.feed(say_run(say, leads, say.company(1), say.contact("ann", 1), **change))
    assert leads.stores == []


def test_what_is_filtered_on_purpose(leads: Mapper, say: Say) -> None:
    """A stream in `accept_filtered` may be incomplete; then the companies of contacts may be missing too."""
    rows = [say.company(1), say.contact("ann", 1), say.contact("bob", 9)]
    sent = leads.feed(say_run(say, leads, *rows, rows="companies:5,contacts:2"), accept_filtered=["companies"])
    assert (sent.ids("customers"), len(sent.ids("contacts"))) == ({"acme-1"}, 1)


OLD, YOUNG = {"created_at": STARTED - 1}, {"created_at": STARTED}
ORPHANS: list[tuple[str, dict[str, Any], dict[str, Any], bool]] = [
    ("a user", OLD, {}, True),
    ("a lead, whose company Intercom does not list", {**OLD, "role": "lead"}, {}, False),
    ("a young user", YOUNG, {}, False),
    ("companies of which only changes came", OLD, {"whole": "contacts"}, False),
]


@pytest.mark.parametrize(("person", "marker", "refused"), [row[1:] for row in ORPHANS], ids=[row[0] for row in ORPHANS])
def test_a_company_that_must_have_come(
    *, person: dict[str, Any], marker: dict[str, Any], refused: bool, leads: Mapper, say: Say
) -> None:
    """In a new store, a missing company of an older user is refused when everything was read; else the user waits."""
    lines = say_run(say, leads, say.company(1), say.contact("ann", 1), say.contact("bob", 9, **person), **marker)
    if refused:
        with pytest.raises(
            UserError, match=r"^1 of 2 companies that other records belong to did not arrive, such as co9:"
        ):
            leads.feed(lines)
        assert leads.stores == []
    else:
        assert leads.feed(lines).ids("customers") == {"acme-1"}


def test_a_company_that_a_user_joined_while_the_companies_were_read(leads: Mapper, say: Say) -> None:
    """A later run waits for a missing company until the next complete read, because it may be a new link."""
    rows = [say.company(1), say.contact("ann", 1)]
    leads.confirmed = leads.feed(say_run(say, leads, *rows)).bookmarks["_map"]
    joined = [*rows, say.contact("bob", 9)]
    leads.confirmed = leads.feed(say_run(say, leads, *joined)).bookmarks["_map"]
    with pytest.raises(UserError, match=r"^1 of 2 companies .* such as co9:"):
        leads.feed(say_run(say, leads, *joined))
    assert leads.feed(say_run(say, leads, *joined, say.company(9))).ids("customers") == {"acme-9"}


MAPS: list[tuple[str, dict[str, Any], str]] = [
    ("renamed", {"contacts": {"__alias__": "people"}}, "stream contacts, .* never reached the map"),
    ("dropped", {"contacts": None}, "stream contacts, .* never reached the map"),
    ("the first one dropped", {"companies": None}, "does not name the map's store, .* `stream_maps` of the tap drops"),
    ("filtered", {"companies": {"__filter__": "record['id'] == ''"}}, "of the stream companies, and 0 reached the map"),
]


@pytest.mark.parametrize(("stream_maps", "sentence"), [row[1:] for row in MAPS], ids=[row[0] for row in MAPS])
def test_stream_maps_of_the_tap(
    stream_maps: dict[str, Any], sentence: str, sandbox: RunningSandbox, leads: Mapper, tmp_path: Path
) -> None:
    """Streams that the tap itself drops, renames or filters are refused."""
    sandbox.reset(customers=20, seed=7)
    settings = {"access_token": "sandbox_token", "api_url": sandbox.intercom_url, "stream_maps": stream_maps}
    (tmp_path / "tap.json").write_text(json.dumps(settings))
    discovered: list[str | Path] = [TAP, "--config", tmp_path / "tap.json", "--discover"]
    catalog = json.loads(run_command(discovered, check=True).stdout)
    catalog["streams"] = [one for one in catalog["streams"] if one["tap_stream_id"] in ("companies", "contacts")]
    (tmp_path / "catalog.json").write_text(json.dumps(catalog))
    command: list[str | Path] = [TAP, "--config", tmp_path / "tap.json", "--catalog", tmp_path / "catalog.json"]
    done = run_command(command, check=True)
    with pytest.raises(UserError, match=sentence):
        leads.feed(done.stdout.splitlines(keepends=True))
    assert leads.stores == []
