"""A change of one company, sent by a run over its id alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.testing import RunningSandbox

    from tests.leads_chain.conftest import Chain


def test_a_changed_company_arrives_alone(leads_chain: Chain, sandbox: RunningSandbox) -> None:
    """A run over one id writes that company and no other; the next full run writes the others that changed."""
    sandbox.reset(customers=20, seed=7)
    workspace = sandbox.world.intercom
    leads_chain.run()
    one, other, *_ = workspace.visible_companies()
    for company, name in ((one, "Named now"), (other, "Named later")):
        workspace.companies.update(company, {"name": name}, workspace.clock.now(), "test")
    plain = leads_chain.settings["tap"]
    leads_chain.settings["tap"] = {**plain, "company_ids": [one.id]}
    leads_chain.run()
    calls = leads_chain.calls("intercom")
    names = {entry["name"] for entry in leads_chain.read("customers")}
    assert ("Named now" in names, "Named later" in names) == (True, False)
    assert calls == {
        "GET /me": 1,
        "GET /data_attributes": 2,
        "GET /companies/{id}": 1,
        "GET /companies/{id}/contacts": 1,
    }
    leads_chain.settings["tap"] = plain
    leads_chain.run()
    assert "Named later" in {entry["name"] for entry in leads_chain.read("customers")}
