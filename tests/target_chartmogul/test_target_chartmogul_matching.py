"""Which customers of two data sources are the same, as examples and as rules for any customers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from target_chartmogul.merge.customer_matching import KEYS, Party, match_parties
from target_chartmogul.merge.domains import find_domain

ORDER = ("external_id", "email", "company", "domain")

DOMAINS = [
    ("https://www.Acme.example/about?x=1", "acme.example"),
    ("acme.example:8080", "acme.example"),
    ("shop.acme.co.uk", "acme.co.uk"),
    ("https://app.eu.acme.com.au/login", "acme.com.au"),
    ("//acme.io", "acme.io"),
    ("https://user@acme.io/", "acme.io"),
    ("acme.io.", "acme.io"),
    ("https://müller.de", "xn--mller-kva.de"),
    ("https://www.xn--mller-kva.de", "xn--mller-kva.de"),
    ("https://facebook.com/acme", ""),
    ("https://de-de.facebook.com/acme", ""),
    ("https://www.linkedin.com/company/acme", ""),
    ("https://x.com/acme", ""),
    ("https://linktr.ee/acme", ""),
    ("https://acme.github.io", ""),
    ("https://acme.myshopify.com", ""),
    ("https://acme.wixsite.com/home", ""),
    ("https://acme.wordpress.com", ""),
    ("https://acme.squarespace.com", ""),
    ("https://sites.google.com/view/acme", ""),
    ("https://www.google.de", ""),
    ("https://www.amazon.co.uk/acme", ""),
    ("https://gmail.com", ""),
    ("https://www.yahoo.co.jp", ""),
    ("https://comcast.net", ""),
    ("https://acme.s3.amazonaws.com/index.html", ""),
    ("joe@acme.example", "acme.example"),
    ("https://co.uk", ""),
    ("https://github.io", ""),
    ("http://192.0.2.7/acme", ""),
    ("http://[2001:db8::1]/", ""),
    ("localhost", ""),
    ("http://[", ""),
    ("not a website", ""),
    ("Dr. Smith", ""),
    ("coming soon, acme.example", ""),
    ("https://straße.de", "xn--strae-oqa.de"),
    ("https://strasse.de", "strasse.de"),
    ("1.2.3", ""),
    ("http://crm.acme.local", ""),
    ("router.lan", ""),
    ("https://www.example.com", ""),
    ("yourcompany.com", ""),
    ("none.com", ""),
    ("https://youtu.be/a", ""),
    ("https://g.page/acme", ""),
    ("https://shop.app/m/acme", ""),
    ("https://acme.company.site", ""),
    ("https://acme.myportfolio.com", ""),
    ("https://acme.hs-sites.com", ""),
    ("https://acme.zendesk.com", ""),
    ("https://acme.onmicrosoft.com", ""),
    ("https://www.bbb.org/acme", ""),
    ("https://www.indiamart.com/acme", ""),
    ("", ""),
]


@pytest.mark.parametrize(("website", "domain"), DOMAINS, ids=[website or "none" for website, _ in DOMAINS])
def test_the_domain_of_a_website(website: str, domain: str) -> None:
    """The domain is the registrable one, and empty for hosts that strangers share."""
    assert find_domain(website) == domain


def pair(ours: dict[str, str], theirs: dict[str, str]) -> tuple[Party, Party]:
    """Return a lead and a billing customer with these fields of `Party`; `id` is the external id."""
    lead, billed = ({"id": name, **one} for name, one in (("lead", ours), ("cb-1", theirs)))
    return Party("1", (lead.pop("id"),), **lead), Party("9", (billed.pop("id"),), **billed)


def both(field: str, ours: str, theirs: str) -> tuple[Party, Party]:
    """Return a lead and a customer with only one known field."""
    return pair({field: ours}, {field: theirs})


def known(**fields: str) -> dict[str, str]:
    """Return the fields as a dict."""
    return fields


#: Two companies that have nothing in common.
ACME = known(id="7", name="Acme", company="Acme", email="joe@acme.example", website="acme.example")
BOLT = known(id="7", name="Ann Bolt", company="Bolt", email="ann@bolt.example", website="bolt.example")

#: The fields of a lead and of a billing customer, and the key that matches them.
SAME = {
    "external id": (both("id", "x", "x"), "external_id"),
    "e-mail": (both("email", "joe@acme.example", "joe@acme.example"), "email"),
    "e-mail in another letter case": (both("email", " Joe@ACME.example", "joe@acme.example "), "email"),
    "e-mail with a mail provider": (both("email", "joe@gmail.com", "joe@gmail.com"), "email"),
    "company": (both("company", "Acme Ltd", "Acme Ltd"), "company"),
    "company in another letter case": (both("company", " ACME  Ltd ", "acme ltd"), "company"),
    "company in wide letters": (both("company", "\uff21cme", "Acme"), "company"),
    "website": (both("website", "acme.example", "acme.example"), "domain"),
    "website with www and path": (both("website", "https://www.acme.example/x", "acme.example"), "domain"),
    "subdomains of one company": (both("website", "app.acme.co.uk", "shop.acme.co.uk"), "domain"),
    "one website in two scripts": (both("website", "müller.de", "xn--mller-kva.de"), "domain"),
    "everything": (pair(ACME, ACME), "external_id"),
    "everything but the id": (pair(ACME, ACME | {"id": "8"}), "email"),
    "e-mail, of another company": (pair(ACME | {"id": "8", "company": "A"}, ACME), "email"),
    "company and website": (pair(known(company="A", website="a.io"), known(company="a", website="a.io")), "company"),
    "company, another website": (pair(ACME | {"id": "8", "email": "", "website": "acme.io"}, ACME), "company"),
    "company, one host": (pair(known(company="A", website="t.me/a"), known(company="A", website="t.me/b")), "company"),
    "id, and nothing else is known": (pair(known(id="7"), BOLT), "external_id"),
    "id and name": (pair(ACME | {"name": "ann  BOLT"}, BOLT), "external_id"),
    "id and company": (pair(ACME | {"company": "bolt"}, BOLT), "external_id"),
    "id, and the name is the other's company": (pair(ACME | {"name": "Bolt"}, BOLT), "external_id"),
    "id and e-mail": (pair(ACME | {"email": "Ann@bolt.example"}, BOLT), "external_id"),
    "id and domain": (pair(ACME | {"website": "www.bolt.example"}, BOLT), "external_id"),
    "id, and no name is known": (pair(ACME | {"name": "", "company": ""}, BOLT), "external_id"),
    "id, and no e-mail is known": (pair(ACME | {"email": ""}, BOLT), "external_id"),
    "id, and no website is known": (pair(ACME, BOLT | {"website": ""}), "external_id"),
    "id, and a website on a shared host": (pair(ACME | {"website": "facebook.com/acme"}, BOLT), "external_id"),
}  # fmt: skip

#: The fields of two different companies, which differ or which unrelated companies share.
DIFFERENT = {
    "external ids in another letter case": both("id", "X", "x"),
    "mail provider": both("email", "bob@comcast.net", "al@comcast.net"),
    "great mail provider": both("email", "bob@gmail.com", "al@gmail.com"),
    "a company's own mail domain": both("email", "bob@acme.example", "al@acme.example"),
    "website is the other's mail domain": pair(known(website="acme.example"), known(email="al@acme.example")),
    "mail provider as website": both("website", "comcast.net", "comcast.net"),
    "great mail provider as website": both("website", "https://gmail.com", "gmail.com"),
    "pages of one social network": both("website", "facebook.com/a", "facebook.com/b"),
    "one page of a social network": both("website", "facebook.com/a", "facebook.com/a"),
    "social network in two countries": both("website", "de-de.facebook.com/a", "www.facebook.com/a"),
    "link pages": both("website", "linktr.ee/a", "linktr.ee/b"),
    "professional network": both("website", "linkedin.com/company/a", "uk.linkedin.com/in/b"),
    "shops of one builder": both("website", "a.myshopify.com", "b.myshopify.com"),
    "one shop of a builder": both("website", "a.myshopify.com", "a.myshopify.com"),
    "sites of one builder": both("website", "a.wixsite.com/x", "b.wixsite.com/y"),
    "sites of another builder": both("website", "a.squarespace.com", "b.squarespace.com"),
    "blogs of one host": both("website", "a.wordpress.com", "b.wordpress.com"),
    "pages of a code host": both("website", "a.github.io", "b.github.io"),
    "pages of a search engine": both("website", "sites.google.com/a", "sites.google.com/b"),
    "video portal": both("website", "youtube.com/@a", "youtube.com/@b"),
    "shortened links": both("website", "bit.ly/a", "bit.ly/b"),
    "market place": both("website", "etsy.com/shop/a", "etsy.com/shop/b"),
    "market place of a country": both("website", "amazon.co.uk/a", "amazon.co.uk/b"),
    "country's suffix": both("website", "a.co.uk", "b.co.uk"),
    "private suffix": both("website", "a.uk.com", "b.uk.com"),
    "buckets in a cloud": both("website", "a.s3.amazonaws.com", "b.s3.amazonaws.com"),
    "address of a machine": both("website", "http://10.0.0.1", "http://10.0.0.1"),
    "machine without a domain": both("website", "localhost", "localhost"),
    "no company": both("company", "N/A", "n/a"),
    "private people": both("company", "Personal", "personal"),
    "self-employed": both("company", "Self-employed", "self-employed"),
    "a dash for a company": both("company", "--", "--"),
    "tests": both("company", "Test", "TEST"),
    "no company, with points": both("company", "N.A.", "n.a."),
    "no company, in brackets": both("company", "(none)", "(None)"),
    "whatever came to mind": both("company", "asdf", "asdf"),
    "the field's own words": both("company", "Company Name", "company name"),
    "no company, in German": both("company", "keine", "Keine"),
    "address that nobody has": both("email", "test@test.com", "test@test.com"),
    "address of an example": both("email", "john@example.com", "John@example.com"),
    "address that says there is none": both("email", "noemail@noemail.com", "noemail@noemail.com"),
    "no address": both("email", "n/a", "n/a"),
    "a sentence as website": both("website", "Under construction. Soon", "Under construction. Soon"),
    "two scripts of two domains": both("website", "straße.de", "strasse.de"),
    "machines of two offices": both("website", "http://intranet.local", "http://intranet.local"),
    "short links of a map": both("website", "g.page/a", "g.page/b"),
    "help desks of one provider": both("website", "a.zendesk.com", "b.zendesk.com"),
    "names of people": both("name", "Joe Smith", "Joe Smith"),
    "nothing is known": pair({}, {}),
    "blanks": pair(known(email=" ", company=" ", website=" "), known(email=" ", company=" ", website=" ")),
    "company is the other's name": pair(known(company="Acme"), known(name="Acme")),
    "similar companies": both("company", "Acme Ltd", "Acme Inc"),
    "similar websites": both("website", "acme.com", "acme.io"),
    "similar e-mails": both("email", "joe@acme.com", "joe@acme.co"),
    "another company on one host": pair(known(company="A", website="fb.com/a"), known(company="B", website="fb.com/a")),
    "all differs": pair(ACME, BOLT | {"id": "8"}),
}


@pytest.mark.parametrize("case", SAME)
def test_the_same_company(case: str) -> None:
    """Customers match by a key that both have and strangers do not share."""
    (one, other), key = SAME[case]
    assert [(found.outcome, found.key) for found in match_parties([one], [other], ORDER)] == [("matched", key)]


@pytest.mark.parametrize("case", DIFFERENT)
def test_different_companies(case: str) -> None:
    """Values that strangers share are not keys."""
    one, other = DIFFERENT[case]
    assert [found.outcome for found in match_parties([one], [other], ORDER)] == ["unmatched"]


def test_an_external_id_that_all_else_contradicts() -> None:
    """Equal external ids do not match when all other known keys contradict them."""
    one, other = pair(ACME, BOLT)
    (found,) = match_parties([one], [other], ORDER)
    assert (found.outcome, found.key, found.into) == ("contradicted", "external_id", (other,))


def party(uuid: int, external_id: str = "", **fields: str) -> Party:
    """Return a customer."""
    return Party(str(uuid), (external_id,) if external_id else (), **fields)


SITUATIONS = {
    "two counterparts": (
        [party(1, company="a")],
        [party(8, company="a"), party(9, company="a")],
        [("ambiguous", "company", "8 9")],
    ),
    "two leads of one": (
        [party(1, company="a"), party(2, company="a")],
        [party(9, company="a")],
        [("ambiguous", "company", "9"), ("ambiguous", "company", "9")],
    ),
    "a surer key decides": (
        [party(1, "x", company="a"), party(2, "y", company="a")],
        [party(8, "x", company="a"), party(9, "y", company="a")],
        [("matched", "external_id", "8"), ("matched", "external_id", "9")],
    ),
    "one that is taken by a surer key": (
        [party(1, "x"), party(2, "y", company="a")],
        [party(9, "x", company="a")],
        [("matched", "external_id", "9"), ("ambiguous", "company", "9")],
    ),
    "two that are taken by one key": (
        [Party("1", ("x",)), Party("2", ("y",))],
        [Party("9", ("x", "y"))],
        [("ambiguous", "external_id", "9"), ("ambiguous", "external_id", "9")],
    ),
    "one lead of two external ids": (
        [Party("1", ("x", "y"))],
        [party(8, "x"), party(9, "y")],
        [("ambiguous", "external_id", "8 9")],
    ),
    "a crowded domain and an e-mail": (
        [party(1, email="joe@a.io", website="a.io")],
        [party(7, website="a.io"), party(8, email="joe@a.io", website="a.io"), party(9, website="a.io")],
        [("matched", "email", "8")],
    ),
    "two crowded keys that single one out": (
        [party(1, company="a", website="a.io")],
        [party(7, company="a"), party(8, company="a", website="a.io"), party(9, website="a.io")],
        [("matched", "company domain", "8")],
    ),
    "two crowded keys that two leads share": (
        [party(1, company="a", website="a.io"), party(2, company="a", website="a.io")],
        [party(7, company="a"), party(8, company="a", website="a.io"), party(9, website="a.io")],
        [("ambiguous", "company domain", "8"), ("ambiguous", "company domain", "8")],
    ),
    "two crowded keys that leave two": (
        [party(1, company="a", website="a.io")],
        [party(8, company="a", website="a.io"), party(9, company="a", website="a.io")],
        [("ambiguous", "company domain", "8 9")],
    ),
    "two keys that name different customers": (
        [party(1, email="joe@a.io", company="a")],
        [party(8, email="joe@a.io"), party(9, company="a")],
        [("conflicting", "email company", "8 9")],
    ),
    "an external id and a domain that name different customers": (
        [party(1, "x", website="a.io")],
        [party(8, "x"), party(9, website="a.io")],
        [("conflicting", "external_id domain", "8 9")],
    ),
    "a key that names one and a crowd without it": (
        [party(1, email="joe@a.io", company="a")],
        [party(7, email="joe@a.io"), party(8, company="a"), party(9, company="a")],
        [("conflicting", "email company", "7 8")],
    ),
    "three keys of which one names another": (
        [party(1, "x", email="joe@a.io", company="a")],
        [party(8, "x", email="joe@a.io"), party(9, company="a")],
        [("conflicting", "external_id email company", "8 9")],
    ),
    "nobody": ([party(1, "x")], [], [("unmatched", "", "")]),
}  # fmt: skip


@pytest.mark.parametrize("case", SITUATIONS)
def test_several_customers(case: str) -> None:
    """Customers match one to one by keys that agree; a key with several counterparts never decides alone."""
    leads, others, expected = SITUATIONS[case]
    found = [
        (one.outcome, one.key, " ".join(into.uuid for into in one.into)) for one in match_parties(leads, others, ORDER)
    ]
    assert found == expected


def test_only_the_chosen_keys_count() -> None:
    """With `merge_by: [company]`, only the company counts."""
    one, other = pair(known(email="joe@a.io", company="A"), known(email="joe@a.io", company="a"))
    assert [match.key for match in match_parties([one], [other], ["company"])] == ["company"]
    assert [match.outcome for match in match_parties([one], [other], ["external_id"])] == ["unmatched"]


def test_what_was_unmerged_is_kept_apart() -> None:
    """A pair that a user unmerged is never matched again."""
    one, other = pair(ACME, ACME)
    assert [found.outcome for found in match_parties([one], [other], ORDER, {("7", "7")})] == ["kept_apart"]


def test_many_counterparts_are_counted_and_some_named() -> None:
    """With many counterparts, all are counted but only five are listed."""
    own, others = ([party(start + n, website="a.example") for n in range(2000)] for start in (0, 10_000))
    found = match_parties(own, others, ORDER)
    assert {(one.outcome, one.count, len(one.into)) for one in found} == {("ambiguous", 2000, 5)}


FIELDS = {
    "external_ids": st.sampled_from([(), ("1",), ("2",), ("3",)]),
    "name": st.sampled_from(["", "Ann", "Bob"]),
    "company": st.sampled_from(["", "Acme", "acme", "Bolt", "n/a"]),
    "email": st.sampled_from(["", "ann@gmail.com", "bob@gmail.com", "ann@acme.example", "bob@comcast.net"]),
    "website": st.sampled_from(["", "acme.io", "www.acme.io", "bolt.io", "facebook.com/a", "a.github.io", "gmail.com"]),
}
PARTIES = st.lists(st.builds(Party, st.just(""), **FIELDS), max_size=6)


def numbered(parties: list[Party], start: int) -> list[Party]:
    """Give every customer a uuid of its own."""
    return [replace(one, uuid=str(start + place)) for place, one in enumerate(parties)]


def values(one: Party, key: str) -> set[str]:
    """Return a customer's values of a key."""
    return set(KEYS[key](one)) - {""}


