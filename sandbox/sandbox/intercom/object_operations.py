"""The operations on instances of custom objects.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/custom-object-instances
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.intercom.errors import parameter_missing
from sandbox.intercom.operations import PAGING, Call, Operation

if TYPE_CHECKING:
    from sandbox.intercom.custom_objects import Instance, ObjectType
    from sandbox.json_types import JsonObject

SINCE = (2, 13)
LISTS = (2, 16)
"""The version that brought the list and its filters; before it, one instance is read by its external id."""
SIZES = (20, 150)


def _read_type(call: Call) -> ObjectType:
    return call.workspace.custom_objects.get_type(call.path["type"])


def save_instance(call: Call) -> JsonObject:
    """Create an instance, or change the one with its external id."""
    kind = _read_type(call)
    body = call.read_body("external_id", "external_created_at", "external_updated_at", "custom_attributes")
    return call.workspace.custom_objects.save(kind, body, call.now).show()


def find_instances(call: Call) -> JsonObject:
    """Return one instance by its external id, or since 2.16 a page of all instances or of those of a contact."""
    objects, kind = call.workspace.custom_objects, _read_type(call)
    if "external_id" in call.query:
        return objects.find(kind, call.query["external_id"]).show()
    if call.version < LISTS:
        raise parameter_missing("external_id not specified")
    if "references_contact_id" in call.query:
        contact = call.workspace.contacts.get(call.query["references_contact_id"])
        found = objects.list_references_of("contact", contact.document["custom_attributes"], kind)
    else:
        found = objects.list_all(kind)
    return call.make_page(f"/custom_object_instances/{kind.name}", found, lambda one: one.show(), SIZES)


def read_instance(call: Call) -> JsonObject:
    """Return one instance by Intercom's id, or by its external id."""
    return call.workspace.custom_objects.get(_read_type(call), call.path["id"]).show()


def delete_by_external_id(call: Call) -> JsonObject:
    """Delete the instance with an external id."""
    kind = _read_type(call)
    if "external_id" not in call.query:
        raise parameter_missing("external_id not specified")
    return _delete(call, call.workspace.custom_objects.find(kind, call.query["external_id"]))


def delete_instance(call: Call) -> JsonObject:
    """Delete an instance by Intercom's id."""
    return _delete(call, call.workspace.custom_objects.get(_read_type(call), call.path["id"]))


def _delete(call: Call, instance: Instance) -> JsonObject:
    call.workspace.custom_objects.delete(instance)
    return {"id": instance.id, "object": instance.type, "deleted": True}


PATH = "/custom_object_instances/{type}"
OPERATIONS = (
    Operation("POST", PATH, save_instance, since=SINCE),
    Operation("GET", PATH, find_instances, PAGING | {"external_id", "references_contact_id"}, SINCE),
    Operation("DELETE", PATH, delete_by_external_id, frozenset({"external_id"}), SINCE),
    Operation("GET", f"{PATH}/{{id}}", read_instance, since=SINCE),
    Operation("DELETE", f"{PATH}/{{id}}", delete_instance, since=SINCE),
)
