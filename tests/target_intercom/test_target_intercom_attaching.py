"""Contacts whose record names a company: `attach_companies`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Record = Callable[..., dict[str, Any]]

ATTACH = {"attach_companies": True}
BOTH = ATTACH | {"company_prefix": "cbc_", "on_no_match": "create"}


def test_a_contact_is_attached_once(workspace: Any, target: Any, customer: Record) -> None:
    """A contact joins the company in its record; once it belongs to it, no further call is made."""
    workspace.add_company(company_id="acme")
    ann = workspace.add(email="ann@a.example")
    ran = target.run([customer("ann") | {"company_id": "acme"}], **ATTACH)
    assert workspace.companies_of(ann) == ["acme"]
    assert (ran.figure("companies_attached"), ran.summary["updated"]) == (1, 1)
    assert ran.lines("changes")[0]["fields"]["company_id"] == {"before": None, "after": "acme"}

    ran = target.run([customer("ann") | {"company_id": "acme"}], **ATTACH)
    assert ran.summary["unchanged"] == 1
    assert target.calls == {
        "GET /me": 1, "GET /data_attributes": 2, "GET /companies/scroll": 2, "GET /contacts": 1,
    }  # fmt: skip


def test_without_the_setting_nobody_is_attached(workspace: Any, target: Any, customer: Record) -> None:
    """Without `attach_companies`, a company_id in a contact's record has no effect."""
    workspace.add_company(company_id="acme")
    ann = workspace.add(email="ann@a.example")
    target.run([customer("ann") | {"company_id": "acme"}])
    assert workspace.companies_of(ann) == []


def test_companies_and_their_first_users_in_one_run(
    workspace: Any, target: Any, company: Record, customer: Record
) -> None:
    """Companies are created before their first users, who join them in the same run."""
    records = [
        customer("ann") | {"company_id": "acme"},
        company("acme", cbc_cust_mrr=1),
        company("lonely", cbc_cust_mrr=2),
    ]
    ran = target.run(records, **BOTH)
    assert ran.figure("companies_without_users") == 1
    assert (ran.figure("created"), ran.figure("companies_attached")) == (3, 1)
    (ann,) = workspace.contacts()
    assert workspace.companies_of(ann["id"]) == ["acme"]


def test_a_company_found_by_name_is_joined_by_the_records_id(
    workspace: Any, target: Any, company: Record, customer: Record
) -> None:
    """Contacts join the company that their company's record matched, whatever its company_id in Intercom."""
    workspace.add_company(company_id="legacy", name="Acme")
    ann = workspace.add(email="ann@a.example")
    records = [customer("ann") | {"company_id": "acme"}, company("acme", cbc_cust_mrr=1)]
    target.run(records, match_companies_on="name", **BOTH)
    assert workspace.companies_of(ann) == ["legacy"]
    assert len(workspace.companies()) == 1


def test_a_company_that_intercom_has_not_is_counted(workspace: Any, target: Any, customer: Record) -> None:
    """A contact of an unknown company is still written; the company is looked up once for all its contacts."""
    workspace.add(email="ann@a.example")
    workspace.add(email="bob@a.example")
    ran = target.run([customer(name) | {"company_id": "gone"} for name in ("ann", "bob")], **ATTACH)
    assert (ran.summary["updated"], ran.figure("companies_not_found")) == (2, 2)
    assert target.calls["GET /companies"] == 1


def test_a_contact_of_many_companies_is_read_on(workspace: Any, target: Any, customer: Record) -> None:
    """All companies of a contact with more than ten are read before it is attached to a new one."""
    ann = workspace.add(email="ann@a.example")
    for number in range(12):
        workspace.join(ann, workspace.add_company(users=0, company_id=f"c{number}"))
    target.run([customer("ann") | {"company_id": "c11"}], **ATTACH)
    assert target.calls["GET /contacts/{id}/companies"] == 2
    assert "POST /contacts/{id}/companies" not in target.calls


def test_a_refused_attachment_hides_no_write(workspace: Any, target: Any, customer: Record) -> None:
    """When Intercom refuses the company, the earlier write to the contact is still reported."""
    workspace.add_company(company_id="acme")
    workspace.add(email="ann@a.example")
    error = {"type": "error.list", "errors": [{"code": "contact_company_limit_exceeded", "message": "Too many"}]}
    workspace.sandbox.fault(path="/contacts/*/companies", effect={"status": 400, "body": error})
    ran = target.run([customer("ann") | {"company_id": "acme"}], **ATTACH)
    assert ran.summary["rejected"] == {"contact_company_limit_exceeded": 1}
    assert list(ran.lines("changes")[0]["fields"]) == [
        "custom_attributes.cb_cust_id", "custom_attributes.cb_cust_mrr", "custom_attributes.cb_created_by",
    ]  # fmt: skip
    assert (ran.figure("fields_written"), ran.figure("companies_attached")) == (3, 0)


def test_validate_says_who_would_be_attached(workspace: Any, target: Any, customer: Record) -> None:
    """In mode validate, company_id is among the fields that would be written, and nobody is attached."""
    workspace.add_company(company_id="acme")
    workspace.add(email="ann@a.example")
    ran = target.run([customer("ann") | {"company_id": "acme"}], mode="validate", **ATTACH)
    assert ran.rows("matched")[0][7].split()[-1] == "company_id"
    assert "POST /contacts/{id}/companies" not in target.calls
