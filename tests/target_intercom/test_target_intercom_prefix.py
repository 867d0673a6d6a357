"""The owned prefix, and the defaults that are derived from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import ConfigurationError
from target_intercom.records.object_types import COMPANY, CONTACT
from target_intercom.settings import parse_settings
from target_intercom.target import TargetIntercom

if TYPE_CHECKING:
    from collections.abc import Callable

    Record = Callable[..., dict[str, Any]]


def settings(**config: Any) -> Any:
    """Return the parsed settings with the plugin's defaults."""
    return parse_settings(TargetIntercom(config={"access_token": "x"} | config).config)


@pytest.mark.parametrize(
    ("config", "cancelled", "deleted", "link"),
    [
        ({}, {"cb_sub_status": ["cancelled"]}, {"cb_cust_status": ["deleted"]}, "cb_cust_id"),
        (
            {"owned_prefix": "acme_"},
            {"acme_sub_status": ["cancelled"]},
            {"acme_cust_status": ["deleted"]},
            "acme_cust_id",
        ),
        (
            {"owned_prefix": "acme_", "cancelled_when": {"tier": ["none"]}, "deleted_when": {}, "link_attribute": ""},
            {"tier": ["none"]},
            {},
            "",
        ),
    ],
    ids=["default prefix", "another prefix", "said otherwise"],
)
def test_what_is_not_set_follows_the_prefix(
    config: dict[str, Any], cancelled: dict[str, Any], deleted: dict[str, Any], link: str
) -> None:
    """The default conditions and link are derived from `owned_prefix` unless they are set, even to an empty value."""
    found = settings(**config)
    assert (found.cancelled_when, found.deleted_when, found.link_attribute) == (cancelled, deleted, link)


@pytest.mark.parametrize(
    ("company_prefix", "field"),
    [("", "cb_sub_status"), ("cbc_", "cbc_sub_status"), ("cb_co_", "cb_co_sub_status")],
)
def test_the_conditions_follow_the_company_prefix(company_prefix: str, field: str) -> None:
    """Conditions use the names that fields have in each stream's records."""
    found = settings(company_prefix=company_prefix)
    assert found.rename_condition(found.cancelled_when, CONTACT) == {"cb_sub_status": ["cancelled"]}
    assert found.rename_condition(found.cancelled_when, COMPANY) == {field: ["cancelled"]}
    assert found.rename_condition({field: [1], "plan": [2]}, COMPANY) == {field: [1], "plan": [2]}


def test_deleted_and_cancelled_companies_of_another_prefix_are_not_created(
    workspace: Any, target: Any, company: Record
) -> None:
    """Deleted and cancelled companies are not created with a prefix of their own either."""
    records = [
        company("a", cbc_sub_status="active"),
        company("b", cbc_sub_status="cancelled"),
        company("c", cbc_cust_status="deleted"),
    ]
    ran = target.run(records, on_no_match="create", company_prefix="cbc_")
    assert ran.summary["skipped"] == {"cancelled": 1, "deleted": 1}
    assert [one["company_id"] for one in workspace.companies()] == ["a"]


def test_a_stream_without_an_owned_attribute_is_refused(workspace: Any, target: Any, customer: Record) -> None:
    """When no attribute has the prefix, the run stops in a sentence before anything is read."""
    workspace.add(email="ann@a.example")
    with pytest.raises(
        ConfigurationError,
        match=r"^No attribute of the stream contacts begins with `acme_` .* `cb_cust_id`.*.* `owned_prefix`",
    ):
        target.run([customer("ann")], owned_prefix="acme_")
    assert target.calls == {}


def test_attributes_of_any_name_may_be_updated(workspace: Any, target: Any, customer: Record) -> None:
    """With update_all, a prefix that no attribute has is accepted."""
    workspace.add(email="ann@a.example")
    ran = target.run([customer("ann")], owned_prefix="acme_", on_match="update_all")
    assert ran.summary["updated"] == 1
