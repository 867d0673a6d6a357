"""The store of the leads moves between a file and PostgreSQL."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from map_stores import ON_POSTGRESQL
from standpipe_maps._kit.errors import UserError
from standpipe_maps.leads.mapper import MapLeads

if TYPE_CHECKING:
    from tests.map_leads.conftest import Mapper, Say

pytestmark = ON_POSTGRESQL


def copy_store(leads: Mapper, source: str, target: str) -> list[dict[str, Any]]:
    """Copy the stores with the command; return what it says about each."""
    path = leads.folder.with_suffix(".json")
    path.write_text(json.dumps(leads.settings))
    words = ["--config", str(path), "store", "copy", "--from", source, "--to", target, "--json"]
    ran = CliRunner().invoke(MapLeads.get_singer_command(), words, standalone_mode=False)
    if ran.exception:
        raise ran.exception
    stores: list[dict[str, Any]] = json.loads(ran.stdout)["stores"]
    return stores


def test_a_store_moves_to_the_database_and_back(leads: Mapper, say: Say) -> None:
    """A copied store has the same rows by digest, and the next run continues it in either place."""
    rows = [say.company(1), say.company(2), say.contact("ann", 1), say.contact("bob", 1, 2)]
    url, leads.url = leads.url, None
    assert leads.run(*rows).ids("customers") == {"acme-1", "acme-2"}
    leads.url = url
    (there,) = copy_store(leads, "store_dir", "store_url")
    name = leads.confirmed["store"]
    assert (there["name"], there["from"]) == (name, str(leads.folder / f"{name}.sqlite"))
    assert there["to"].endswith(f"/standpipe_store_{name}")
    renamed = say.company(1, name="Acme & Co", updated_at=1700000001)
    assert leads.run(renamed).ids("customers") == {"acme-1"}

    (leads.folder / f"{name}.sqlite").unlink()
    (back,) = copy_store(leads, "store_url", "store_dir")
    leads.url = None
    assert (back["rows"], back["digest"] != there["digest"]) == (there["rows"], True)
    assert leads.run(renamed).of("customers") == []
    assert leads.run(resend="all").one("customers", "acme-1")["name"] == "Acme & Co"


def test_a_store_is_not_copied_over_another(leads: Mapper, say: Say) -> None:
    """A copy over a store that is there is refused, and neither is changed."""
    leads.run(say.company(1), say.contact("ann", 1))
    copy_store(leads, "store_url", "store_dir")
    before = leads.dump()
    with pytest.raises(UserError, match=r"is a store already: remove it, or copy to another place"):
        copy_store(leads, "store_url", "store_dir")
    assert leads.dump() == before
