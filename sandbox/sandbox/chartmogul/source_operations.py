"""The operations on the account, its data sources and their imports, https://dev.chartmogul.com/reference/sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.chartmogul import shapes
from sandbox.chartmogul.customer_values import read_new_customer
from sandbox.chartmogul.customers import Member
from sandbox.chartmogul.errors import Invalid, Refusal, refuse_all, wrong_type
from sandbox.chartmogul.operations import API, Call, Operation
from sandbox.chartmogul.sources import Import

if TYPE_CHECKING:
    from sandbox.chartmogul.sources import Source
    from sandbox.json_types import JsonObject

NO_NAME = "A name is required for each data source."
_ACCOUNT = {
    "id": "acc_5ca1ab1e-0000-4000-8000-000000000007",
    "name": "Sandbox",
    "currency": "USD",
    "time_zone": "UTC",
    "week_start_on": "monday",
}


def list_sources(call: Call) -> JsonObject:
    """Return all data sources in one reply, filtered by `name` and `system`."""
    wanted = {name: call.query[name] for name in ("name", "system") if name in call.query}
    found = [one for one in call.account.sources if all(getattr(one, name) == wanted[name] for name in wanted)]
    return {"data_sources": [_show_source(call, one) for one in found]}


def create_source(call: Call) -> JsonObject:
    """Create a source for imports over the API; its name is unique."""
    call.require("name")
    name = call.body["name"]
    if not isinstance(name, str) or not name.strip():
        raise Invalid({"name": NO_NAME})
    return _show_source(call, call.account.new_source(name))


def get_source(call: Call) -> JsonObject:
    """Return one data source."""
    return _show_source(call, _find_source(call))


def delete_source(call: Call) -> None:
    """Remove a source and everything that it brought; the name is released later."""
    call.account.delete_source(_find_source(call))


def empty_source(call: Call) -> None:
    """Remove everything that a source brought, and keep the source."""
    call.account.empty(_find_source(call))


def begin_import(call: Call) -> JsonObject:
    """Accept customers that are imported later."""
    source, customers = _find_source(call), call.body.get("customers", [])
    call.require("external_id")
    if not isinstance(customers, list):
        raise wrong_type("customers", customers, "array")
    for one in customers:
        if not isinstance(one, dict) or not isinstance(one.get("external_id"), str):
            raise wrong_type("customers", one, "object with an external_id")
    begun = Import(call.account.new_id(""), str(call.body["external_id"]), call.now, call.now)
    source.imports.insert(0, begun)
    queued = shapes.show_import(source, begun)

    def carry_out() -> None:
        if source.uuid in call.account.sources:
            for one in customers:
                errors = _import_customer(call, source, one)
                source.failed += bool(errors)
                begun.finish_customer(one["external_id"], errors)
        begun.status, begun.updated_at = "completed", call.now

    call.account.jobs.run_later(carry_out)
    return queued


def get_import(call: Call) -> JsonObject:
    """Return the progress of an import."""
    source = _find_source(call)
    return shapes.show_import(source, source.get_import(call.path["id"]))


def _import_customer(call: Call, source: Source, sent: JsonObject) -> JsonObject:
    """Create a customer, and return errors by field. An existing customer is refused, not changed."""
    plain = {name: value for name, value in sent.items() if name not in ("attributes", "primary_contact")}
    try:
        values = read_new_customer(call.account, plain | {"data_source_uuid": source.uuid})
    except Invalid as invalid:
        return invalid.errors
    except Refusal as refusal:
        return {"customer": str(refusal)}
    member = Member(source.uuid, sent["external_id"])
    call.account.create(call.account.new_customer(member, values, API))
    return {}


def _show_source(call: Call, one: Source) -> JsonObject:
    return shapes.show_source(one, with_status=call.flag("with_processing_status"))


def _find_source(call: Call) -> Source:
    return call.account.sources.get(call.path["uuid"])


OPERATIONS = (
    Operation("GET", "/ping", lambda _: {"data": "pong!"}),
    Operation("GET", "/account", lambda _: _ACCOUNT),
    Operation("GET", "/data_sources", list_sources),
    Operation("POST", "/data_sources", create_source, 201, refuse_all),
    Operation("GET", "/data_sources/{uuid}", get_source),
    Operation("DELETE", "/data_sources/{uuid}", delete_source, 204, deletes="Source"),
    Operation("DELETE", "/data_sources/{uuid}/all", empty_source, 204),
    Operation("POST", "/data_sources/{uuid}/json_imports", begin_import),
    Operation("GET", "/data_sources/{uuid}/json_imports/{id}", get_import),
)