def shared_keys(one: Party, other: Party) -> list[str]:
    """Return the keys for which two customers share a value."""
    return [key for key in ORDER if values(one, key) & values(other, key)]


@given(PARTIES, PARTIES)
def test_no_strangers_are_matched(leads: list[Party], others: list[Party]) -> None:
    """Customers that only a mail provider, a shared host or an ambiguous key connects never match."""
    leads, others = numbered(leads, 0), numbered(others, 100)
    for match in match_parties(leads, others, ORDER):
        if match.outcome != "matched":
            continue
        (other,) = match.into
        keys = shared_keys(match.party, other)
        alone = [
            key
            for key in keys
            if sum(bool(values(match.party, key) & values(one, key)) for one in others) == 1
            and sum(bool(values(other, key) & values(one, key)) for one in leads) == 1
        ]
        together = [one for one in others if shared_keys(match.party, one) == keys]
        assert keys
        assert alone or (len(keys) > 1 and together == [other])


@given(PARTIES, PARTIES)
def test_nobody_is_matched_twice_or_against_a_key(leads: list[Party], others: list[Party]) -> None:
    """No two leads match one customer, and no match contradicts another key of the lead."""
    leads, others = numbered(leads, 0), numbered(others, 100)
    found = [one for one in match_parties(leads, others, ORDER) if one.outcome == "matched"]
    assert len({one.into[0] for one in found}) == len(found)
    for match in found:
        for key in ORDER:
            named = [one for one in others if values(match.party, key) & values(one, key)]
            assert not named or match.into[0] in named


