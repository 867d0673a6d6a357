"""How often each operation of each API was called."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.json_types import JsonObject


class Calls:
    """Counts by API, method and route template."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._answers: Counter[tuple[str, int]] = Counter()

    def count(self, api: str, method: str, path: str) -> None:
        """Count a call of ``method path``, the path as its route's template below the API's base."""
        self._counts[api, method, path] += 1

    def count_answer(self, api: str, status: int) -> None:
        """Count an answer that began to be sent."""
        self._answers[api, status] += 1

    def clear(self) -> None:
        """Count from 0 again."""
        self._counts.clear()
        self._answers.clear()

    def report(self) -> JsonObject:
        """``{"total": n, "calls": [{"api", "method", "path", "count"}, ...]}``, sorted."""
        rows = [
            {"api": api, "method": method, "path": path, "count": count}
            for (api, method, path), count in sorted(self._counts.items())
        ]
        return {"total": self._counts.total(), "calls": rows}

    def answers(self) -> JsonObject:
        """``{"answers": [{"api", "status", "count"}, ...]}``, sorted."""
        counted = sorted(self._answers.items())
        return {"answers": [{"api": api, "status": status, "count": count} for (api, status), count in counted]}
