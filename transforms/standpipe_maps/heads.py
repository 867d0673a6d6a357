"""Records as they come from a tap, checked at once, so that nothing odd is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from standpipe_maps._kit.errors import UserError
from standpipe_maps._kit.messages import DECODER

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")


def read(decoder: msgspec.json.Decoder[T], stream: str, records: Sequence[bytes], vendor: str) -> list[T]:
    """What the map uses, of records as they came.

    Args:
        decoder: of one record of the stream.
        stream: the stream's name.
        records: JSON.
        vendor: whose records they are.

    Raises:
        UserError: a field is of a type that it never has at the vendor's, one that every record has is missing, or a
            record is no UTF-8.
    """
    decode = decoder.decode
    try:
        return [decode(record) for record in records]
    except UnicodeDecodeError as error:
        raise UserError(f"A record of {stream} is no UTF-8: the tap's output was damaged.") from error
    except msgspec.ValidationError as error:
        raise _refusal(decoder, stream, records, vendor) from error


def _refusal(decoder: msgspec.json.Decoder[Any], stream: str, records: Sequence[bytes], vendor: str) -> UserError:
    for record in records:
        try:
            decoder.decode(record)
        except msgspec.ValidationError as error:
            whole = DECODER.decode(record)
            key = whole.get("id") if isinstance(whole, dict) else None
            return UserError(f"The record {key} of {stream} is not as {vendor} has it ({error}): check the tap.")
    raise AssertionError("only called for records of which one cannot be read")
