"""Tables of the rules for names, websites, countries, keys and dates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pycountry
import pytest
from standpipe_maps._kit.errors import UserError
from standpipe_maps.leads import rules
from standpipe_maps.leads.attributes import select_attributes
from standpipe_maps.leads.countries import find_country_code
from standpipe_maps.leads.models import Profile

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMES = [
    (None, (None, None)),
    ("", (None, None)),
    ("Ann", ("Ann", None)),
    ("Ann Example", ("Ann", "Example")),
    ("  Ann\tExample ", ("Ann", "Example")),
    ("Ludwig van Beethoven", ("Ludwig", "van Beethoven")),
    ("Gabriel García Márquez", ("Gabriel", "García Márquez")),
    ("王小明", ("王小明", None)),
]


@pytest.mark.parametrize(("name", "expected"), NAMES, ids=[str(row[0]) for row in NAMES])
def test_a_name_in_two(name: str | None, expected: tuple[str | None, str | None]) -> None:
    """A name is split into the first word and the rest."""
    assert rules.split_name(name) == expected


WEBSITES = [
    (None, None),
    ("", None),
    ("example.com", "https://example.com"),
    (" Example.COM/En?a=B ", "https://example.com/En?a=B"),
    ("http://www.example.com", "http://www.example.com"),
    ("HTTPS://Example.com:8443/x", "https://example.com:8443/x"),
    ("localhost", None),
    ("ask me", None),
    ("see example.com", None),
    ("http://", None),
    (".com", None),
    ("ann@example.com", None),
    ("https://ann:secret@example.com", None),
    ("mailto:ann@example.com", None),
    ("ftp://example.com", None),
    ("example.com:99999", None),
    ("https://[broken", None),
]


@pytest.mark.parametrize(("website", "expected"), WEBSITES, ids=[str(row[0]) for row in WEBSITES])
def test_a_website(website: str | None, expected: str | None) -> None:
    """A website becomes a URL with a lower-case host, or null."""
    assert rules.normalize_website(website) == expected


COUNTRIES = [
    ("IRL", "IE"),
    ("ie", "IE"),
    ("Ireland", "IE"),
    ("United States", "US"),
    ("USA", "US"),
    (" Germany ", "DE"),
    ("South Korea", "KR"),
    ("UK", "GB"),
    ("U.K.", "GB"),
    ("England", "GB"),
    ("Northern Ireland", "GB"),
    ("u.s.a.", "US"),
    ("Turkey", "TR"),
    ("TÜRKİYE", "TR"),
    ("Russia", "RU"),
    ("UAE", "AE"),
    ("U.A.E.", "AE"),
    ("The Netherlands", "NL"),
    ("Holland", "NL"),
    ("Macau", "MO"),
    ("Democratic Republic of the Congo", "CD"),
    ("The Democratic Republic of the Congo", "CD"),
    ("Congo, Democratic Republic of the", "CD"),
    ("KSA", "SA"),
    ("Kingdom of Saudi Arabia", "SA"),
    ("Iran (Islamic Republic of)", "IR"),
    ("Bolivia (Plurinational State of)", "BO"),
    ("Congo (Democratic Republic of the)", "CD"),
    ("Korea (Democratic People's Republic of)", "KP"),
    ("Guinea-Bissau", "GW"),
    ("united-kingdom", "GB"),
    ("united_states", "US"),
    ("Hrvatska", "HR"),
    ("Россия", "RU"),
    ("中国", "CN"),
    ("USA/Canada", None),
    ("London, UK", None),
    ("Kosovo", "XK"),
    ("Czech Republic", "CZ"),
    ("Côte d\u2019Ivoire", "CI"),
    ("Bosnia & Herzegovina", "BA"),
    ("St. Lucia", "LC"),
    ("Korea, Republic of", "KR"),
    ("Österreich", "AT"),
    ("840", "US"),
    ("Europe", None),
    ("", None),
    ("Atlantis", None),
]


@pytest.mark.parametrize(("country", "expected"), COUNTRIES, ids=[row[0] for row in COUNTRIES])
def test_a_country(country: str, expected: str | None) -> None:
    """A country's name or code becomes its two-letter ISO 3166 code."""
    assert find_country_code(country) == expected


