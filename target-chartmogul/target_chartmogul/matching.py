"""Which customers of two data sources are the same, one to one. Pure.

https://help.chartmogul.com/hc/en-us/articles/13705053532572
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING
from unicodedata import normalize
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

#: Domains that give mailboxes away: two customers of one of these have nothing in common.
FREE_MAIL = frozenset(
    [
        "aol.com",
        "fastmail.com",
        "free.fr",
        "gmail.com",
        "gmx.at",
        "gmx.ch",
        "gmx.de",
        "gmx.net",
        "googlemail.com",
        "hey.com",
        "hotmail.co.uk",
        "hotmail.com",
        "hotmail.fr",
        "icloud.com",
        "inbox.com",
        "laposte.net",
        "libero.it",
        "live.com",
        "mac.com",
        "mail.com",
        "mail.ru",
        "me.com",
        "msn.com",
        "naver.com",
        "orange.fr",
        "outlook.com",
        "outlook.de",
        "pm.me",
        "proton.me",
        "protonmail.com",
        "qq.com",
        "rediffmail.com",
        "t-online.de",
        "tutanota.com",
        "wanadoo.fr",
        "web.de",
        "yahoo.co.in",
        "yahoo.co.jp",
        "yahoo.co.uk",
        "yahoo.com",
        "yahoo.de",
        "yahoo.fr",
        "yandex.com",
        "yandex.ru",
        "ymail.com",
        "zoho.com",
        "126.com",
        "163.com",
    ]
)

#: So many counterparts of an ambiguous customer are named.
LISTED = 5


@dataclass(frozen=True)
class Party:
    """A customer that may be merged. `uuid` is empty for one that is yet to be created."""

    uuid: str
    external_ids: tuple[str, ...] = ()
    name: str = ""
    company: str = ""
    email: str = ""
    website: str = ""


@dataclass(frozen=True)
class Match:
    """What was found for a customer: `matched`, `ambiguous`, or `unmatched`; by which key and value, and whom.

    `into` are no more than `LISTED` of the `count` counterparts, for there may be thousands.
    """

    party: Party
    outcome: str
    key: str = ""
    value: str = ""
    into: tuple[Party, ...] = ()
    count: int = 0


def domain_of(party: Party) -> str:
    """Give the domain of the website, else of the e-mail address; empty for none and for those of free mail."""
    website = party.website.strip()
    try:
        host = urlsplit(website if "//" in website else f"//{website}").hostname or ""
    except ValueError:
        host = ""
    found = (host or party.email.rpartition("@")[2]).strip().casefold().removeprefix("www.").rstrip(".")
    return "" if found in FREE_MAIL or "." not in found else found


#: By key, the values under which a customer is looked for. External ids are compared with their letter case.
KEYS: Mapping[str, Callable[[Party], Sequence[str]]] = {
    "external_id": lambda party: party.external_ids,
    "domain": lambda party: (domain_of(party),),
    "company": lambda party: (" ".join(normalize("NFKC", party.company).casefold().split()),),
    "email": lambda party: (party.email.strip().casefold(),),
}


def matched(own: Iterable[Party], others: Iterable[Party], keys: Sequence[str]) -> list[Match]:
    """Match customers one to one.

    The first key under which a customer has any counterpart decides about it: it is matched when it has one, and is
    the only one that has; else it is ambiguous. A counterpart that an earlier key gave away is nobody else's.

    Args:
        own: the customers to be merged.
        others: those that may survive.
        keys: of `KEYS`, the surest first.
    """
    decided: dict[Party, Match] = {}
    taken: set[Party] = set()
    parties, others = list(dict.fromkeys(own)), list(others)
    for key in keys:
        waiting = [party for party in parties if party not in decided]
        ours, theirs = _by_value(waiting, KEYS[key]), _by_value(others, KEYS[key])
        for party in waiting:
            match = _judged(party, key, ours, theirs, taken)
            if match.into:
                decided[party] = match
        taken |= {match.into[0] for match in decided.values() if match.outcome == "matched"}
    return [decided.get(party, Match(party, "unmatched")) for party in parties]


def _judged(
    party: Party,
    key: str,
    ours: Mapping[str, Sequence[Party]],
    theirs: Mapping[str, Sequence[Party]],
    taken: set[Party],
) -> Match:
    values = [value for value in KEYS[key](party) if value in theirs]
    found = tuple(dict.fromkeys(one for value in values for one in theirs[value][:LISTED]))
    alone = len(found) == 1 and found[0] not in taken and all(len(ours[value]) == 1 for value in values)
    count = sum(len(theirs[value]) for value in values)
    return Match(party, "matched" if alone else "ambiguous", key, " ".join(values), found[:LISTED], count)


def _by_value(parties: Iterable[Party], values: Callable[[Party], Sequence[str]]) -> Mapping[str, Sequence[Party]]:
    found: dict[str, list[Party]] = defaultdict(list)
    for party in parties:
        for value in filter(None, values(party)):
            found[value].append(party)
    return found
