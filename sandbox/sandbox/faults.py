"""Misbehaviour on request: which calls a fault affects, and how."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.json_types import JsonObject

    Rules = dict[str, tuple[type | tuple[type, ...], Callable[[Any], bool]]]
    """The keys of a request, each with its type and a test of its values."""

_NUMBER = (int, float)
_ENDINGS = ("status", "drop", "truncate")
_BODILESS = (204, 304)
_HEADER = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)


def _allow_any(_: object) -> bool:
    return True


def _are_headers(headers: JsonObject) -> bool:
    """Return whether these are valid header names with values of printable ASCII."""
    fits = all(isinstance(value, str) and value.isprintable() and value.isascii() for value in headers.values())
    return fits and all(_HEADER.fullmatch(name) for name in headers)


_MATCH: Rules = {
    "api": (str, _allow_any),
    "method": (str, _allow_any),
    "path": (str, _allow_any),
    "nth": (int, lambda number: number >= 1),
    "from": (int, lambda number: number >= 1),
    "times": (int, lambda number: number >= 0),
    "share": (_NUMBER, lambda share: 0 <= share <= 1),
}
_EFFECT: Rules = {
    "status": (int, lambda status: 200 <= status <= 599),  # noqa: PLR2004 what HTTP calls a final status
    "headers": (dict, _are_headers),
    "body": (object, _allow_any),
    "delay": (_NUMBER, lambda seconds: seconds >= 0),
    "drop": (str, lambda when: when in ("before", "after")),
    "truncate": (bool, lambda cut: cut is True),
}


@dataclass(frozen=True)
class Effect:
    """What happens to an affected call. At most one of status, drop and truncate; a delay goes with any of them."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    delay: float = 0.0
    drop: str | None = None
    truncate: bool = False


@dataclass
class Fault:
    """One rule, and how many calls it has matched and affected since it was set."""

    effect: Effect
    chance: Random
    api: str | None = None
    method: str | None = None
    path: str = "*"
    nth: int | None = None
    first: int = 1
    times: int | None = None
    share: float = 1.0
    matched: int = 0
    struck: int = 0

    def count_match(self, api: str, method: str, path: str) -> bool:
        """Return whether this call matches the fault, and count it if so."""
        matches = self.api in (None, api) and self.method in (None, method) and fnmatchcase(path, self.path)
        self.matched += matches
        return matches

    def is_due(self) -> bool:
        """Return whether the fault affects the call that was just counted."""
        if self.times is not None and self.struck >= self.times:
            return False
        if self.nth is not None:
            return self.matched == self.nth
        return self.matched >= self.first and (self.share >= 1.0 or self.chance.random() < self.share)


class Faults:
    """The active faults; the oldest one that applies takes effect."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._faults: dict[int, Fault] = {}
        self._last = 0

    def add(self, request: JsonObject) -> int:
        """Set one fault as ``POST /sandbox/faults`` describes it, and return its id.

        Raises:
            ValueError: the sentence says what is wrong with the request.
        """
        match = {name: value for name, value in request.items() if name != "effect"}
        _check_keys("fault", match, _MATCH)
        if "from" in match:
            match["first"] = match.pop("from")
        effect = read_effect(request.get("effect"))
        fault = Fault(effect=effect, chance=Random(self._seed + self._last), **match)
        self._last += 1
        self._faults[self._last] = fault
        return self._last

    def clear(self) -> None:
        """Remove all faults."""
        self._faults.clear()

    def strike(self, api: str, method: str, path: str) -> Effect | None:
        """Return the effect on this call, or None; ``path`` is the real path below the API's base."""
        matching = [fault for fault in self._faults.values() if fault.count_match(api, method, path)]
        striking = next((fault for fault in matching if fault.is_due()), None)
        if striking is None:
            return None
        striking.struck += 1
        return striking.effect


def read_effect(request: object) -> Effect:
    """Return the effect in the control API's JSON.

    Raises:
        ValueError: the sentence says what is wrong with the request.
    """
    if not isinstance(request, dict) or not request.keys() & {*_ENDINGS, "delay"}:
        raise ValueError("A fault needs an effect: status, delay, drop or truncate.")
    _check_keys("effect", request, _EFFECT)
    if sum(name in request for name in _ENDINGS) > 1:
        raise ValueError("An effect is one of status, drop and truncate.")
    if request.get("status") in _BODILESS and request.get("body") not in (None, ""):
        raise ValueError(f"A status {request['status']} has no body.")
    return Effect(**request)


def _check_keys(what: str, request: JsonObject, rules: Rules) -> None:
    for name, value in request.items():
        if name not in rules:
            raise ValueError(f"Unknown key {name!r} in the {what}; there are {', '.join(rules)}.")
        kind, is_allowed = rules[name]
        if not isinstance(value, kind) or not is_allowed(value):
            raise ValueError(f"Key {name!r} of the {what} cannot be {value!r}.")
