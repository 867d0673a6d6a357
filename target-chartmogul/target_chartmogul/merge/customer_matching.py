"""Which customers of two data sources are the same company, one to one. Pure.

A wrong merge mixes two companies up for good; a missed one is a line of a report. So only what is certain is matched.
https://help.chartmogul.com/hc/en-us/articles/13705053532572
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING
from unicodedata import normalize

from target_chartmogul.merge.domains import find_domain, find_mailbox

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence

#: So many counterparts of a customer that is not matched are named.
LISTED = 5

#: A key with more counterparts than this tells nothing, also not together with others.
MOST_COUNTERPARTS = 1000

#: What people write where a company's name is asked for and there is none, letters and digits only.
_PLACEHOLDER_NAMES = """
    aaa abc asd asdf aucun aucune business company companyname demo freelance freelancer home independent individual
    keine me mycompany na nil ninguna ninguno nocompany none noname notapplicable null other particular personal privat
    private qwerty self selfemployed soletrader student tbd test testcompany testing unemployed unknown x xx xxx
    yourcompany
"""
_PLACEHOLDERS = frozenset(_PLACEHOLDER_NAMES.split())


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
    """What was found for a customer, by which keys and values, and whom.

    `outcome` is `matched`, or why not: `unmatched` (no key names anybody), `ambiguous` (a key names several, or one
    that is another's), `conflicting` (two keys name different customers), `contradicted` (an equal external id, but
    name, e-mail address and domain all differ), `kept_apart` (the two were unmerged before).

    `into` are no more than `LISTED` of the `count` counterparts, for there may be thousands.
    """

    party: Party
    outcome: str
    key: str = ""
    value: str = ""
    into: tuple[Party, ...] = ()
    count: int = 0


def _company_names(party: Party) -> Sequence[str]:
    name = _fold(party.company)
    letters = "".join(filter(str.isalnum, name))
    return [] if not letters or letters in _PLACEHOLDERS else [name]


#: By key, the values under which a customer is looked for; the surest key first. External ids keep their letter case.
KEYS: Mapping[str, Callable[[Party], Sequence[str]]] = {
    "external_id": lambda party: party.external_ids,
    "email": lambda party: [find_mailbox(party.email)],
    "company": _company_names,
    "domain": lambda party: [find_domain(party.website)],
}


@dataclass(frozen=True)
class Finding:
    """Whom one key names for a lead: the values that it shares, with whom, and with which leads (itself among them)."""

    key: str
    values: tuple[str, ...]
    counterparts: Sequence[Party]
    sharers: Sequence[Party]

    @property
    def is_certain(self) -> bool:
        """Say whether exactly one customer on each side has the value."""
        return len(self.counterparts) == len(self.sharers) == 1


def match_parties(
    leads: Iterable[Party],
    others: Iterable[Party],
    keys: Sequence[str],
    apart: Container[tuple[str, str]] = (),
    merged: Iterable[Party] = (),
) -> list[Match]:
    """Match customers one to one.

    A lead is matched with the only customer that every key names which names anybody, if one of them is certain, or
    several single it out together. Where two leads would go into one customer, the one with the surest key does.

    Args:
        leads: the customers to be merged.
        others: those that may survive.
        keys: of `KEYS`, the surest first.
        apart: external ids of a lead and of a customer that are not to be merged.
        merged: customers that are in both data sources already. They are not matched, but have their keys: a domain of
            two companies does not become that of the one that is left.
    """
    leads, merged = list(dict.fromkeys(leads)), list(merged)
    ours, theirs = Index([*leads, *merged], keys), Index([*others, *merged], keys)
    found = [_judge(lead, _find(lead, keys, ours, theirs), apart) for lead in leads]
    return _give_each_once(found, keys)


class Index:
    """Customers by the values of their keys."""

    def __init__(self, parties: Iterable[Party], keys: Sequence[str]) -> None:
        self._by_value: dict[str, dict[str, list[Party]]] = {key: defaultdict(list) for key in keys}
        for party in dict.fromkeys(parties):
            for key in keys:
                for value in values_of(party, key):
                    self._by_value[key][value].append(party)

    def having(self, key: str, values: Sequence[str]) -> Sequence[Party]:
        """Return the customers that have any of the values of a key."""
        lists = [self._by_value[key][value] for value in values if value in self._by_value[key]]
        return lists[0] if len(lists) == 1 else list(dict.fromkeys(party for found in lists for party in found))


@lru_cache(maxsize=500_000)
def values_of(party: Party, key: str) -> tuple[str, ...]:
    """Return the values of a key under which a customer is found."""
    return tuple(dict.fromkeys(filter(None, KEYS[key](party))))


def _find(lead: Party, keys: Iterable[str], ours: Index, theirs: Index) -> list[Finding]:
    """Return whom each key names, without the keys that name nobody."""
    found = []
    for key in keys:
        shared = tuple(value for value in values_of(lead, key) if theirs.having(key, [value]))
        if shared:
            found.append(Finding(key, shared, theirs.having(key, shared), ours.having(key, shared)))
    return found


def _judge(lead: Party, findings: Sequence[Finding], apart: Container[tuple[str, str]]) -> Match:
    if not findings:
        return Match(lead, "unmatched")
    fewest = min((one.counterparts for one in findings), key=len)
    if len(fewest) > MOST_COUNTERPARTS:
        return _describe(lead, "ambiguous", findings[:1], fewest)
    agreed = [one for one in fewest if all(_shares(one, finding) for finding in findings)]
    if not agreed:
        return _describe(lead, "conflicting", findings, list(dict.fromkeys(one.counterparts[0] for one in findings)))
    deciding = _choose_deciding(findings)
    if len(agreed) > 1 or not deciding:
        return _describe(lead, "ambiguous", findings, agreed)
    return _describe(lead, _confirm(lead, agreed[0], apart), deciding, agreed)


def _confirm(lead: Party, into: Party, apart: Container[tuple[str, str]]) -> str:
    """Return `matched` for two customers that the keys say are the same, or what speaks against it."""
    if _is_contradicted(lead, into):
        return "contradicted"
    is_apart = any((one, other) in apart for one in lead.external_ids for other in into.external_ids)
    return "kept_apart" if is_apart else "matched"


def _choose_deciding(findings: Sequence[Finding]) -> Sequence[Finding]:
    """Return the surest certain key, else all keys if no other lead shares all of them, else none."""
    certain = [one for one in findings if one.is_certain]
    if certain:
        return certain[:1]
    fewest = min((one.sharers for one in findings), key=len)
    if len(findings) == 1 or len(fewest) > MOST_COUNTERPARTS:
        return ()
    alone = sum(all(_shares(one, finding) for finding in findings) for one in fewest) == 1
    return findings if alone else ()


def _shares(party: Party, finding: Finding) -> bool:
    return any(value in finding.values for value in values_of(party, finding.key))


def _is_contradicted(lead: Party, other: Party) -> bool:
    """Say whether name, e-mail address and domain are known of both, and all differ."""
    pairs = [
        ({_fold(lead.name), _fold(lead.company)} - {""}, {_fold(other.name), _fold(other.company)} - {""}),
        (set(values_of(lead, "email")), set(values_of(other, "email"))),
        (set(values_of(lead, "domain")), set(values_of(other, "domain"))),
    ]
    return all(one and two and one.isdisjoint(two) for one, two in pairs)


def _give_each_once(found: Sequence[Match], keys: Sequence[str]) -> list[Match]:
    """Leave a customer that several leads would go into to the one with the surest key, if there is one."""
    ranks: dict[Party, list[int]] = defaultdict(list)
    for match in found:
        if match.outcome == "matched":
            ranks[match.into[0]].append(_rank(match, keys))

    def wins(match: Match) -> bool:
        others = ranks[match.into[0]]
        return _rank(match, keys) == min(others) and others.count(min(others)) == 1

    return [one if one.outcome != "matched" or wins(one) else replace(one, outcome="ambiguous") for one in found]


def _rank(match: Match, keys: Sequence[str]) -> int:
    """Return the place of the deciding key; several together come after any that decides alone."""
    return keys.index(match.key) if match.key in keys else len(keys)


def _describe(lead: Party, outcome: str, findings: Sequence[Finding], into: Sequence[Party]) -> Match:
    keys = " ".join(one.key for one in findings)
    values = "; ".join(" ".join(one.values) for one in findings)
    return Match(lead, outcome, keys, values, tuple(into[:LISTED]), len(into))


def _fold(name: str) -> str:
    return " ".join(normalize("NFKC", name).casefold().split())
