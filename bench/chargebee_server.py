"""A server for measurements that answers Chargebee's lists from memory, with only the checks that they need."""

from __future__ import annotations

import asyncio
import json
import re
import time
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from multiprocessing import Queue

BEGAN = 1_420_070_400
NOW = 1_767_225_600
BYTES = 3_500
ENVELOPES = {"customers": "customer", "subscriptions": "subscription", "invoices": "invoice"}
SITES = b'{"configurations":[{"domain":"bench","product_catalog_version":"v2"}]}'
LIMITED = b'{"api_error_code":"api_request_limit_exceeded","message":"limit"}'


class Table:
    """Records as JSON, in the order of their creation."""

    def __init__(self, name: str, size: int) -> None:
        self.times = [BEGAN + (NOW - BEGAN) * row // max(size, 1) for row in range(size)]
        self.items = [item(name, row, at) for row, at in enumerate(self.times)]

    def page(self, query: dict[str, str]) -> bytes:
        """Return the page for a query."""
        start, end = 0, len(self.times)
        for name, value in query.items():
            if name.endswith("[between]"):
                low, high = (int(bound) for bound in value.strip("[]").split(","))
                start, end = max(start, bisect_left(self.times, low)), min(end, bisect_right(self.times, high))
            elif name.endswith("[after]"):
                start = max(start, bisect_right(self.times, int(float(value))))
        if "sort_by[desc]" in query:
            return b'{"list":[' + b",".join(self.items[-1:]) + b"]}"
        start = int(json.loads(query["offset"])[0]) if "offset" in query else start
        stop = min(start + int(query.get("limit", "10")), end)
        more = b',"next_offset":"[\\"%d\\"]"' % stop if stop < end else b""
        return b'{"list":[' + b",".join(self.items[start:stop]) + b"]" + more + b"}"


def item(name: str, row: int, at: int) -> bytes:
    """Return a record of about 3.5 KB in its envelope."""
    address = {
        "first_name": "Ada",
        "last_name": f"Byron {row}",
        "line1": "1 Main Street",
        "city": "Oslo",
        "zip": "0150",
    }
    line = {"id": f"li_{row}", "date_from": at, "date_to": at + 2_592_000, "unit_amount": 4900, "quantity": 1}
    record = {
        "id": f"{name}_{row:08}",
        "customer_id": f"customers_{row // 2:08}",
        "date": at,
        "created_at": at,
        "updated_at": at,
        "resource_version": at * 1000,
        "deleted": False,
        "object": ENVELOPES[name],
        "currency_code": "EUR",
        "total": 4900,
        "billing_address": address,
        "shipping_address": address,
        "line_items": [{**line, "description": f"Seat {place}", "amount": 4900} for place in range(8)],
        "meta_data": {"plan": "growth", "seats": row % 50},
        **{f"cf_field_{place}": f"value {place} of {row}" for place in range(20)},
    }
    record["cf_padding"] = "x" * max(BYTES - len(json.dumps(record, separators=(",", ":"))), 0)
    return json.dumps({ENVELOPES[name]: record}, separators=(",", ":")).encode()


def serve(sizes: dict[str, int], latency: float, limit: int | None, ready: Queue[int]) -> None:
    """Serve tables with this many records, and send the port to the parent process."""
    tables = {name: Table(name, size) for name, size in sizes.items()}
    asyncio.run(Server(tables, latency, limit).run(ready))


class Server:
    """A minimal HTTP server for two clients.

    Args:
        tables: the records, by name.
        latency: the seconds that each answer takes.
        limit: the calls per minute. Further calls are refused until the minute is over.
    """

    def __init__(self, tables: dict[str, Table], latency: float, limit: int | None) -> None:
        self._tables = tables
        self._latency = latency
        self._limit = limit
        self._minute = 0.0
        self._spent = 0
        self._calls = 0

    async def run(self, ready: Queue[int]) -> None:
        """Serve until the process ends."""
        server = await asyncio.start_server(self._client, "127.0.0.1", 0)
        ready.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                status, more, body = await self._answer(head.split(b" ", 2)[1].decode())
                writer.write(
                    b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nDate: Wed, 31 Dec 2025 23:59:59 GMT\r\n%s"
                    b"Content-Length: %d\r\n\r\n" % (status, more, len(body)) + body
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _answer(self, target: str) -> tuple[bytes, bytes, bytes]:
        url = urlsplit(target)
        name = re.sub(r".*/", "", url.path)
        if name == "calls":
            calls, self._calls = self._calls, 0
            return b"200 OK", b"", b"%d" % calls
        self._calls += 1
        if self._over():
            return b"429 Too Many Requests", b"Retry-After: 60\r\n", LIMITED
        await asyncio.sleep(self._latency)
        body = SITES if name == "configurations" else self._tables[name].page(dict(parse_qsl(url.query)))
        return b"200 OK", b"", body

    def _over(self) -> bool:
        now = time.monotonic()
        if now - self._minute >= 60:  # noqa: PLR2004 a minute
            self._minute, self._spent = now, 0
        self._spent += 1
        return self._limit is not None and self._spent > self._limit
