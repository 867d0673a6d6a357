"""`.env`, the file with the keys."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest
from dotenv import dotenv_values
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from standpipe_console.project.dotenv_file import DotEnv

if TYPE_CHECKING:
    from pathlib import Path


def mode(path: Path) -> int:
    """Return the permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def dotenv(tmp_path: Path) -> DotEnv:
    """Return a `.env` that does not exist yet."""
    return DotEnv(tmp_path / ".env")


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_it_is_private_from_the_beginning(dotenv: DotEnv, umask: int) -> None:
    """The file's mode is 600 for any umask."""
    before = os.umask(umask)
    try:
        dotenv.set_value("TAP_CHARGEBEE_API_KEY", "k1")
    finally:
        os.umask(before)
    assert mode(dotenv.path) == 0o600
    assert dotenv.read_values() == {"TAP_CHARGEBEE_API_KEY": "k1"}


def test_one_that_others_can_read_is_shut(dotenv: DotEnv) -> None:
    """A key changes an existing file's mode to 600. The file's other lines stay."""
    dotenv.path.write_text("# mine\nOTHER=1\nTAP_CHARGEBEE_API_KEY=\n")
    dotenv.path.chmod(0o644)
    before = dotenv.is_private
    dotenv.set_value("TAP_CHARGEBEE_API_KEY", "k2")
    assert (before, dotenv.is_private) == (False, True)
    assert dotenv.path.read_text() == "# mine\nOTHER=1\nTAP_CHARGEBEE_API_KEY='k2'\n"


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=80))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_key_is_read_back_as_it_was(dotenv: DotEnv, key: str) -> None:
    """Meltano's own parser reads every printable character back."""
    dotenv.set_value("KEY", key)
    assert dotenv_values(dotenv.path, interpolate=False)["KEY"] == key


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("${HOME}/x", "/h/x"),
        ("$HOME/x", "$HOME/x"),
        ("${CB_KEY}", "k1"),
        ("${NOBODY}", ""),
        ("${NOBODY:-else}", "else"),
    ],
)
def test_a_value_means_what_meltano_reads(
    dotenv: DotEnv, text: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variables in a value resolve the same way before and after it is written."""
    monkeypatch.setenv("HOME", "/h")
    dotenv.set_value("CB_KEY", "k1")
    assert dotenv.resolve_text(text) == expected
    dotenv.set_value("TAP_CHARGEBEE_API_KEY", text)
    assert dotenv_values(dotenv.path)["TAP_CHARGEBEE_API_KEY"] == expected
    assert dotenv.read_values().get("TAP_CHARGEBEE_API_KEY", "") == expected


def test_what_is_chosen_goes_and_the_rest_stays(dotenv: DotEnv) -> None:
    """The names of the removed variables are returned. An empty file is deleted."""
    dotenv.path.write_text("TAP_CHARGEBEE_SITE=acme\nTAP_INTERCOM_ACCESS_TOKEN=t\n")
    assert dotenv.remove_values(lambda name: name.startswith("TAP_CHARGEBEE_")) == ["TAP_CHARGEBEE_SITE"]
    assert dotenv.path.read_text() == "TAP_INTERCOM_ACCESS_TOKEN=t\n"
    assert mode(dotenv.path) == 0o600
    dotenv.remove_values(lambda _: True)
    assert not dotenv.path.exists()
    assert dotenv.remove_values(lambda _: True) == []
