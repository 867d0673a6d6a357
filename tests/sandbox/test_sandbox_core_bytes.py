"""Odd bytes in paths and queries are refused in the vendor's shape, both in process and over HTTP."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import socket
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from sandbox.app import create_app
from sandbox.pages import PAGES
from sandbox.settings import Settings
from sandbox.world import World

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from sandbox.testing import RunningSandbox

BASIC = b"Basic " + base64.b64encode(b"sandbox_key:")
APIS = {
    "chargebee": ("/chargebee/api/v2", "/customers", BASIC, "api_error_code"),
    "intercom": ("/intercom", "/contacts", b"Bearer sandbox_token", "errors"),
    "chartmogul": ("/chartmogul/v1", "/customers", BASIC, "code"),
}
"""For each API: base path, a list, the Authorization header, and a key that every refusal has."""
ODD = {
    "a byte above ASCII": b"\xff",
    "letters in UTF-8": "é".encode(),
    "a byte that is not UTF-8, encoded": b"%ff",
    "half of an encoding": b"%e2%82",
    "no hexadecimal digits": b"%zz",
    "a bare percent sign": b"%",
    "a null byte, encoded": b"%00",
    "half of a surrogate pair": b"%ed%a0%80",
    "line breaks, encoded": b"%0d%0a",
}
ENCODED = [name for name, odd in ODD.items() if odd.isascii()]


@cache
def app() -> Any:
    """Return the application that all tests of this module share."""
    return create_app(World(Settings(customers=0)))


async def asked(path: bytes, query: bytes, key: bytes) -> tuple[int, bytes]:
    """Send a request straight to the application, and return status and body."""
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "scheme": "http", "server": ("127.0.0.1", 80), "method": "GET",
        "path": path.decode("utf-8", "replace"), "raw_path": path, "query_string": query,
        "headers": [(b"host", b"sandbox.example"), (b"authorization", key)],
    }  # fmt: skip
    await app()(scope, receive, send)
    return sent[0]["status"], b"".join(part.get("body", b"") for part in sent[1:])


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("api", APIS)
def test_odd_bytes_in_process(api: str, odd: str, caplog: pytest.LogCaptureFixture) -> None:
    """Odd bytes in a path, a parameter name or a value are refused. ChartMogul ignores unknown parameters."""
    base, listed, key, word = APIS[api]
    with caplog.at_level(logging.ERROR, "sandbox"):
        inside = asyncio.run(asked(f"{base}{listed}/".encode() + ODD[odd], b"", key))
        named = asyncio.run(asked(f"{base}{listed}".encode(), ODD[odd] + b"=1", key))
        valued = asyncio.run(asked(f"{base}{listed}".encode(), b"per_page=" + ODD[odd], key))
    assert not caplog.records
    assert (inside[0], word in json.loads(inside[1])) == (404, True)
    assert (named[0], word in json.loads(named[1])) == ((200, False) if api == "chartmogul" else (400, True))
    assert valued[0] == 400


def spoken(port: int, line: bytes, key: bytes) -> tuple[int, bytes]:
    """Send a request with exactly this first line, and return status and body."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        host = b"" if b"Host" in line else b"\r\nHost: x"
        connection.sendall(line + host + b"\r\nConnection: close\r\nAuthorization: " + key + b"\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


@pytest.mark.parametrize("odd", ENCODED)
@pytest.mark.parametrize("api", APIS)
def test_odd_encodings_over_http(sandbox: RunningSandbox, api: str, odd: str) -> None:
    """Odd percent-encodings in a path or a value are refused over HTTP as well."""
    base, listed, key, word = APIS[api]
    line = f"GET {base}{listed}".encode()
    status, body = spoken(sandbox.port, line + b"/" + ODD[odd] + b" HTTP/1.1", key)
    assert (status, word in json.loads(body)) == (404, True)
    assert spoken(sandbox.port, line + b"?per_page=" + ODD[odd] + b" HTTP/1.1", key)[0] == 400


@pytest.mark.parametrize("path", ["/contacts", "/companies", "/articles", "/nowhere"])
@pytest.mark.parametrize("host", [b"[", b"[::1", b"a b", b"\xff", b"x:y:z", b""])
def test_odd_hosts(sandbox: RunningSandbox, host: bytes, path: str) -> None:
    """An odd Host header causes no error, because it is only used to build links."""
    line = f"GET /intercom{path} HTTP/1.1\r\nHost: ".encode() + host + b"\r\nX-Rest: "
    assert spoken(sandbox.port, line, APIS["intercom"][2])[0] in (200, 400, 404)


@pytest.mark.parametrize("page", [*(path.replace("{id}", "1") for path in PAGES), "/nowhere"])
@pytest.mark.parametrize("query", [b"%ff", b"page=%ff", b"page=%00", b"page=-1", b"page=9999999999999999999999"])
def test_pages_take_any_query(sandbox: RunningSandbox, page: str, query: bytes) -> None:
    """The sandbox's pages answer any query with a page or with a 404."""
    assert spoken(sandbox.port, b"GET " + page.encode() + b"?" + query + b" HTTP/1.1", BASIC)[0] in (200, 404)


@pytest.mark.parametrize("target", [b"/chargebee/\xff", b"/intercom/contacts?a=\xc3\xa9", b"no slash", b""])
def test_what_is_no_http_is_refused_by_the_server(sandbox: RunningSandbox, target: bytes) -> None:
    """A malformed request line is refused before it reaches an API, and the next request works."""
    assert spoken(sandbox.port, b"GET " + target + b" HTTP/1.1", BASIC)[0] in (400, 404)
    assert spoken(sandbox.port, b"GET /chartmogul/v1/ping HTTP/1.1", BASIC)[0] == 200
