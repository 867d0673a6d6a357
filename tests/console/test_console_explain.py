"""What `explain` reads of Intercom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests
from standpipe_console import explain
from standpipe_console.rehearsal import Rehearsed

if TYPE_CHECKING:
    import pytest
    from sandbox.testing import RunningSandbox
    from standpipe_console.project import Project


def test_a_contact_that_names_a_company_is_read_as_a_contact(
    sandbox: RunningSandbox,
    project: Project,
    of_plugins: dict[str, dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With `company_id_field` contacts carry a company's id, too: the report's line says which kind a record is."""
    monkeypatch.setattr(project, "settings", of_plugins.__getitem__)
    headers = {"Authorization": "Bearer sandbox_token", "Intercom-Version": "2.14"}
    body = {"role": "user", "email": "explained@a.example"}
    made = requests.post(f"{sandbox.intercom_url}/contacts", json=body, headers=headers, timeout=30).json()["id"]
    record = {"customer_id": "ann", "email": "explained@a.example", "company_id": "acme"}
    line = {"id": "ann", "intercom_id": made, "stream": "contacts"}
    held = explain._live(project, Rehearsed([record], {"matched": [line]}), "ann")  # noqa: SLF001 - what is read live
    assert (held["id"], held["email"]) == (made, "explained@a.example")
