"""The page over a history of 100,000 records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from standpipe_console.page import customers

from tests.history.test_history_size import grown, note_statements
from tests.page.test_page_runs import EXPLAINED

if TYPE_CHECKING:
    from standpipe_console.history import History

    from tests.page.conftest import Page

__all__ = ["grown"]
RUN = f"/run?id={7:032x}"


@pytest.mark.parametrize(
    "address",
    ["/", "/runs", RUN, f"{RUN}&sort=-name&page=3&q=ann", "/customers?q=ann1", "/customer?id=c100", "/rejects",
     "/rejects?q=ann&sort=-name&page=2", f"/undo?id={7:032x}"],
)  # fmt: skip
def test_a_page_asks_a_long_history_little(
    page: Page,
    grown: History,
    address: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Over a long history, each page needs fewer than ten statements."""
    monkeypatch.setattr(page.site.history, "open", lambda: grown)
    monkeypatch.setattr(customers, "explain_customer", lambda *_: EXPLAINED)
    with note_statements(grown) as noted:
        assert page.get(address).status_code == 200
    asked = [one for one, _ in noted if one.lstrip().startswith(("SELECT", "INSERT", "UPDATE", "DELETE"))]
    assert len(asked) < 10
