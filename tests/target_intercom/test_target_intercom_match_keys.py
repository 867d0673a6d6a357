"""Match keys: each is one class, and a new one needs no other change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from target_intercom.records.match_keys import COMPANY_ID, COMPANY_NAME, EMAIL, EXTERNAL_ID, MatchKey
from target_intercom.records.object_types import CONTACT, ContactType
from target_intercom.target import TargetIntercom

if TYPE_CHECKING:
    from collections.abc import Callable


class PhoneKey(MatchKey):
    """A match key that the target does not have."""

    field = "phone"
    label = "phone number"
    needs_free_email = True

    def normalise(self, value: str) -> str:
        """Return only the digits."""
        return "".join(filter(str.isdecimal, value))


def test_a_new_match_key_is_one_class(
    workspace: Any, target: Any, customer: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one class and its entry, users are matched and created by another field."""
    monkeypatch.setattr(ContactType, "match_keys", (*CONTACT.match_keys, PhoneKey()))
    setting = TargetIntercom.config_jsonschema["properties"]["match_contacts_on"]
    monkeypatch.setitem(setting, "enum", [key.field for key in CONTACT.match_keys])
    ann = workspace.add(email="ann@other.example", phone="+49 30 1")
    workspace.add(email="taken@a.example", phone="+49 30 9")
    records = [
        customer("ann") | {"phone": "+49301"},
        customer("new") | {"phone": "+49302"},
        customer("taken") | {"phone": "+49303"},
    ]
    ran = target.run(records, match_contacts_on="phone", on_no_match="create")
    assert ran.summary == {
        "status": "completed",
        "records": 3,
        "matched": 1,
        "updated": 1,
        "created": 1,
        "skipped": {"email_taken": 1},
    }
    assert workspace.get(ann)["custom_attributes"]["cb_cust_id"] == "ann"
    assert [one["external_id"] for one in workspace.contacts() if one["phone"] == "+49302"] == ["new"]
    assert target.run(records, match_contacts_on="phone", on_no_match="create").summary["unchanged"] == 2


@pytest.mark.parametrize(
    ("key", "value", "normalised", "searched"),
    [
        (EMAIL, "Jo@B.example", "jo@b.example", {"Jo@B.example", "jo@b.example", "JO@B.EXAMPLE", "Jo@B.Example"}),
        (EXTERNAL_ID, "Jo", "Jo", {"Jo"}),
        (COMPANY_ID, "Acme", "Acme", {"Acme"}),
        (COMPANY_NAME, "CAF\u00c9", "caf\u00e9", {"CAF\u00c9", "CAFE\u0301"}),
    ],
    ids=["email", "external_id", "company_id", "name"],
)
def test_how_values_are_compared_and_searched_for(
    key: MatchKey, value: str, normalised: str, searched: set[str]
) -> None:
    """Each key normalises values for comparison, and lists the spellings to search for."""
    assert (key.normalise(value), set(key.list_search_values(value))) == (normalised, searched)
