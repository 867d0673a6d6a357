"""The checks that an answer must pass before it is used. They are made only here.

A plugin declares the form of each list that it reads (`list_shape`). After an answer that fails these checks the
request is repeated, and finally the run ends, so only complete answers count. `whole_list` checks the whole list.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from .json_types import JsonObject
from .list_shape import Number, Text

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from .list_shape import ListShape, Paging

T = TypeVar("T")
_HALF = re.compile("[\ud800-\udfff]")
_ABSENT = msgspec.Raw(b"null")


class UnprovenError(Exception):
    """An answer does not match the declaration. The text contains no value of it."""


class _Next(msgspec.Struct):
    starting_after: Text | None = None


class _CursorPages(msgspec.Struct):
    next: _Next | None = None


class _NumberedPages(msgspec.Struct):
    total_pages: Number | None = None


_PAGING: dict[Paging, list[tuple[str, Any, Any]]] = {
    "none": [],
    "cursor": [("pages", _CursorPages | None, None)],
    "numbered": [("pages", _NumberedPages | None, None)],
    "scroll": [("scroll_param", Text | None, None)],
    "has_more": [
        ("has_more", bool | None, None),
        ("cursor", Text | None, None),
        ("current_page", Number | None, None),
        ("total_pages", Number | None, None),
    ],
    "next_offset": [("next_offset", Text | None, None)],
}
"""The members for each style of paging. They may be missing, but must not have another type."""


@dataclass(frozen=True, slots=True)
class Item:
    """A record as JSON, including its siblings, and the declared members of it."""

    text: bytes | msgspec.Raw
    members: Any
    """The declared members by name; None for a missing one."""

    def decode_record(self) -> JsonObject:
        """Return the record, decoded."""
        found: JsonObject = msgspec.json.decode(self.text)
        return found


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of a list, checked as far as a single answer can be."""

    items: list[Item]
    cursor: str | None = None
    """The cursor of the next page; None on the last page."""
    total: int | None = None
    """The number of all items, if the answer has it."""
    total_pages: int = 1
    """The number of pages; 0 if the answer does not have it."""


class PageDecoder:
    """Checks and decodes the answers of a list without decoding the records completely.

    Args:
        shape: the form of the answers.
    """

    def __init__(self, shape: ListShape) -> None:
        self.shape = shape
        self.odd: Counter[str] = Counter()
        """For each member, the number of records in which it had another type than declared."""
        self._key = attrgetter(*shape.key) if shape.key else id
        self._decoder, self._tolerant_decoder, self._page = _build_decoders(shape)

    def find_key(self, item: Item) -> object:
        """Return a record's key. A key of another type becomes text, so that it can be compared."""
        # A shape may not declare the key's type, and lists and objects have no hash.
        key = self._key(item.members)
        try:
            hash(key)
        except TypeError:
            return repr(key)
        return key

    def describe_odd(self) -> list[str]:
        """Return a line for each member with another type, and reset the counts."""
        lines = [
            f"{count} of the {self.shape.name} have a `{name}` whose type is not the documented one: "
            "it is treated as null"
            for name, count in sorted(self.odd.items())
        ]
        self.odd.clear()
        return lines

    def decode_page(self, content: bytes) -> Page:
        """Check and decode one answer.

        Raises:
            UnprovenError: a declared member is missing or has another type, or the paging is contradictory.
        """
        text, page = decode_json(content, self._page)
        if b"\n" in text or b"\r" in text:
            # A Singer message is one line, and records are sent as they came.
            page = msgspec.json.decode(msgspec.json.format(text, indent=-1), type=self._page)
        found = page.items if self.shape.items else page
        items = [self._decode_element(one, place) for place, one in enumerate([found] if self.shape.single else found)]
        if not self.shape.items:
            return Page(items)
        total = getattr(page, "total", None)
        cursor, total_pages = self._read_paging(page, len(items), total)
        return Page(items, cursor, total, total_pages)

    def decode_object(self, content: bytes) -> Item:
        """Check and decode an answer that is a single record.

        Raises:
            UnprovenError: it is not one.
        """
        text, _ = decode_json(content, JsonObject)
        return self.decode_item(text)

    def decode_item(self, text: bytes | msgspec.Raw) -> Item:
        """Check and decode one record.

        Raises:
            UnprovenError: its key, or a needed member, is missing or has another type.
        """
        try:
            return Item(text, self._decoder.decode(text))
        except msgspec.DecodeError:
            # The strict decoder is fast. Only records that it rejects are checked member by member.
            return self._decode_odd(text)

    def _decode_element(self, item: Any, place: int) -> Item:
        record = self._join_siblings(item) if self.shape.envelope else item
        try:
            return self.decode_item(record)
        except UnprovenError as error:
            raise UnprovenError(f"{error} of item {place + 1}") from None

    def _join_siblings(self, item: Any) -> msgspec.Raw:
        if not self.shape.siblings:
            return item.record  # type: ignore[no-any-return]
        record = bytes(item.record).rstrip()
        if record[:1] != b"{":
            raise UnprovenError(f"`{self.shape.envelope}` is not an object")
        parts = [record[:-1]]
        for name in self.shape.siblings:
            sibling = bytes(getattr(item, name))
            # A sibling is optional, so a wrong value in it is counted but does not reject the record.
            if sibling[:1] != b"{" and sibling != b"null":
                self.odd[name] += 1
                sibling = b"null"
            parts += [b"," if len(parts) > 1 or record[1:-1].strip() else b"", b'"', name.encode(), b'":', sibling]
        return msgspec.Raw(b"".join([*parts, b"}"]))

    def _decode_odd(self, text: bytes | msgspec.Raw) -> Item:
        """Return a record whose wanted members are null if they have another type."""
        try:
            members = self._tolerant_decoder.decode(text)
        except msgspec.DecodeError as error:
            raise UnprovenError(_name_members(error)) from None
        record: JsonObject = msgspec.json.decode(text)
        for name, kind in self.shape.wanted.items():
            try:
                msgspec.convert(getattr(members, name), kind | None)
            except msgspec.ValidationError:
                self.odd[name] += 1
                record[name] = None
        # The text is sent as the record, so it must agree with the decoded members.
        text = msgspec.json.encode(record)
        return Item(msgspec.Raw(text), self._decoder.decode(text))

    def _read_paging(self, page: Any, count: int, total: int | None) -> tuple[str | None, int]:
        paging = self.shape.paging
        if paging == "cursor":
            return (page.pages.next.starting_after if page.pages and page.pages.next else None), 1
        if paging == "numbered":
            return None, _read_total_pages(page.pages, count, total)
        if paging == "scroll":
            if count and page.scroll_param is None:
                raise UnprovenError("`scroll_param` is missing")
            return page.scroll_param, 1
        if paging == "has_more":
            return _read_has_more(page), page.total_pages or 0
        return (page.next_offset if paging == "next_offset" else None), 1


