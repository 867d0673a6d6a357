"""Records as a workspace shows them: in the answers of its API, and in what it tells its webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.intercom import conversation_shapes, shapes, tickets
from sandbox.intercom.companies import Company
from sandbox.intercom.contacts import Contact
from sandbox.intercom.threads import Thread

if TYPE_CHECKING:
    from sandbox.intercom.bodies import Version
    from sandbox.intercom.records import Record
    from sandbox.intercom.workspace import Workspace

PINNED: Version = (2, 14)
"""The version set on the app in the Developer Hub: that of webhooks, and of calls that name none."""


def contact(workspace: Workspace, record: Contact, version: Version) -> dict[str, Any]:
    """A contact in the shape of a version."""
    tags = workspace.tags.shapes(record.document.get("tags", ()))
    return shapes.contact(record, workspace.companies_of(record), tags, workspace.app_id, version)


def company(workspace: Workspace, record: Company) -> dict[str, Any]:
    """A company as it stands."""
    tags = workspace.tags.shapes(record.document.get("tags", ()))
    return shapes.company(record, tags, workspace.user_count(record), workspace.app_id)


def item(workspace: Workspace, topic: str, record: Record) -> dict[str, Any]:
    """What a notification holds: the record, and only its identifiers when it is gone.

    Raises:
        TypeError: nobody is shown of such a record.
    """
    if isinstance(record, Contact):
        gone = topic == "contact.deleted"
        return shapes.stub(record, deleted=True) if gone else contact(workspace, record, PINNED)
    if isinstance(record, Company):
        gone = topic == "company.deleted"
        return _gone_company(record) if gone else company(workspace, record)
    if isinstance(record, Thread):
        return _thread(workspace, record)
    raise TypeError(f"Nobody is shown of {record!r}.")


def _gone_company(record: Company) -> dict[str, Any]:
    return {"type": "company", "id": record.id, "company_id": record.document["company_id"]}


def _thread(workspace: Workspace, thread: Thread) -> dict[str, Any]:
    if "ticket_id" in thread.document:
        return tickets.shape(workspace, thread, PINNED)
    return conversation_shapes.with_parts(workspace, thread, PINNED, plain=False)
