"""Which companies and contacts a notification of Intercom concerns.

https://developers.intercom.com/docs/references/webhooks/webhook-models: `data.item` is not the record of the REST API
(times are in ISO 8601, deleted records have only ids), so only ids are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .rings import Ring, Subject, Target, is_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from standpipe_console._kit.json_types import JsonObject

JOB = "sync-leads"
SOURCE = "intercom"

#: The places of the ids in `data.item`, by subject.
_Paths = tuple[tuple[Subject, tuple[str, ...]], ...]
_COMPANY: _Paths = ((Subject.COMPANY, ("id",)),)
_CONTACT: _Paths = ((Subject.CONTACT, ("id",)),)
_LINK: _Paths = ((Subject.COMPANY, ("company", "id")), (Subject.CONTACT, ("contact", "id")))
#: `contact.user.updated` and `contact.lead.updated` are missing on purpose: each visit of a person sends one.
RINGING_TOPICS: Mapping[str, _Paths] = {
    "company.created": _COMPANY,
    "company.updated": _COMPANY,
    "company.deleted": _COMPANY,
    "company.contact.attached": _LINK,
    "company.contact.detached": _LINK,
    "contact.user.created": _CONTACT,
    "contact.lead.created": _CONTACT,
    "contact.email.updated": _CONTACT,
    "contact.lead.added_email": _CONTACT,
    "contact.lead.signed_up": _CONTACT,
    "contact.archived": _CONTACT,
    "contact.unarchive": _CONTACT,  # in the documentation
    "contact.unarchived": _CONTACT,  # on the wire
    "contact.deleted": _CONTACT,
    "contact.merged": (*_CONTACT, (Subject.CONTACT, ("merged_from", "id"))),
}


def parse_notification(notification: JsonObject) -> Ring:
    """Return the ring for a notification. Other topics, such as `ping`, concern no record."""
    topic, event_id = notification.get("topic"), notification.get("id")  # the id of a ping is null
    data = notification.get("data")
    item = data.get("item") if isinstance(data, dict) else None
    paths = RINGING_TOPICS.get(topic) if is_id(topic) else None
    targets = frozenset(_find_targets(paths, item)) if paths else frozenset()
    return Ring(SOURCE, event_id if is_id(event_id) else "", topic if is_id(topic) else "", targets)


def _find_targets(paths: _Paths, item: object) -> Iterator[Target]:
    found = [Target(JOB, subject, id_) for subject, path in paths if (id_ := _get_text(item, path))]
    # One of the two ids of a link may be missing. The other one is enough to read both records again.
    yield from found or [Target(JOB, Subject.EVERYTHING)]


def _get_text(value: object, path: tuple[str, ...]) -> str:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if is_id(value) else ""
