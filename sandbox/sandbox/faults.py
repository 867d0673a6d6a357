"""Misbehaviour on request: which call a fault strikes, and what it does to it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_NUMBER = (int, float)
_MATCH = {"api": str, "method": str, "path": str, "nth": int, "from": int, "times": int, "share": _NUMBER}
_EFFECT = {"status": int, "headers": dict, "body": object, "delay": _NUMBER, "drop": str, "truncate": bool}
_ENDINGS = ("status", "drop", "truncate")
_ALLOWED: dict[str, Callable[[Any], bool]] = {
    "status": lambda status: 200 <= status <= 599,  # noqa: PLR2004 what HTTP calls a final status
    "delay": lambda seconds: seconds >= 0,
    "drop": lambda when: when in ("before", "after"),
    "truncate": lambda cut: cut is True,
    "headers": lambda headers: _are_headers(headers),  # noqa: PLW0108 it stands below
}
_MATCHED: dict[str, Callable[[Any], bool]] = {
    "nth": lambda number: number >= 1,
    "from": lambda number: number >= 1,
    "times": lambda number: number >= 0,
    "share": lambda share: 0 <= share <= 1,
}
_BODILESS = (204, 304)
_HEADER = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)


@dataclass(frozen=True)
class Effect:
    """What happens to a call that is struck. At most one of status, drop and truncate; a delay goes with any."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    delay: float = 0.0
    drop: str | None = None
    truncate: bool = False


@dataclass
class Fault:
    """One rule, with the calls it has seen and struck since it was set."""

    effect: Effect
    chance: Random
    api: str | None = None
    method: str | None = None
    path: str = "*"
    nth: int | None = None
    first: int = 1
    times: int | None = None
    share: float = 1.0
    seen: int = 0
    struck: int = 0

    def sees(self, api: str, method: str, path: str) -> bool:
        """Whether this call is of those that the fault is about; counts it if so."""
        matches = self.api in (None, api) and self.method in (None, method) and fnmatchcase(path, self.path)
        self.seen += matches
        return matches

    def due(self) -> bool:
        """Whether the call just seen is to be struck."""
        if self.times is not None and self.struck >= self.times:
            return False
        if self.nth is not None:
            return self.seen == self.nth
        return self.seen >= self.first and (self.share >= 1.0 or self.chance.random() < self.share)


class Faults:
    """The rules in force; the oldest that strikes wins."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._faults: dict[int, Fault] = {}
        self._last = 0

    def add(self, request: dict[str, Any]) -> int:
        """Set one fault as ``POST /sandbox/faults`` describes it; its id.

        Raises:
            ValueError: the sentence says what is wrong with the request.
        """
        fault = fault_from(request, Random(self._seed + self._last))
        self._last += 1
        self._faults[self._last] = fault
        return self._last

    def clear(self) -> None:
        """Behave again."""
        self._faults.clear()

    def strike(self, api: str, method: str, path: str) -> Effect | None:
        """What happens to this call; ``path`` is the real one below the API's base. None: nothing."""
        seeing = [fault for fault in self._faults.values() if fault.sees(api, method, path)]
        striking = next((fault for fault in seeing if fault.due()), None)
        if striking is None:
            return None
        striking.struck += 1
        return striking.effect


def fault_from(request: dict[str, Any], chance: Random) -> Fault:
    """A fault out of the control API's JSON.

    Raises:
        ValueError: the sentence says what is wrong with the request.
    """
    match = {name: value for name, value in request.items() if name != "effect"}
    _check("fault", match, _MATCH)
    for name, allowed in _MATCHED.items():
        if name in match and not allowed(match[name]):
            raise ValueError(f"Key {name!r} of the fault cannot be {match[name]!r}.")
    if "from" in match:
        match["first"] = match.pop("from")
    return Fault(effect=effect_from(request.get("effect")), chance=chance, **match)


def effect_from(request: object) -> Effect:
    """An effect out of the control API's JSON.

    Raises:
        ValueError: the sentence says what is wrong with the request.
    """
    if not isinstance(request, dict) or not request.keys() & {*_ENDINGS, "delay"}:
        raise ValueError("A fault needs an effect: status, delay, drop or truncate.")
    _check("effect", request, _EFFECT)
    if sum(name in request for name in _ENDINGS) > 1:
        raise ValueError("An effect is one of status, drop and truncate.")
    for name, allowed in _ALLOWED.items():
        if name in request and not allowed(request[name]):
            raise ValueError(f"Key {name!r} of the effect cannot be {request[name]!r}.")
    if request.get("status") in _BODILESS and request.get("body") not in (None, ""):
        raise ValueError(f"A status {request['status']} has no body.")
    return Effect(**request)


def _are_headers(given: dict[str, Any]) -> bool:
    """Names that HTTP takes, with values of printable ASCII."""
    fits = all(isinstance(value, str) and (value.isprintable() and value.isascii()) for value in given.values())
    return fits and all(_HEADER.fullmatch(name) for name in given)


def _check(what: str, given: dict[str, Any], known: dict[str, Any]) -> None:
    for name, value in given.items():
        if name not in known:
            raise ValueError(f"Unknown key {name!r} in the {what}; there are {', '.join(known)}.")
        if not isinstance(value, known[name]):
            raise ValueError(f"Key {name!r} of the {what} cannot be {value!r}.")  # noqa: TRY004 one refusal, one status
