"""What became of one record, in the form in which the spool keeps it until the reports are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_intercom.reporting.words import explain_outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from target_intercom.records.payloads import Shape
    from target_intercom.reporting.outcomes import Outcome


class Candidate(msgspec.Struct, frozen=True):
    """A contact or company of Intercom that was found for a record."""

    id: str
    name: str = ""
    email: str = ""
    identity: str = ""


class Result(msgspec.Struct, frozen=True):
    """What became of a record, or is to become of it, and what was found for it."""

    kind: str
    reason: str = ""
    intercom_id: str | None = None
    fields: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()

    @property
    def concerned(self) -> tuple[Candidate, ...]:
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


def build_result(outcome: Outcome, records: Sequence[Mapping[str, Any]], shape: Shape) -> Result:
    """Return the result of a plan, given what was found for its record."""
    names = ("id", "name", "email", shape.kind.identity)
    candidates = tuple(Candidate(*(str(one.get(name) or "") for name in names)) for one in records)
    fields = tuple(name.removeprefix("custom_attributes.") for name in outcome.changed)
    return Result(outcome.kind, outcome.reason, outcome.intercom_id, fields, candidates)


def settle_result(planned: Result, outcome: Outcome, shape: Shape) -> Result:
    """Return the result after the write; what was found only then replaces what was found before."""
    settled = build_result(outcome, [outcome.found] if outcome.found else [], shape)
    candidates = settled.candidates or planned.candidates
    return msgspec.structs.replace(settled, reason=settled.reason or planned.reason, candidates=candidates)


def encode_result(result: Result) -> bytes:
    """Return the result as JSON."""
    return msgspec.json.encode(result)


def decode_result(data: bytes) -> Result:
    """Return the result from its JSON."""
    return msgspec.json.decode(data, type=Result)
