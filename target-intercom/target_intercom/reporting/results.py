"""The outcome of one record, in the form in which the buffer keeps it until the reports are written."""

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
    """A contact or company of Intercom that was found for a record."""

    id: str
    name: str = ""
    email: str = ""
    identity: str = ""


class Result(msgspec.Struct, frozen=True):
    """The outcome or the plan of a record, and its match."""

    kind: str
    reason: str = ""
    intercom_id: str | None = None
    fields: tuple[str, ...] = ()
    candidates: tuple[ReportedRecord, ...] = ()

    @property
    def concerned(self) -> tuple[ReportedRecord, ...]:
        """The candidate that the outcome is about, else all of them."""
        return tuple(one for one in self.candidates if one.id == self.intercom_id) or self.candidates

    @property
    def table(self) -> str:
        """The one report in which the record stands."""
        if self.kind == "not_reached":
            return "not_reached"
        if self.kind == "created" or not self.candidates:
            return "unmatched"
        return "matched" if len(self.concerned) == 1 else "ambiguous"

    def as_not_reached(self) -> Result:
        """Return the result of a record whose turn did not come, with what was planned as its reason."""
        return Result("not_reached", self.kind, self.intercom_id, self.fields, self.candidates)

    def as_unknown(self) -> Result:
        """Return the result of a record whose write was cut off, with that as its reason."""
        return msgspec.structs.replace(self, kind="unknown", reason=explain_outcome("unknown", ""))


def build_result(outcome: Outcome, records: Sequence[RemoteRecord], options: WriteOptions) -> Result:
    """Return the result of a plan, given what was found for its record."""
    names = ("id", "name", "email", options.object_type.identity)
    candidates = tuple(
        ReportedRecord(*(str(getattr(record, name, None) or "") for name in names)) for record in records
    )
    fields = tuple(name.removeprefix("custom_attributes.") for name in outcome.changes)
    return Result(outcome.kind, outcome.reason, outcome.intercom_id, fields, candidates)


def settle_result(planned: Result, outcome: Outcome, options: WriteOptions) -> Result:
    """Return the result after the write; what was found only then replaces what was found before."""
    settled = build_result(outcome, [outcome.late_match] if outcome.late_match else [], options)
    candidates = settled.candidates or planned.candidates
    return msgspec.structs.replace(settled, reason=settled.reason or planned.reason, candidates=candidates)


def encode_result(result: Result) -> bytes:
    """Return the result as JSON."""
    return msgspec.json.encode(result)


def decode_result(data: bytes) -> Result:
    """Return the result from its JSON."""
    return msgspec.json.decode(data, type=Result)
