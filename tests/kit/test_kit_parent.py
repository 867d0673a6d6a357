"""A plugin whose Meltano was killed sends no further request. One that a shell started may outlive the shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from singer_kit.parent import OrphanedError, ParentWatch

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.mark.parametrize(
    ("environ", "is_gone"),
    [
        ({"MELTANO_LOADER_NAME": "target-intercom"}, True),
        ({"MELTANO_EXTRACTOR_NAME": "tap-intercom"}, True),
        ({"MELTANO_PROJECT_ROOT": "/project"}, False),
        ({}, False),
    ],
    ids=["a target of Meltano's", "a tap of Meltano's", "a shell in a project", "a shell"],
)
def test_a_plugin_of_meltano_stops_without_it(environ: dict[str, str], *, is_gone: bool) -> None:
    """Its parent process is no longer the one from its start."""
    parents: Iterator[int] = iter([7, 7, 1, 1])
    watch = ParentWatch(environ, lambda: next(parents))
    if is_gone:
        watch.check()
        assert watch.is_gone
        with pytest.raises(OrphanedError, match="Meltano, which started this run, is gone: no STATE was written"):
            watch.check()
    else:
        watch.check()
        assert not watch.is_gone
