"""Refuse to build a package that lacks the shared machinery."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface):  # type: ignore[misc,type-arg,unused-ignore]
    """Checks that `_kit`, a symbolic link in the repository, holds real files."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 the hook's signature
        """Stop in one sentence when the link was lost: a zip archive, `core.symlinks=false`, a folder copied alone."""
        if not (Path(self.root) / "target_intercom" / "_kit" / "__init__.py").is_file():
            raise SystemExit(
                "target_intercom/_kit is missing: clone the whole repository with git and symbolic links enabled."
            )
