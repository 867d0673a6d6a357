"""ChartMogul's official client against the sandbox: its requests are understood, and answers have its types."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import chartmogul
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.testing import RunningSandbox

pytestmark = pytest.mark.conformance


class Client:
    """The official client, connected to a sandbox. Calls return the resolved promise."""

    def __init__(self, sandbox: RunningSandbox, key: str = "sandbox_key") -> None:
        self.sandbox = sandbox
        self.config = chartmogul.Config(key, request_timeout=5, max_retries=0, backoff_factor=0)
        self.config.uri = sandbox.chartmogul_url

    def __call__(self, method: Callable[..., Any], **arguments: Any) -> Any:
        """Call a method and return its result."""
        return method(self.config, **arguments).get()

    def pages(self, method: Callable[..., Any], **query: Any) -> Iterator[list[Any]]:
        """Yield every page of a list."""
        page = self(method, **query)
        yield page.entries
        while page.has_more:
            page = self(method, cursor=page.cursor, **query)
            yield page.entries

    def source(self, name: str = "Intercom") -> str:
        """Create a data source and return its uuid."""
        return str(self(chartmogul.DataSource.create, data={"name": name}).uuid)

    def customer(self, source: str, external_id: str, **fields: Any) -> Any:
        """Create a customer."""
        data = {"data_source_uuid": source, "external_id": external_id, **fields}
        return self(chartmogul.Customer.create, data=data)

    def settle(self) -> None:
        """Make enough calls for accepted operations to complete."""
        for _ in range(3):
            self(chartmogul.Ping.ping)

    def refused(self, method: Callable[..., Any], **arguments: Any) -> tuple[int, str]:
        """Return the status and text of the error that the client raises."""
        with pytest.raises(chartmogul.APIError) as caught:
            self(method, **arguments)
        cause: Any = caught.value.__cause__
        return cause.response.status_code, cause.response.text


@pytest.fixture
def client(sandbox: RunningSandbox) -> Client:
    """Return a client of a sandbox with sixty customers and no rate limit."""
    sandbox.reset(customers=60, chartmogul_requests_per_second=1_000_000)
    return Client(sandbox)


def test_ping_and_account(client: Client) -> None:
    """The client accepts both answers."""
    assert client(chartmogul.Ping.ping).data == "pong!"
    assert client(chartmogul.Account.retrieve).currency == "USD"


@pytest.mark.parametrize("per_page", [7, 200])
def test_customers_are_paged_to_the_end(client: Client, per_page: int) -> None:
    """Each customer comes exactly once, with the client's types."""
    rows = [one for page in client.pages(chartmogul.Customer.all, per_page=per_page) for one in page]
    expected = {one.id for one in client.sandbox.world.business.customers.records}
    assert sorted(one.external_id for one in rows) == sorted(expected)
    paying = next(one for one in rows if one.status == "Active")
    assert isinstance(paying.customer_since, datetime)
    assert (paying.mrr * 12, paying.currency_sign, paying.billing_system_type) == (paying.arr, "$", "Chargebee")
    assert paying.address.country


def test_a_source_comes_and_goes(client: Client) -> None:
    """The client reads its processing status. The name of a deleted source is free only after a while."""
    source = client.source()
    shown = client(chartmogul.DataSource.retrieve, uuid=source, with_processing_status=True)
    assert (shown.name, shown.system, shown.processing_status.pending) == ("Intercom", "Custom", 0)
    assert client.refused(chartmogul.DataSource.create, data={"name": "Intercom"})[0] == 422
    assert client(chartmogul.DataSource.destroy, uuid=source) is None
    assert client.refused(chartmogul.DataSource.create, data={"name": "Intercom"})[0] == 422
    client.settle()
    client.source()
    assert [one.name for one in client(chartmogul.DataSource.all).data_sources] == ["Chargebee", "Intercom"]


