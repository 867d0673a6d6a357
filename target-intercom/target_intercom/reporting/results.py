"""The outcome of one record, in the form that the buffer stores until the reports are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_intercom.reporting.words import explain_outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_intercom.records.remote import RemoteRecord
    from target_intercom.records.write_options import WriteOptions
    from target_intercom.reporting.outcomes import Outcome


class ReportedRecord(msgspec.Struct, frozen=True):
    """A contact or company that was found for a record."""

    id: str
    name: str = ""
    email: str = ""
    identity: str = ""


class Result(msgspec.Struct, frozen=True):
    """The outcome or plan of a record, and its match."""

    kind: str
    reason: str = ""
    intercom_id: str | None = None
    fields: tuple[str, ...] = ()
    candidates: tuple[ReportedRecord, ...] = ()

    @property
    def concerned(self) -> tuple[ReportedRecord, ...]:
        """The candidate of the outcome, or else all candidates."""
        return tuple(one for one in self.candidates if one.id == self.intercom_id) or self.candidates

    @property
    def table(self) -> str:
        """The one report that lists the record."""
        if self.kind == "not_reached":
            return "not_reached"
        if self.kind == "created" or not self.candidates:
            return "unmatched"
        return "matched" if len(self.concerned) == 1 else "ambiguous"

    def as_not_reached(self) -> Result:
        """Return the result of a record that the run did not reach. Its reason is the planned action."""
        return Result("not_reached", self.kind, self.intercom_id, self.fields, self.candidates)

    def as_unknown(self) -> Result:
        """Return the result of a record whose write was interrupted."""
        return msgspec.structs.replace(self, kind="unknown", reason=explain_outcome("unknown", ""))


def build_result(outcome: Outcome, records: Sequence[RemoteRecord], options: WriteOptions) -> Result:
    """Return the result of a plan, with the candidates of its record."""
    names = ("id", "name", "email", options.object_type.identity)
    candidates = tuple(
        ReportedRecord(*(str(getattr(record, name, None) or "") for name in names)) for record in records
    )
    fields = tuple(name.removeprefix("custom_attributes.") for name in outcome.changes)
    return Result(outcome.kind, outcome.reason, outcome.intercom_id, fields, candidates)


def settle_result(planned: Result, outcome: Outcome, options: WriteOptions) -> Result:
    """Return the result after the write. A record that was found only then replaces the earlier candidates."""
    settled = build_result(outcome, [outcome.late_match] if outcome.late_match else [], options)
    candidates = settled.candidates or planned.candidates
    return msgspec.structs.replace(settled, reason=settled.reason or planned.reason, candidates=candidates)


def encode_result(result: Result) -> bytes:
    """Return the result as JSON."""
    return msgspec.json.encode(result)


def decode_result(data: bytes) -> Result:
    """Return the result from its JSON."""
    return msgspec.json.decode(data, type=Result)
