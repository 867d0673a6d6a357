"""Doctor and explain know the custom objects that show the subscriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from standpipe_console.checks import doctor, explain_text
from standpipe_console.project.pipelines import SYNC

if TYPE_CHECKING:
    from sandbox.testing import RunningSandbox
    from standpipe_console.project.meltano import Project

CREATE = (
    "in Intercom, Settings > Data: the custom object Subscription with the attributes plan (text), quantity (number), "
    "items (text), status (text), mrr (number), currency (text), interval (text), trial_end_at (date), term_end_at "
    "(date), next_bill_at (date), cancelled_at (date), cancel_reason (text); and under People the attribute "
    "cb_subscriptions that references several Subscription"
)


@pytest.fixture
def shown(installed_project: Project, of_plugins: dict[str, dict[str, Any]]) -> Project:
    """Return a project that shows subscriptions as custom objects."""
    installed_project.set_settings("map-subscriptions", {"subscription_objects": "Subscription"})
    installed_project.set_settings("target-intercom", of_plugins["target-intercom"])
    return installed_project


def test_doctor_says_what_to_create(shown: Project, sandbox: RunningSandbox) -> None:
    """Without the custom object doctor prints exactly what to create, and with it that it is there."""
    sandbox.reset(customers=0)
    (missing,) = doctor.check_objects(shown, SYNC)
    assert (missing.result, missing.what, missing.remedy) == (
        "fail",
        "Intercom has no custom object Subscription",
        CREATE,
    )
    sandbox.object_type("Subscription", {"plan": "string"})
    (there,) = doctor.check_objects(shown, SYNC)
    assert (there.result, there.what.partition(";")[0]) == ("pass", "Intercom has Subscription")


def test_doctor_says_nothing_without_the_setting(shown: Project) -> None:
    """A project that shows no custom objects is not asked for them."""
    shown.set_settings("map-subscriptions", {})
    assert list(doctor.check_objects(shown, SYNC)) == []


def test_explain_shows_the_custom_objects_of_a_customer() -> None:
    """Each subscription is a line with what its custom object has."""
    values = {"plan": "pro", "mrr": 49.0, "cancel_reason": None}
    objects = [{"subscription_id": "s1", "customer_id": "ann", "custom_attributes": values}]
    assert list(explain_text.describe_objects(objects)) == ["Custom object of subscription s1: plan pro, mrr 49.0"]
