"""Writes customers, with their attributes and tags.

https://dev.chartmogul.com/reference/customers, https://dev.chartmogul.com/reference/customer-attributes
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_chartmogul.api.transport import RecordRefusedError
from target_chartmogul.records.payloads import (
    Change,
    Changes,
    build_attributes,
    build_customer,
    build_fields,
    list_cleared_attributes,
    list_tags,
)
from target_chartmogul.records.remote import CUSTOM, TAG
from target_chartmogul.writing.memory import ANY, REFUSED
from target_chartmogul.writing.writer import Job, Writer

if TYPE_CHECKING:
    from target_chartmogul._kit.json_types import JsonObject


class CustomerWriter(Writer):
    """Writes customers. Attributes have their own endpoint, which takes types."""

    def _build_body(self, job: Job, changes: Changes) -> JsonObject:
        body = {"data_source_uuid": self._finder.source, "external_id": job.id}
        return body | build_customer(changes, self._options)

    def _can_repair(self, name: str) -> bool:
        return name.startswith((CUSTOM, TAG))

    def _send_changes(self, job: Job) -> None:
        self._patch_fields(job, build_fields(job.to_write))
        self._send_attributes(job, build_attributes(job.to_write, self._options))
        if keys := list_cleared_attributes(job.to_write):
            self._client.clear_attributes(job.uuid, keys)
            job.update_remote({CUSTOM + key: None for key in keys})
        if tags := list_tags(job.to_write):
            reply = self._client.add_tags(job.uuid, tags)
            job.update_remote(dict.fromkeys((TAG + tag for tag in reply.tags), True))

    def _send_attributes(self, job: Job, custom: list[JsonObject]) -> None:
        """Write attributes together, or one by one if they are refused together."""
        if not custom:
            return
        try:
            reply = self._client.set_attributes(job.uuid, custom)
        except RecordRefusedError as error:
            if error.is_missing:
                raise
            if len(custom) > 1:
                for one in custom:
                    self._send_attributes(job, [one])
                return
            name = CUSTOM + custom[0]["key"]
            job.refused[name] = error.reason
            # Unless only this value is refused, the attribute is not sent for any other customer.
            if "value" not in error.fields:
                change = Change(None, custom[0]["type"])
                self._memory.remember(self._stream, ANY, name, change, f"{REFUSED}{error.reason}")
        else:
            shown = {CUSTOM + key: one for key, one in reply.custom.items() if key in self._options.types}
            job.update_remote(shown)