def test_a_customer_is_created_found_changed_and_deleted(client: Client) -> None:
    """Dates are returned as dates, and missing texts as empty ones."""
    source = client.source()
    at = datetime(2025, 3, 1, 14, 30, tzinfo=UTC)
    fields = {"name": "Acme", "lead_created_at": at, "free_trial_started_at": at, "website_url": "acme.example"}
    attributes = {"tags": ["intercom"], "custom": [{"type": "Integer", "key": "seats", "value": 3}]}
    made = client.customer(source, "co-1", email="a@acme.example", attributes=attributes, **fields)
    assert (made.name, made.company, made.lead_created_at, made.free_trial_started_at) == ("Acme", "", at, at)
    assert (made.attributes.tags, made.attributes.custom) == (["intercom"], {"seats": 3})
    (found,) = client(chartmogul.Customer.search, email="a@acme.example").entries
    assert (found.uuid, found.external_ids, found.data_source_uuids) == (made.uuid, ["co-1"], [source])
    changed = client(chartmogul.Customer.modify, uuid=made.uuid, data={"company": "Acme Ltd"})
    assert (changed.company, changed.name) == ("Acme Ltd", "Acme")
    (listed,) = client(chartmogul.Customer.all, data_source_uuid=source, external_id="co-1").entries
    assert listed.company == "Acme Ltd"
    assert client(chartmogul.Customer.destroy, uuid=made.uuid) is None
    assert client.refused(chartmogul.Customer.retrieve, uuid=made.uuid)[0] == 404


def test_errors_are_raised_as_the_client_types_them(client: Client) -> None:
    """Errors are an `APIError` with status and body."""
    source = client.source()
    one = client.customer(source, "co-1")
    gone = one.uuid.removeprefix("cus_")
    duplicate = client.refused(chartmogul.Customer.create, data={"data_source_uuid": source, "external_id": "co-1"})
    assert duplicate == (
        422,
        '{"errors":{"external_id":"The external ID for this customer already exists in our system."}}',
    )
    assert client.refused(chartmogul.Customer.modify, uuid=one.uuid, data={"email": "no"}) == (
        422,
        '{"code":422,"message":"The value provided does not appear to be a valid email address.","param":"email"}',
    )
    client(chartmogul.Customer.destroy, uuid=one.uuid)
    assert client.refused(chartmogul.Customer.retrieve, uuid=one.uuid) == (
        404,
        f'{{"code":404,"message":"Customer \\"{gone}\\" does not exist","param":"customer_id"}}',
    )
    assert client.refused(chartmogul.DataSource.destroy, uuid="ds_x") == (404, '{"error":"Data source not found"}')
    assert client.refused(chartmogul.Customer.search, email="no@one.example")[0] == 404
    assert client.refused(chartmogul.Customer.all, cursor="!")[0] == 400
    wrong, reader = Client(client.sandbox, "wrong"), Client(client.sandbox, "sandbox_read_only_key")
    assert wrong.refused(chartmogul.Ping.ping)[0] == 401
    assert reader.refused(chartmogul.DataSource.create, data={"name": "x"})[0] == 403


def test_a_limit_is_raised_at_once(client: Client) -> None:
    """The client does not retry over http."""
    client.sandbox.reset(customers=0, chartmogul_requests_per_second=0)
    assert client.refused(chartmogul.Ping.ping)[0] == 429
    assert client.sandbox.answers() == {"answers": [{"api": "chartmogul", "status": 429, "count": 1}]}


def test_customers_merge_and_part(client: Client) -> None:
    """The merged customer is 404, and the survivor has both ids. After an unmerge it has a new uuid."""
    source = client.source()
    lead = client.customer(source, "co-1")
    billed = client(chartmogul.Customer.all, status="Active").entries[0]
    sides = {"from": {"customer_uuid": lead.uuid}, "into": {"customer_uuid": billed.uuid}}
    assert client(chartmogul.Customer.merge, data=sides) is None
    client.settle()
    assert client.refused(chartmogul.Customer.retrieve, uuid=lead.uuid)[0] == 404
    merged = client(chartmogul.Customer.retrieve, uuid=billed.uuid)
    assert merged.external_ids == [billed.external_id, "co-1"]
    assert merged.data_source_uuids == [billed.data_source_uuid, source]
    data = {"customer_uuid": billed.uuid, "data_source_uuid": source, "external_id": "co-1"}
    assert client(chartmogul.Customer.unmerge, data=data) is None
    client.settle()
    (parted,) = client(chartmogul.Customer.all, data_source_uuid=source).entries
    assert parted.uuid not in (lead.uuid, billed.uuid)


