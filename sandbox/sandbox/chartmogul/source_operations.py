"""The operations on the account, its data sources and their imports, https://dev.chartmogul.com/reference/sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.chartmogul import shapes
from sandbox.chartmogul.customer_values import create_values
from sandbox.chartmogul.customers import Member
from sandbox.chartmogul.errors import Invalid, Refusal, by_field, wrong_shape
from sandbox.chartmogul.imports import Import
from sandbox.chartmogul.operations import API, Call, Operation

if TYPE_CHECKING:
    from sandbox.chartmogul.sources import Source

NO_NAME = "A name is required for each data source."


def ping(_: Call) -> dict[str, Any]:
    """Whether the key is good."""
    return {"data": "pong!"}


def account(_: Call) -> dict[str, Any]:
    """Whose account it is."""
    return {
        "id": "acc_5ca1ab1e-0000-4000-8000-000000000007",
        "name": "Sandbox",
        "currency": "USD",
        "time_zone": "UTC",
        "week_start_on": "monday",
    }


def listed(call: Call) -> dict[str, Any]:
    """All data sources in one reply; `name` and `system` narrow it."""
    asked = {name: call.query[name] for name in ("name", "system") if name in call.query}
    found = [one for one in call.account.sources if all(getattr(one, name) == asked[name] for name in asked)]
    return {"data_sources": [_shown(call, one) for one in found]}


def create(call: Call) -> dict[str, Any]:
    """A new source for imports over the API; its name is unique."""
    call.required("name")
    name = call.body["name"]
    if not isinstance(name, str) or not name.strip():
        raise Invalid({"name": NO_NAME})
    return _shown(call, call.account.new_source(name))


def get(call: Call) -> dict[str, Any]:
    """One data source."""
    return _shown(call, _source(call))


def delete(call: Call) -> None:
    """Remove a source with all that came with it; the name is free some time later."""
    call.account.delete_source(_source(call))


def empty(call: Call) -> None:
    """Remove all that came with a source, and keep the source."""
    call.account.empty(_source(call))


def begin_import(call: Call) -> dict[str, Any]:
    """Take customers to be imported some time later."""
    source, customers = _source(call), call.body.get("customers", [])
    call.required("external_id")
    if not isinstance(customers, list):
        raise wrong_shape("customers", customers, "array")
    for one in customers:
        if not isinstance(one, dict) or not isinstance(one.get("external_id"), str):
            raise wrong_shape("customers", one, "object with an external_id")
    label, number = str(call.body["external_id"]), call.account.new_id("")
    one = Import(number, source.uuid, label, call.now, call.now)
    call.account.imports.add(one)
    queued = shapes.json_import(one)
    call.account.jobs.later(lambda: _carry_out(call, source, one, customers))
    return queued


def get_import(call: Call) -> dict[str, Any]:
    """How far an import is."""
    return shapes.json_import(call.account.imports.get(_source(call), call.path["id"]))


def _carry_out(call: Call, source: Source, one: Import, customers: list[dict[str, Any]]) -> None:
    if source.uuid in call.account.sources:
        for given in customers:
            errors = _import_customer(call, source, given)
            source.failed += bool(errors)
            one.finish(given["external_id"], errors)
    one.status, one.updated_at = "completed", call.now


def _import_customer(call: Call, source: Source, given: dict[str, Any]) -> dict[str, str]:
    """Create a customer; what was wrong with it, by field. One that is there already is refused, not changed."""
    plain = {name: value for name, value in given.items() if name not in ("attributes", "primary_contact")}
    try:
        values = create_values(call.account, plain | {"data_source_uuid": source.uuid})
    except Invalid as invalid:
        return invalid.errors
    except Refusal as refusal:
        return {"customer": str(refusal)}
    member = Member(source.uuid, given["external_id"])
    call.account.create(call.account.new_customer(member, values, API))
    return {}


def _source(call: Call) -> Source:
    return call.account.sources.get(call.path["uuid"])


def _shown(call: Call, one: Source) -> dict[str, Any]:
    return shapes.source(call.account, one, with_status=call.flag("with_processing_status"))


OPERATIONS = (
    Operation("GET", "/ping", ping),
    Operation("GET", "/account", account),
    Operation("GET", "/data_sources", listed),
    Operation("POST", "/data_sources", create, 201, by_field),
    Operation("GET", "/data_sources/{uuid}", get),
    Operation("DELETE", "/data_sources/{uuid}", delete, 204, deletes="Source"),
    Operation("DELETE", "/data_sources/{uuid}/all", empty, 204),
    Operation("POST", "/data_sources/{uuid}/json_imports", begin_import),
    Operation("GET", "/data_sources/{uuid}/json_imports/{id}", get_import),
)
