"""The operations on the workspace itself: who the token is, and its data attributes.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/data-attributes
"""

from __future__ import annotations

from typing import Any

from sandbox.intercom.attributes import MODELS
from sandbox.intercom.errors import parameter_invalid
from sandbox.intercom.library_staff import ADMIN_ID
from sandbox.intercom.operations import Call, Operation
from sandbox.intercom.workspace import REGION

FLAGS = {"true": True, "false": False}


def me(call: Call) -> dict[str, Any]:
    """The admin whose token it is, and the workspace's region and time zone."""
    workspace = call.workspace
    return {
        "type": "admin",
        "id": ADMIN_ID,
        "email": "admin@sandbox.example",
        "name": "Sandbox Admin",
        "email_verified": True,
        "app": {
            "type": "app",
            "id_code": workspace.app_id,
            "name": "Sandbox",
            "created_at": 1_500_000_000,
            "secure": False,
            "identity_verification": False,
            "timezone": workspace.settings.intercom_timezone,
            "region": REGION,
        },
        "avatar": {"type": "avatar", "image_url": None},
        "has_inbox_seat": True,
    }


def attributes(call: Call) -> dict[str, Any]:
    """Every attribute of a model, standard and custom; of both models when none is named."""
    model, archived = call.query.get("model"), call.query.get("include_archived", "false")
    if model is not None and model not in MODELS:
        raise parameter_invalid("model must be one of: contact, company", "model")
    if archived not in FLAGS:
        raise parameter_invalid("include_archived must be a boolean", "include_archived")
    models = [model] if model else MODELS
    data = [row for one in models for row in call.workspace.attributes.listed(one, include_archived=FLAGS[archived])]
    return {"type": "list", "data": data}


def create_attribute(call: Call) -> dict[str, Any]:
    """A new custom attribute."""
    body = _known(call, "name", "model", "data_type", "description", "messenger_writable", "options")
    return call.workspace.attributes.create(body, admin_id=ADMIN_ID, now=call.now).shape()


def update_attribute(call: Call) -> dict[str, Any]:
    """Archive, restore or describe a custom attribute."""
    body = _known(call, "archived", "description", "messenger_writable", "options")
    return call.workspace.attributes.update(call.path["id"], body, now=call.now).shape()


def _known(call: Call, *names: str) -> dict[str, Any]:
    """The body, if neither it nor an option holds more than is known."""
    body = call.known(*names)
    options = body.get("options")
    for one in options if isinstance(options, list) else ():
        if isinstance(one, dict):
            call.only(one, "value")
    return body


OPERATIONS = (
    Operation("GET", "/me", me),
    Operation("GET", "/data_attributes", attributes, frozenset({"model", "include_archived"})),
    Operation("POST", "/data_attributes", create_attribute),
    Operation("PUT", "/data_attributes/{id}", update_attribute),
)