@pytest.mark.parametrize("country", list(pycountry.countries), ids=lambda one: one.alpha_2)
def test_every_country_of_iso_3166(country: Any) -> None:
    """Every country is found by all its codes and names."""
    names = (country.alpha_2, country.alpha_3, country.name, getattr(country, "official_name", country.name))
    assert {find_country_code(name) for name in (*names, getattr(country, "common_name", country.name))} == {
        country.alpha_2
    }


def test_profiles() -> None:
    """The first page of each network counts; networks without a field in ChartMogul are left out."""
    found = [
        ("Twitter", " "),
        ("X", "https://x.com/a"),
        ("twitter", "b"),
        ("LinkedIn", "c"),
        ("Facebook", "d"),
        (None, "e"),
    ]
    pages = [Profile(name, url) for name, url in found]
    assert rules.find_profiles(pages) == {"linked_in": "c", "twitter": "https://x.com/a"}


KEYS = [
    ("account_tier", "account_tier"),
    ("Account tier", "Account_tier"),
    ("value-in £", "value_in__"),
    ("Größe", "Gr__e"),
]


@pytest.mark.parametrize(("name", "key"), KEYS, ids=[row[0] for row in KEYS])
def test_a_key(name: str, key: str) -> None:
    """An attribute's key is reduced to letters, digits and underscores."""
    assert rules.make_attribute_key(name) == key


TEXT = {"type": ["string", "null"]}
REFUSED: list[tuple[str, list[str], dict[str, object], str]] = [
    ("not declared", ["seats"], {"seats_used": TEXT}, "names `seats`, .* does not declare: did you mean `seats_used`"),
    ("nothing like it", ["zebra"], {"seats_used": TEXT}, "names `zebra`, .* remove it, or declare it in Intercom"),
    ("nothing declared", ["seats"], {}, "names `seats`, .* does not declare"),
    ("a list", ["old"], {"old": {"type": ["array", "null"]}}, "names `old`, which is not one text, number"),
    ("two types", ["odd"], {"odd": {"type": ["string", "integer"]}}, "names `odd`, which is not one text, number"),
    ("one key", ["*"], {"a b": TEXT, "a_b": TEXT}, "selects `a b` and `a_b`, which would both be `a_b`"),
]


@pytest.mark.parametrize(
    ("names", "declared", "sentence"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_attributes_that_cannot_be_selected(names: Sequence[str], declared: dict[str, object], sentence: str) -> None:
    """An attribute that cannot be selected is refused in a sentence with the setting and the attribute."""
    schema = {"properties": {"custom_attributes": {"type": "object", "properties": declared}}}
    with pytest.raises(UserError, match=f"^`company_attributes` {sentence}"):
        select_attributes("company_attributes", names, "companies", schema)


SENT = rules.Sent(b"a", 5)
DUE = [
    ("never sent", None, b"a", 9, (True, None)),
    ("as it was", SENT, b"a", 5, (False, False)),
    ("as it was, not confirmed", SENT, b"a", 4, (False, True)),
    ("as it was, everything", SENT, b"a", None, (False, True)),
    ("otherwise", SENT, b"b", 5, (True, False)),
    ("had left", SENT._replace(left_at=1), b"a", 5, (True, False)),
]


@pytest.mark.parametrize(("sent", "digest", "since", "expected"), [row[1:] for row in DUE], ids=[row[0] for row in DUE])
def test_what_is_due(
    sent: rules.Sent | None, digest: bytes, since: int | None, expected: tuple[bool, bool | None]
) -> None:
    """A record is due when it differs from the one sent last, or when that was not confirmed."""
    assert (rules.is_new(digest, sent), sent and rules.is_due(sent, since)) == expected
