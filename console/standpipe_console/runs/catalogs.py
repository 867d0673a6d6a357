"""A tap's catalog from the last good full run, so that runs over some ids need no discovery.

Discovery takes a fifth of such a run. Meltano reads a catalog from the file in the variable `<TAP>__CATALOG`:

https://docs.meltano.com/concepts/plugins/#catalog-extra
"""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING

from standpipe_console.project.pipelines import PIPELINES, build_prefix

if TYPE_CHECKING:
    from pathlib import Path

    from standpipe_console.project.meltano import Project


def keep_catalog(project: Project, job: str) -> None:
    """Keep the catalog of a good run that has just ended."""
    for tap in [one.tap for one in PIPELINES if one.job == job]:
        used, kept = project.system_dir / "run" / tap / "tap.properties.json", _get_path(project, tap)
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if used.exists():
            draft, digest = kept.with_suffix(".new"), _get_digest_path(kept)
            shutil.copy(used, draft)
            digest.unlink(missing_ok=True)  # a kill between the two leaves a catalog that nobody takes
            draft.replace(kept)
            digest.write_text(_hash_variables(project, tap))


def find_catalog(project: Project, tap: str) -> dict[str, str]:
    """Return the variable with the kept catalog; none if the tap or its settings may have changed since."""
    kept = _get_path(project, tap)
    digest = _get_digest_path(kept)
    sources = (project.root / "meltano.yml", project.find_venv(tap) / "pyvenv.cfg")
    if not kept.exists() or not digest.exists() or digest.read_text() != _hash_variables(project, tap):
        return {}
    if any(one.exists() and one.stat().st_mtime >= kept.stat().st_mtime for one in sources):
        return {}
    return {f"{build_prefix(tap)}__CATALOG": str(kept)}


def _hash_variables(project: Project, tap: str) -> str:
    """Return a hash of the tap's variables: others in `.env` change nothing of what it finds."""
    prefix = f"{build_prefix(tap)}_"
    variables = {**project.dotenv.read_values(), **project.shell_env}
    relevant = sorted((name, value) for name, value in variables.items() if name.startswith(prefix))
    return hashlib.sha256(json.dumps(relevant).encode()).hexdigest()


def _get_path(project: Project, tap: str) -> Path:
    return project.system_dir / "standpipe" / f"{tap}.catalog.json"


def _get_digest_path(kept: Path) -> Path:
    return kept.with_suffix(".settings")
