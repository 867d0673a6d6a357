"""The operations on data attributes.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/data-attributes
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.intercom.attributes import MODELS
from sandbox.intercom.errors import parameter_invalid
from sandbox.intercom.operations import Call, Operation
from sandbox.intercom.resources import FLAGS
from sandbox.intercom.workspace import ADMIN_ID

if TYPE_CHECKING:
    from sandbox.json_types import JsonObject


def list_attributes(call: Call) -> JsonObject:
    """Return every attribute of a model, standard and custom; of both models when none is named."""
    model, archived = call.query.get("model"), call.query.get("include_archived", "false")
    if model is not None and model not in MODELS:
        raise parameter_invalid("model must be one of: contact, company", "model")
    if archived not in FLAGS:
        raise parameter_invalid("include_archived must be a boolean", "include_archived")
    models = [model] if model else MODELS
    data = [row for one in models for row in call.workspace.attributes.list_all(one, include_archived=FLAGS[archived])]
    return {"type": "list", "data": data}


def create_attribute(call: Call) -> JsonObject:
    """Create a custom attribute."""
    body = _read_body(call, "name", "model", "data_type", "description", "messenger_writable", "options")
    return call.workspace.attributes.create(body, admin_id=ADMIN_ID, now=call.now).show()


def update_attribute(call: Call) -> JsonObject:
    """Archive, restore or describe a custom attribute."""
    body = _read_body(call, "archived", "description", "messenger_writable", "options")
    return call.workspace.attributes.update(call.path["id"], body, now=call.now).show()


def _read_body(call: Call, *names: str) -> JsonObject:
    """Return the body, unless it or one of its options has unknown fields."""
    body = call.read_body(*names)
    options = body.get("options")
    for one in options if isinstance(options, list) else ():
        if isinstance(one, dict):
            call.check_fields(one, "value")
    return body


OPERATIONS = (
    Operation("GET", "/data_attributes", list_attributes, frozenset({"model", "include_archived"})),
    Operation("POST", "/data_attributes", create_attribute),
    Operation("PUT", "/data_attributes/{id}", update_attribute),
)
