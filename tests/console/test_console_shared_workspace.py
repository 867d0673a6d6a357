"""What the doctor says of environments that write to one workspace of Intercom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from standpipe_console.checks.findings import Finding
from standpipe_console.checks.rules import Writer, check_shared_workspace
from standpipe_console.project.meltano import Project

if TYPE_CHECKING:
    from pathlib import Path

OWN = Writer("prod", "token", "cb_", "update_owned")
APART = Finding("environments", "pass", "us write to the same workspace, each under a prefix of its own")


def build_clash(prefix: str) -> Finding:
    """Return the finding about a prefix that is not apart from ours."""
    what = f"us writes to the same workspace under {prefix}, and this one under cb_"
    return Finding("environments", "fail", what, "give each a prefix of its own: docs/environments.md")


@pytest.mark.parametrize(
    ("own", "other", "findings"),
    [
        (OWN, Writer("us", "another", "cb_", "update_all"), []),
        (OWN, Writer("us", "token", "us_", "update_all"), [APART]),
        (OWN, Writer("us", "token", "cb_", "update_owned"), [build_clash("cb_")]),
        (OWN, Writer("us", "token", "cb_us_", "update_owned"), [build_clash("cb_us_")]),
        (
            Writer("prod", "token", "cb_", "update_all"),
            Writer("us", "token", "us_", "update_all"),
            [
                Finding(
                    "environments",
                    "fail",
                    "us writes to the same workspace, and both overwrite names and other standard fields",
                    "set `on_match` to update_owned in all environments but one",
                )
            ],
        ),
    ],
    ids=["another workspace", "apart", "one prefix", "a prefix within the other", "both write all"],
)
def test_environments_of_one_workspace_keep_apart(own: Writer, other: Writer, findings: list[Finding]) -> None:
    """A user who is a customer of both has the attributes of each, and one of them writes the standard fields."""
    assert list(check_shared_workspace(own, [other])) == findings


def test_only_environments_with_keys_of_their_own_are_compared(project: Project) -> None:
    """An environment that reads `.env` is the default one under another name."""
    root: Path = project.root
    path = root / "meltano.yml"
    path.write_text(path.read_text().replace("environments:\n", "environments:\n- name: us\n", 1))
    (root / ".env").write_text("A=1\n")
    assert [one.environment for one in Project(root, "prod").list_others_with_keys()] == []
    assert [one.environment for one in Project(root, "us").list_others_with_keys()] == []
    (root / ".env.us").write_text("A=2\n")
    assert [one.environment for one in Project(root, "prod").list_others_with_keys()] == ["us"]
    assert [one.environment for one in Project(root, "us").list_others_with_keys()] == ["prod"]