def _read_total_pages(pages: _NumberedPages | None, count: int, total: int | None) -> int:
    if pages is not None and pages.total_pages is not None:
        return pages.total_pages
    # A list with one page may omit its number of pages, but only the total can prove that.
    if total is None or total != count:
        raise UnprovenError("`pages.total_pages` is missing")
    return 1


def _read_has_more(page: Any) -> str | None:
    more = page.has_more
    if more is None and page.current_page is not None and page.total_pages is not None:
        more = page.current_page < page.total_pages
    if more is None:
        raise UnprovenError("`has_more` is missing")
    # This cannot be the last page, as the rest of the list would be lost.
    if more and page.cursor is None:
        raise UnprovenError("`has_more` is true without a `cursor`")
    return page.cursor if more else None


def _build_fields(members: Mapping[str, Any], present: Collection[str]) -> list[Any]:
    return [
        (name, kind, None) if _may_be_null(kind) and name not in present else (name, kind)
        for name, kind in members.items()
    ]


def _build_optional_fields(members: Mapping[str, Any]) -> list[Any]:
    return [(name, kind if kind is Any else kind | None, None) for name, kind in members.items()]


def _may_be_null(kind: Any) -> bool:
    try:
        msgspec.convert(None, kind)
    except msgspec.ValidationError:
        return False
    return True


@lru_cache(maxsize=256)
def _build_decoders(shape: ListShape) -> tuple[msgspec.json.Decoder[Any], msgspec.json.Decoder[Any], Any]:
    """Return the strict and the tolerant decoder of a record, and the type of a page."""
    # Every single write of a target decodes its answer, and to build the types takes half a millisecond.
    fields = _build_fields({**shape.needed, **shape.key}, shape.present)
    strict = _build_struct("Members", fields + _build_optional_fields(shape.wanted))
    tolerant = _build_struct("Members", fields + _build_optional_fields(dict.fromkeys(shape.wanted, Any)))
    return msgspec.json.Decoder(strict), msgspec.json.Decoder(tolerant), _build_page(shape)


def _build_page(shape: ListShape) -> Any:
    item: Any = msgspec.Raw
    if shape.envelope:
        siblings = [(name, msgspec.Raw, _ABSENT) for name in shape.siblings]
        item = msgspec.defstruct("Item", [("record", msgspec.Raw), *siblings], rename={"record": shape.envelope})
    items = item if shape.single else list[item]
    if not shape.items:
        return items
    total = [("total", Number if shape.total_needed else Number | None)] if shape.total else []
    fields = [("items", items), *(total if shape.total_needed else [(*one, None) for one in total])]
    return msgspec.defstruct(
        "Page",
        [*fields, *_PAGING[shape.paging]],
        rename={"items": shape.items, "total": shape.total},
        kw_only=True,
    )


def _build_struct(name: str, fields: list[Any]) -> Any:
    return msgspec.defstruct(name, list({one[0]: one for one in reversed(fields)}.values()), kw_only=True)


def _name_members(error: msgspec.DecodeError) -> str:
    """Return msgspec's message about an answer, which contains names and types but no values."""
    return str(error).replace("Object missing required field", "no").rstrip(".")


def decode_json(content: bytes, kind: type[T]) -> tuple[bytes, T]:
    """Return the text of an answer, and what it says.

    U+FFFD replaces each byte that is not UTF-8 and each half of a surrogate pair, such as half an emoji at the end of a
    text that was cut, so that one invalid text does not make the whole page unreadable.

    Raises:
        UnprovenError: it is not JSON, or not of that type.
    """
    try:
        # msgspec skips unwanted fields without checking their characters, so all characters are checked first.
        return content, msgspec.json.decode(str(content, "utf-8"), type=kind)
    except msgspec.ValidationError as error:
        raise UnprovenError(_name_members(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = _repair_text(content)
    try:
        return text, msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        raise UnprovenError(_name_members(error)) from None
    except (msgspec.DecodeError, RecursionError):
        raise UnprovenError("it is not JSON") from None


def _repair_text(content: bytes) -> bytes:
    try:
        value = json.loads(content.decode("utf-8", "replace"))
        return _HALF.sub("\ufffd", json.dumps(value, ensure_ascii=False, separators=(",", ":"))).encode()
    except (ValueError, RecursionError):
        raise UnprovenError("it is not JSON") from None