def test_attributes_tags_and_overrides(client: Client) -> None:
    """Booleans stay booleans, and an override keeps its value."""
    one = client.customer(client.source(), "co-1", email="a@b.example").uuid
    custom = [{"type": "Boolean", "key": "beta", "value": False}, {"type": "Decimal", "key": "score", "value": 1.5}]
    added = client(chartmogul.CustomAttributes.add, uuid=one, data={"custom": custom})
    assert added.custom == {"beta": False, "score": 1.5}
    updated = client(chartmogul.CustomAttributes.update, uuid=one, data={"custom": {"score": 2, "nope": 1}})
    assert updated.custom == {"beta": False, "score": 2.0}
    removed = client(chartmogul.CustomAttributes.remove, uuid=one, data={"custom": ["score"]})
    assert (removed.custom, removed.message) == ({"beta": False}, "Custom attributes deleted")
    assert client(chartmogul.Tags.add, uuid=one, data={"tags": ["a", "b"]}).tags == ["a", "b"]
    assert client(chartmogul.Tags.remove, uuid=one, data={"tags": ["a"]}).tags == ["b"]
    by_email = client(chartmogul.Tags.add_by_email, data={"email": "a@b.example", "tags": ["c"]})
    assert [row.attributes.tags for row in by_email.entries] == [["b", "c"]]
    shown = client(chartmogul.Attributes.retrieve, uuid=one)
    assert (shown.tags, shown.custom) == (["b", "c"], {"beta": False})
    client(chartmogul.Customer.modify, uuid=one, data={"name": "Held", "overrides": {"name": True}})
    assert client(chartmogul.Customer.modify, uuid=one, data={"name": "Lost"}).name == "Held"
    query = {"with_overrides": True, "attributes_with_history": "name"}
    read = client(chartmogul.Customer.retrieve, uuid=one, **query)
    assert read.overrides == {"name": True}
    assert [entry["value"] for entry in read.historical_values["name"]] == ["Held", ""]


def test_contacts_live_and_merge(client: Client) -> None:
    """Undefined custom attributes are dropped, and lists end."""
    source = client.source()
    one = client.customer(source, "co-1").uuid
    custom = [{"key": "csm_owner", "value": "Amara"}, {"key": "undefined", "value": 1}]
    data = {"data_source_uuid": source, "first_name": "Ada", "external_id": "1:co-1", "custom": custom}
    made = client(chartmogul.Customer.createContact, uuid=one, data=data)
    assert (made.customer_uuid, made.customer_external_id, made.custom) == (one, "co-1", {"csm_owner": "Amara"})
    body = {"customer_uuid": one, "data_source_uuid": source, "phone": "1", "external_id": "2:co-1"}
    other = client(chartmogul.Contact.create, data=body)
    pages = list(client.pages(chartmogul.Contact.all, data_source_uuid=source, per_page=1))
    assert [[row.uuid for row in page] for page in pages] == [[other.uuid], [made.uuid]]
    assert client(chartmogul.Contact.modify, uuid=made.uuid, data={"title": "Dr"}).title == "Dr"
    merged = client(chartmogul.Contact.merge, into_uuid=made.uuid, from_uuid=other.uuid)
    assert (merged.first_name, merged.phone, merged.external_id) == ("Ada", "1", "1:co-1")
    assert [row.uuid for row in client(chartmogul.Customer.contacts, uuid=one).entries] == [made.uuid]
    assert client(chartmogul.Contact.destroy, uuid=made.uuid) is None
    assert client.refused(chartmogul.Contact.retrieve, uuid=made.uuid)[0] == 404


def test_an_import_runs_to_its_end(client: Client) -> None:
    """Its status is queued and then completed, with details per customer."""
    source = client.source()
    data = {"external_id": "run-1", "customers": [{"external_id": "co-1", "name": "Acme"}]}
    queued = client(chartmogul.JsonImport.create, data_source_uuid=source, data=data)
    assert queued.status == "queued"
    client.settle()
    done = client(chartmogul.JsonImport.retrieve, data_source_uuid=source, id="run-1")
    assert (done.status, done.status_details["co-1"]["status"]) == ("completed", "imported")
