"""Writing customers: fields, attributes with their types, tags.

https://dev.chartmogul.com/reference/customers, https://dev.chartmogul.com/reference/customer-attributes
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_chartmogul.api.transport import RecordRefusedError
from target_chartmogul.records.payloads import (
    CUSTOM,
    TAG,
    Change,
    cleared_in,
    creation_body,
    plain_fields,
    tags_in,
    typed_attributes,
)
from target_chartmogul.writing.memory import ANY, REFUSED
from target_chartmogul.writing.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_chartmogul.writing.writer import Changes, Job


class CustomerWriter(Writer):
    """Writes customers. Attributes go through their own endpoint, with their types."""

    def _body(self, job: Job, changed: Changes) -> dict[str, Any]:
        body = {"data_source_uuid": self._source, "external_id": job.id}
        return body | creation_body(changed, self._shape)

    def _repairs(self, name: str) -> bool:
        return name.startswith((CUSTOM, TAG))

    def _send(self, job: Job) -> None:
        self._patch(job, plain_fields(job.todo))
        self._send_attributes(job, typed_attributes(job.todo, self._shape))
        if keys := cleared_in(job.todo):
            self._client.clear_attributes(job.uuid, keys)
            job.holds({CUSTOM + key: None for key in keys})
        if tags := tags_in(job.todo):
            reply = self._client.add_tags(job.uuid, tags)
            job.holds(dict.fromkeys((TAG + tag for tag in reply.get("tags") or ()), True))

    def _send_attributes(self, job: Job, custom: list[dict[str, Any]]) -> None:
        """Write attributes; when they are refused together, each by itself, so that the others are written."""
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
            else:
                self._leave_out(job, custom[0], error)
        else:
            job.holds(
                {CUSTOM + key: one for key, one in (reply.get("custom") or {}).items() if key in self._shape.types}
            )

    def _leave_out(self, job: Job, attribute: Mapping[str, Any], error: RecordRefusedError) -> None:
        """Note that an attribute is refused; unless it is for this value, it is not tried with anybody else."""
        name = CUSTOM + attribute["key"]
        job.refused[name] = error.reason
        if "value" not in error.named:
            self._memory.note(
                self._shape.kind.stream, ANY, name, Change(None, attribute["type"]), f"{REFUSED}{error.reason}"
            )
