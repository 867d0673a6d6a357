"""Requests with any method, path, headers and bytes are answered in the vendor's shape on all three APIs."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sandbox.app import create_app
from sandbox.chargebee.resources import RESOURCES
from sandbox.chartmogul.api import OPERATIONS as CHARTMOGUL
from sandbox.intercom.api import OPERATIONS as INTERCOM
from sandbox.settings import Settings
from sandbox.world import World

if TYPE_CHECKING:
    from collections.abc import MutableMapping

BASIC = b"Basic " + base64.b64encode(b"sandbox_key:")
APIS: dict[str, tuple[str, bytes, list[str]]] = {
    "chargebee": ("/chargebee/api/v2", BASIC, [f"/{row.path}" for row in RESOURCES]),
    "intercom": ("/intercom", b"Bearer sandbox_token", [row.path for row in INTERCOM]),
    "chartmogul": ("/chartmogul/v1", BASIC, [row.path for row in CHARTMOGUL]),
}
"""For each API: base path, Authorization header, and known paths."""
SHAPES: dict[str, tuple[set[str], ...]] = {
    "chargebee": ({"message", "api_error_code", "error_code", "type", "error_msg", "http_status_code"},),
    "intercom": ({"type", "request_id", "errors"}, {"type", "errors"}),
    "chartmogul": ({"code", "message", "param"}, {"errors"}, {"error"}),
}
"""The keys that the body of a refusal has at least, one set per shape."""
TARGETS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=30).map(str.encode) | st.binary(
    max_size=30
)
"""Query strings, including ones that the HTTP server would refuse."""
NAMES = st.sampled_from([b"intercom-version", b"content-type", b"accept", b"content-length", b"x-forwarded-host"])


@cache
def app() -> Any:
    """Return the application that all tests of this module share; it keeps what they write."""
    plenty = {"rate_limit_per_window": 10**9, "chartmogul_requests_per_second": 10**9}
    return create_app(World(Settings(customers=30, **plenty)))  # type: ignore[arg-type]


async def asked(scope: dict[str, Any], body: bytes) -> tuple[int, bytes]:
    """Send a request straight to the application, and return status and body."""
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await app()({"type": "http", "scheme": "http", "server": ("127.0.0.1", 80), **scope}, receive, send)
    return sent[0]["status"], b"".join(part.get("body", b"") for part in sent[1:])


@pytest.mark.fuzz
@pytest.mark.parametrize("api", APIS)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_request_ends_in_a_traceback(api: str, data: st.DataObject, caplog: pytest.LogCaptureFixture) -> None:
    """No request causes a 5xx or logs a bug, and every refusal has the vendor's shape."""
    base, key, paths = APIS[api]
    path = data.draw(st.sampled_from(paths) | st.text().map(lambda text: f"/{text}"))
    for name in ("{id}", "{uuid}", "{into}", "{from}", "{tag_id}", "{company_id}", "{subscription_id}"):
        path = path.replace(name, data.draw(st.text()))
    headers = data.draw(st.lists(st.tuples(NAMES, st.binary(max_size=12)), max_size=2))
    allowed = data.draw(st.sampled_from([key, key, key]) | st.binary(max_size=30))
    scope = {
        "method": data.draw(st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW"])),
        "path": base + path,
        "query_string": data.draw(TARGETS),
        "headers": [*headers, (b"host", b"sandbox.example"), (b"authorization", allowed)],
    }
    with caplog.at_level(logging.ERROR, "sandbox"):
        status, body = asyncio.run(asked(scope, data.draw(st.binary() | st.sampled_from([b"", b"{}", b"[]", b"{"]))))
    assert status < 500, scope
    assert not caplog.records
    if status >= 400 and scope["method"] != "HEAD":
        assert any(shape <= json.loads(body).keys() for shape in SHAPES[api]), body
