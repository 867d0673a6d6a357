"""Decides which customers of two data sources are the same company, one to one. Pure.

A wrong merge mixes two companies permanently, and a missed one is only a line in a report. So only certain matches
count. https://help.chartmogul.com/hc/en-us/articles/13705053532572
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

#: The most counterparts that are listed for a customer without a match.
MAX_LISTED = 5

#: A value with more counterparts than this identifies nobody, even in combination with others.
MAX_COUNTERPARTS = 1000

#: What people without a company enter as its name, letters and digits only.
_PLACEHOLDER_NAMES = """
    aaa abc asd asdf aucun aucune business company companyname demo freelance freelancer home independent individual
    keine me mycompany na nil ninguna ninguno nocompany none noname notapplicable null other particular personal privat
    private qwerty self selfemployed soletrader student tbd test testcompany testing unemployed unknown x xx xxx
    yourcompany
"""
_PLACEHOLDERS = frozenset(_PLACEHOLDER_NAMES.split())


@dataclass(frozen=True)
class Party:
    """A customer that may be merged. `uuid` is empty if it is still to be created."""

    uuid: str
    external_ids: tuple[str, ...] = ()
    name: str = ""
    company: str = ""
    email: str = ""
    website: str = ""


@dataclass(frozen=True)
class Match:
    """The result for a customer.

    Args:
        party: the customer.
        outcome: `matched`, or why not; see `MERGE_OUTCOMES` in `reporting.words`.
        key: the keys that decided.
        value: the values that both customers have.
        into: the counterparts, at most `MAX_LISTED`, as there may be thousands.
        count: the number of counterparts.
    """

    party: Party
    outcome: str
    key: str = ""
    value: str = ""
    into: tuple[Party, ...] = ()
    count: int = 0


def _list_company_names(party: Party) -> Sequence[str]:
    name = _fold_name(party.company)
    letters = "".join(filter(str.isalnum, name))
    return [] if not letters or letters in _PLACEHOLDERS else [name]


#: By key, the values of a customer, with the surest key first. External ids keep their letter case.
KEYS: Mapping[str, Callable[[Party], Sequence[str]]] = {
    "external_id": lambda party: party.external_ids,
    "email": lambda party: [find_mailbox(party.email)],
    "company": _list_company_names,
    "domain": lambda party: [find_domain(party.website)],
}


@dataclass(frozen=True)
class KeyResult:
    """The result of one key for a lead.

    Args:
        key: the key.
        values: the lead's values that other leads or customers share.
        counterparts: the customers with these values.
        sharers: the leads with these values, including the lead itself.
    """

    key: str
    values: tuple[str, ...]
    counterparts: Sequence[Party]
    sharers: Sequence[Party]

    @property
    def is_certain(self) -> bool:
        """Whether exactly one customer on each side has the value."""
        return len(self.counterparts) == len(self.sharers) == 1


def match_parties(
    leads: Iterable[Party],
    others: Iterable[Party],
    keys: Sequence[str],
    apart: Container[tuple[str, str]] = (),
    merged: Iterable[Party] = (),
) -> list[Match]:
    """Match customers one to one.

    A lead matches a customer if all keys that find any customer find this one, and if one of these keys is certain, or
    only this customer has the values of all of them. If two leads match one customer, only the one with the surest key
    keeps the match.

    Args:
        leads: the customers to be merged.
        others: those that may survive.
        keys: of `KEYS`, the most reliable first.
        apart: external ids of a lead and of a customer that are not to be merged.
        merged: customers that are in both data sources already. They are not matched, but their keys count: a domain of
            two companies does not become certain because one of them was merged.
    """
    leads, merged = list(dict.fromkeys(leads)), list(merged)
    ours, theirs = Index([*leads, *merged], keys), Index([*others, *merged], keys)
    found = [_match_lead(lead, _find_results(lead, keys, ours, theirs), apart) for lead in leads]
    return _resolve_contests(found, keys)


class Index:
    """Customers by the values of their keys."""

    def __init__(self, parties: Iterable[Party], keys: Sequence[str]) -> None:
        self._by_value: dict[str, dict[str, list[Party]]] = {key: defaultdict(list) for key in keys}
        for party in dict.fromkeys(parties):
            for key in keys:
                for value in list_values(party, key):
                    self._by_value[key][value].append(party)

    def find_parties(self, key: str, values: Sequence[str]) -> Sequence[Party]:
        """Return the customers with any of a key's values."""
        lists = [self._by_value[key][value] for value in values if value in self._by_value[key]]
        return lists[0] if len(lists) == 1 else list(dict.fromkeys(party for found in lists for party in found))


