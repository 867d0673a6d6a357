"""A server for measurements that answers Intercom's searches and scroll from memory, with only the checks they need."""

from __future__ import annotations

import asyncio
import json
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from sandbox.intercom.conversations import show_conversation, show_whole_conversation
from sandbox.intercom.shapes import show_company, show_contact
from sandbox.settings import Settings
from sandbox.world import World

if TYPE_CHECKING:
    from multiprocessing import Queue

BEGAN = 1_620_000_000
NOW = 1_767_225_600
DATE = b"Wed, 31 Dec 2025 23:59:59 GMT"
DAY = 86_400
PARTS = 8
SCROLL_PAGE = 100
ME = {"type": "admin", "id": "1", "app": {"type": "app", "id_code": "bench", "region": "US", "timezone": "UTC"}}
GONE = b'{"type":"error.list","errors":[{"code":"not_found","message":"scroll parameter not found"}]}'
VERSION = (2, 14)


class Table:
    """Records of one kind as JSON, in the order of their creation. Their number can grow over time."""

    def __init__(self, template: dict[str, Any], size: int) -> None:
        self.times = [BEGAN + int((NOW - BEGAN) * (row / max(size, 1)) ** 0.5) for row in range(size)]
        self.items = [item(template, row, at) for row, at in enumerate(self.times)]
        self._ended = False

    def search(self, key: str, body: dict[str, Any]) -> bytes:
        """Return the page for a search. Dates are cut to days."""
        start, end = 0, len(self.times)
        query = body["query"]
        for one in query["value"] if "field" not in query else [query]:
            if "field" not in one:  # a group of filters, as the other tap sends them
                continue
            day = int(one["value"]) // DAY * DAY
            if one["operator"] == ">" and query.get("operator") != "OR":
                start = max(start, bisect_left(self.times, day + DAY))
            elif one["operator"] == "=":
                start = max(start, bisect_left(self.times, day))
            elif one["operator"] == "<":
                end = min(end, bisect_right(self.times, day - 1))
        total = max(end - start, 0)
        pages = body.get("pagination", {})
        start += int(pages.get("starting_after") or 0)
        stop = min(start + int(pages.get("per_page", 50)), end)
        following = b',"next":{"page":2,"starting_after":"%d"}' % (stop - end + total) if stop < end else b""
        head = (
            b'{"type":"list","total_count":%d,"pages":{"type":"pages","page":1,"per_page":150,"total_pages":1%s},"%s":['
        )
        return head % (total, following, key.encode()) + b",".join(self.items[start:stop]) + b"]}"

    def scroll(self, param: str | None) -> bytes | None:
        """Return a page of the scroll, whose position the parameter holds; None after the empty page."""
        start = int(param or 0)
        if param and self._ended:
            return None
        self._ended = start >= len(self.items)
        page = self.items[start : start + SCROLL_PAGE]
        head = b'{"type":"list","pages":null,"total_count":null,"scroll_param":"%d","data":[' % (start + len(page))
        return head + b",".join(page) + b"]}"


def item(template: dict[str, Any], row: int, at: int) -> bytes:
    """Return a record in the form of the template."""
    changed = {"id": f"{row:024x}", "created_at": at, "updated_at": at}
    changed |= {"email": f"jane.{row}@example.com"} if "email" in template else {}
    return json.dumps(template | changed, separators=(",", ":")).encode()


def templates() -> dict[str, dict[str, Any]]:
    """Return a contact, a company, a conversation and a conversation with its parts, as the sandbox shows them."""
    known = World(Settings(customers=60)).intercom
    contact = next(one for one in known.contacts.live() if one.companies and not one.notes)
    talk = max(known.conversations.live(), key=lambda one: len(one.parts))
    whole = show_whole_conversation(known, talk, VERSION, plain=False)
    parts = whole["conversation_parts"]["conversation_parts"]
    whole["conversation_parts"]["conversation_parts"] = [parts[place % len(parts)] for place in range(PARTS)]
    return {
        "contacts": show_contact(known, contact, VERSION),
        "companies": show_company(known, next(known.visible_companies())),
        "conversations": show_conversation(known, talk, VERSION),
        "parts": whole,
    }


def serve(sizes: dict[str, int], latency: float, ready: Queue[int]) -> None:
    """Serve tables with this many records, and send the port to the parent process."""
    forms = templates()
    tables = {name: Table(forms[name], size) for name, size in sizes.items()}
    asyncio.run(Server(tables, forms["parts"], latency).run(ready))


class Server:
    """A minimal HTTP server for two clients.

    Args:
        tables: the records, by name.
        parts: a conversation with its parts.
        latency: the seconds that each answer takes.
    """

    def __init__(self, tables: dict[str, Table], parts: dict[str, Any], latency: float) -> None:
        self._tables = tables
        self._parts = parts
        self._latency = latency
        self._calls = 0

    async def run(self, ready: Queue[int]) -> None:
        """Serve until the process ends."""
        server = await asyncio.start_server(self._client, "127.0.0.1", 0, limit=1 << 20)
        ready.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.lower().split(b"\r\n")
                length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
                found = await self._answer(head.split(b" ", 2)[1].decode(), await reader.readexactly(length))
                status, body = (b"404 Not Found", GONE) if found is None else (b"200 OK", found)
                writer.write(
                    b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nDate: %s\r\n"
                    b"X-RateLimit-Limit: 100000\r\nX-RateLimit-Remaining: 99999\r\nX-RateLimit-Reset: %d\r\n"
                    b"Content-Length: %d\r\n\r\n" % (status, DATE, NOW, len(body)) + body
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _answer(self, target: str, body: bytes) -> bytes | None:
        url = urlsplit(target)
        path = url.path.strip("/").split("/")
        if path == ["calls"]:
            calls, self._calls = self._calls, 0
            return b"%d" % calls
        self._calls += 1
        await asyncio.sleep(self._latency)
        return self._found(path, dict(parse_qsl(url.query)), json.loads(body or b"{}"))

    def _found(self, path: list[str], query: dict[str, str], body: dict[str, Any]) -> bytes | None:
        if path[-1] == "search":
            return self._tables[path[0]].search("data" if path[0] == "contacts" else path[0], body)
        if path == ["companies", "scroll"]:
            return self._tables["companies"].scroll(query.get("scroll_param"))
        if path[0] == "conversations":
            return item(self._parts, int(path[1], 16), BEGAN)
        return json.dumps(ME if path == ["me"] else {"type": "list", "data": []}).encode()
