"""Which addresses are accepted, and which of them are unencrypted."""

from __future__ import annotations

import pytest
from singer_kit.urls import is_base_url, is_host_label, is_unencrypted

SITES = {
    "acme": True, "acme-test": True, "2checkout": True, "A": True, "": False, "-acme": False,
    "acme.chargebee.com": False, "https://acme.chargebee.com": False, "localhost:1/x?": False,
    "evil.example/": False, "evil.example#": False,
    "a@evil.example": False, "acme ": False, "acme\n": False, "acmé": False, "evil。example": False, "a%2fb": False,
    "127.0.0.1:80/": False, "${SITE}": False,
}  # fmt: skip
URLS = {
    "https://api.intercom.io": True,
    "https://proxy.example:8443/intercom/": True,
    "http://127.0.0.1:8100/chargebee/api/v2": True,
    "http://[::1]:8100/intercom": True,
    "http://localhost/intercom": True,
    "http://sand_box:8100": True,
    "api.intercom.io": False,
    "ftp://api.intercom.io": False,
    "https://": False,
    "https://:443/": False,
    "http://[": False,
    "http://[:::": False,
    "https://acme:port": False,
    "https://acme:0": False,
    "https://acme:65536": False,
    "https://api.intercom.io@evil.example": False,
    "https://user:secret@api.intercom.io": False,
    "https://api.intercom.io/?x=": False,
    "https://evil.example#.intercom.io": False,
    "https://evil.example\\@api.intercom.io": False,
    "https://api.intercom.io /x": False,
    "https://api.intercom.io\n": False,
    "https://api%2eintercom.io": False,
    "": False,
}


@pytest.mark.parametrize(("site", "expected"), SITES.items(), ids=map(repr, SITES))
def test_a_site_is_one_part_of_a_hosts_name(site: str, *, expected: bool) -> None:
    """A site name is a single host label, because anything else would change the host or path of the URL."""
    assert is_host_label(site) is expected


@pytest.mark.parametrize(("url", "expected"), URLS.items(), ids=map(repr, URLS))
def test_an_address_is_a_host_and_a_path(url: str, *, expected: bool) -> None:
    """A base URL is scheme, host and path only; ambiguous addresses are refused."""
    assert is_base_url(url) is expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.intercom.io", True),
        ("http://127.0.0.1:8100/x", True),
        ("http://127.9.9.9/x", True),
        ("http://[::1]:8100", True),
        ("http://localhost:8100", True),
        ("http://api.intercom.io", False),
        ("http://localhost.evil.example", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://10.0.0.1", False),
    ],
)
def test_http_stays_on_this_machine(url: str, *, expected: bool) -> None:
    """Only addresses on this machine may use http."""
    assert is_unencrypted(url) is not expected