@lru_cache(maxsize=500_000)
def list_values(party: Party, key: str) -> tuple[str, ...]:
    """Return the values of a key for a customer."""
    return tuple(dict.fromkeys(filter(None, KEYS[key](party))))


def _find_results(lead: Party, keys: Iterable[str], ours: Index, theirs: Index) -> list[KeyResult]:
    """Return the result of each key that finds a customer."""
    found = []
    for key in keys:
        shared = tuple(value for value in list_values(lead, key) if theirs.find_parties(key, [value]))
        if shared:
            found.append(KeyResult(key, shared, theirs.find_parties(key, shared), ours.find_parties(key, shared)))
    return found


def _match_lead(lead: Party, results: Sequence[KeyResult], apart: Container[tuple[str, str]]) -> Match:
    if not results:
        return Match(lead, "unmatched")
    # A customer that every key finds is in the smallest of the results.
    fewest = min((one.counterparts for one in results), key=len)
    if len(fewest) > MAX_COUNTERPARTS:
        return _build_match(lead, "ambiguous", results[:1], fewest)
    agreed = [one for one in fewest if all(_has_value_of(one, result) for result in results)]
    if not agreed:
        # One counterpart of each key shows the contradiction.
        return _build_match(lead, "conflicting", results, list(dict.fromkeys(one.counterparts[0] for one in results)))
    deciding = _choose_deciding_keys(results)
    if len(agreed) > 1 or not deciding:
        return _build_match(lead, "ambiguous", results, agreed)
    # The keys match, but other facts may contradict them.
    into = agreed[0]
    if _is_contradicted(lead, into):
        outcome = "contradicted"
    elif any((one, other) in apart for one in lead.external_ids for other in into.external_ids):
        outcome = "kept_apart"
    else:
        outcome = "matched"
    return _build_match(lead, outcome, deciding, agreed)


def _choose_deciding_keys(results: Sequence[KeyResult]) -> Sequence[KeyResult]:
    """Return the surest certain key, or all keys if no other lead shares all of them, or nothing."""
    # The keys are in the order of `merge_by`, with the most reliable first.
    certain = [one for one in results if one.is_certain]
    if certain:
        return certain[:1]
    fewest = min((one.sharers for one in results), key=len)
    if len(results) == 1 or len(fewest) > MAX_COUNTERPARTS:
        return ()
    alone = sum(all(_has_value_of(one, result) for result in results) for one in fewest) == 1
    return results if alone else ()


def _has_value_of(party: Party, result: KeyResult) -> bool:
    return any(value in result.values for value in list_values(party, result.key))


def _is_contradicted(lead: Party, other: Party) -> bool:
    """Return whether both have a name, an e-mail address and a domain, and all three differ."""
    pairs = [
        (_list_names(lead), _list_names(other)),
        (set(list_values(lead, "email")), set(list_values(other, "email"))),
        (set(list_values(lead, "domain")), set(list_values(other, "domain"))),
    ]
    return all(one and two and one.isdisjoint(two) for one, two in pairs)


def _list_names(party: Party) -> set[str]:
    # Some systems store a person's name where others store the company's.
    return {_fold_name(party.name), _fold_name(party.company)} - {""}


def _resolve_contests(found: Sequence[Match], keys: Sequence[str]) -> list[Match]:
    """Return a customer that several leads match to the one with the surest key, if there is one."""
    ranks: dict[Party, list[int]] = defaultdict(list)
    for match in found:
        if match.outcome == "matched":
            ranks[match.into[0]].append(_find_rank(match, keys))

    def is_winner(match: Match) -> bool:
        others = ranks[match.into[0]]
        return _find_rank(match, keys) == min(others) and others.count(min(others)) == 1

    return [one if one.outcome != "matched" or is_winner(one) else replace(one, outcome="ambiguous") for one in found]


def _find_rank(match: Match, keys: Sequence[str]) -> int:
    """Return the rank of the deciding key. Several keys together rank after any single one."""
    return keys.index(match.key) if match.key in keys else len(keys)


def _build_match(lead: Party, outcome: str, results: Sequence[KeyResult], into: Sequence[Party]) -> Match:
    keys = " ".join(one.key for one in results)
    values = "; ".join(" ".join(one.values) for one in results)
    return Match(lead, outcome, keys, values, tuple(into[:MAX_LISTED]), len(into))


def _fold_name(name: str) -> str:
    return " ".join(normalize("NFKC", name).casefold().split())
