"""Whether the Meltano that started a plugin still runs.

After a `kill -9` of Meltano its plugins continue as orphans, while somebody may start the next run. So a plugin of
Meltano sends no request after its parent has ended. In a plain shell pipe, a plugin may outlive its shell (`nohup`).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Variables of which Meltano sets one for each plugin.
STARTED_BY_MELTANO = ("MELTANO_EXTRACTOR_NAME", "MELTANO_LOADER_NAME", "MELTANO_MAPPER_NAME")


class OrphanedError(Exception):
    """Meltano has ended, so the run stops before its next request."""

    def __init__(self) -> None:
        super().__init__(
            "Meltano, which started this run, is gone: no STATE was written, so the next run starts from the same "
            "point."
        )


class ParentWatch:
    """Watches the parent of this process, if that is Meltano.

    Args:
        environ: the environment of the process.
        get_parent: returns the id of the parent process, which changes when the parent dies.
    """

    def __init__(self, environ: Mapping[str, str], get_parent: Callable[[], int] = os.getppid) -> None:
        self._get_parent = get_parent
        self._parent = get_parent() if any(environ.get(name) for name in STARTED_BY_MELTANO) else None

    @property
    def is_gone(self) -> bool:
        """Whether Meltano started this process and has ended."""
        return self._parent is not None and self._get_parent() != self._parent

    def check(self) -> None:
        """Do nothing while the parent lives.

        Raises:
            OrphanedError: it has ended.
        """
        if self.is_gone:
            raise OrphanedError