@given(PARTIES, PARTIES, st.randoms())
def test_the_order_of_the_customers_does_not_matter(leads: list[Party], others: list[Party], random: object) -> None:
    """The matches do not depend on the order in which customers are listed."""
    leads, others = numbered(leads, 0), numbered(others, 100)
    before = {one.party: (one.outcome, one.key) for one in match_parties(leads, others, ORDER)}
    random.shuffle(leads)  # type: ignore[attr-defined]
    random.shuffle(others)  # type: ignore[attr-defined]
    assert {one.party: (one.outcome, one.key) for one in match_parties(leads, others, ORDER)} == before


@given(PARTIES, PARTIES)
def test_a_merge_makes_no_crowded_key_certain(leads: list[Party], others: list[Party]) -> None:
    """After all matches are merged, no further lead matches, because merged customers' keys still count."""
    leads, others = numbered(leads, 0), numbered(others, 100)
    pairs = {one.party: one.into[0] for one in match_parties(leads, others, ORDER) if one.outcome == "matched"}
    merged = [replace(into, external_ids=(*lead.external_ids, *into.external_ids)) for lead, into in pairs.items()]
    left = [one for one in leads if one not in pairs], [one for one in others if one not in pairs.values()]
    assert not [one for one in match_parties(*left, ORDER, merged=merged) if one.outcome == "matched"]
