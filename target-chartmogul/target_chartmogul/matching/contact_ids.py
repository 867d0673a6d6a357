"""Whether the account keeps contacts' external ids and filters by them. The first contact of a source shows it.

Neither is documented well enough. If an account dropped the ids, every run would create all contacts again.

https://dev.chartmogul.com/reference/contacts
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from singer_sdk.exceptions import FatalAPIError

from target_chartmogul._kit.private_files import open_private
from target_chartmogul.records.object_types import CONTACT
from target_chartmogul.reporting.files import CONTACT_IDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from target_chartmogul.api.client import ChartMogulClient
    from target_chartmogul.records.remote import RemoteContact

FILTERED, LISTED, DROPPED = "filtered", "listed", "dropped"
"""The account finds a contact by its external id, only shows the id in its list, or drops it."""
WARNINGS = {
    LISTED: "ChartMogul does not look up contacts by their external ids in this account: every run reads all of them",
    DROPPED: "ChartMogul keeps no external ids of contacts in this account: contacts are found by customer, e-mail "
    "address and name, and a contact whose address or name changes is created again",
}

_TRIES = 3
_PAUSE = 1.0  # seconds between two tries


class ContactIdSupport:
    """The result for a data source, stored in the memory folder.

    Args:
        folder: the folder of the file.
        source: the uuid of the data source.
    """

    def __init__(self, folder: Path, source: str | None) -> None:
        self._path, self._source = folder / CONTACT_IDS, source
        #: FILTERED, LISTED or DROPPED; None while it is unknown.
        self.proved: str | None = None
        # If the file is missing, or incomplete after a killed run, the next contact shows it again.
        with suppress(OSError, ValueError, KeyError, TypeError):
            content = json.loads(self._path.read_text(encoding="utf-8"))
            if content["source"] == source:
                self.proved = str(content["contact_ids"])

    def save(self, proved: str) -> None:
        """Store the result."""
        self.proved = proved
        with open_private(self._path) as file:
            json.dump({"source": self._source, "contact_ids": proved}, file)


def prove_support(
    client: ChartMogulClient, source: str, external_id: str, uuid: str, delete: Callable[[str], None]
) -> tuple[str, RemoteContact | None]:
    """Look for a contact that was just created.

    Args:
        client: the connection.
        source: the uuid of the data source.
        external_id: of the contact.
        uuid: of the contact.
        delete: deletes a contact, and notes that in the journal.

    Returns:
        How the account finds it, and the older contact that it duplicates, if there is one.

    Raises:
        FatalAPIError: the account neither keeps its external id nor shows its customer. The contact is deleted again.
    """
    # A new contact may appear a little later.
    for number in range(_TRIES):
        if number:
            time.sleep(_PAUSE)
        found = client.look_up(CONTACT, source, external_id)
        if found.entry:
            older = found.entry if found.entry.uuid != uuid else None
            return (FILTERED if found.is_filtered else LISTED), older
    contacts = list(client.read_all(CONTACT, source))
    created = next((one for one in contacts if one.uuid == uuid), None)
    if created and created.external_id == external_id:
        return LISTED, None
    if created and created.customer_uuid:
        # The newest contacts come first in the list.
        oldest = [one for one in contacts if one.person_key == created.person_key][-1]
        return DROPPED, oldest if oldest.uuid != uuid else None
    delete(uuid)
    raise FatalAPIError(
        "ChartMogul does not show the contact that was just created, neither under its external id nor in its list, so "
        "that every run would create all contacts again: it was deleted, and no other one was created. Ask ChartMogul "
        "whether the key in `api_key` may read contacts, or leave out the stream `contacts`."
    )
