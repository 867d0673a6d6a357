"""Creates the custom attributes that a run needs and Intercom lacks.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/data-attributes/createdataattribute
"""

from __future__ import annotations

from logging import DEBUG
from typing import TYPE_CHECKING

import backoff
from singer_sdk.exceptions import ConfigurationError, FatalAPIError

from target_intercom.api.transport import LostReplyError, RecordRefusedError
from target_intercom.records.attributes import describe_refusal
from target_intercom.records.payloads import Change

if TYPE_CHECKING:
    from target_intercom._kit.journal import JournalWriter
    from target_intercom.api.client import IntercomClient
    from target_intercom.records.attributes import Attribute

#: The stream of created attributes in a journal.
ATTRIBUTES_STREAM = "data_attributes"
_MAX_TRIES = 7


def create_attribute(
    client: IntercomClient, journal: JournalWriter, model: str, attribute: Attribute, prefix: str
) -> None:
    """Create an attribute.

    Args:
        client: the connection.
        journal: gets the write, before and after it.
        model: `contact` or `company`.
        attribute: the attribute.
        prefix: the owned prefix, which an error suggests to change.

    Raises:
        ConfigurationError: Intercom refuses it.
        FatalAPIError: no attempt was answered.
    """

    @backoff.on_exception(
        backoff.expo, LostReplyError, max_tries=_MAX_TRIES, factor=0.5, max_value=15, giveup_log_level=DEBUG
    )
    def attempt() -> None:
        try:
            client.create_attribute(attribute.build_body(model))
        except RecordRefusedError as error:
            # Names are unique, so after a lost reply a refused second attempt means that the first one succeeded.
            if all(one.name != attribute.name for one in client.list_attributes(model)):
                raise ConfigurationError(describe_refusal(attribute.name, error.reason, prefix)) from None

    entry = journal.begin_write(ATTRIBUTES_STREAM, f"{model}.{attribute.name}", "create")
    fields = {"data_type": Change(None, attribute.data_type)}
    entry.announce(None, fields)
    try:
        attempt()
    except LostReplyError as error:
        raise FatalAPIError(f"{error} to {_MAX_TRIES} attempts to create `{attribute.name}`.") from None
    entry.settle("created", fields=fields)
