"""Third-party connectors, each installed from the package index into its own environment."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
ENVIRONMENTS = HERE.parents[1] / ".venv-conformance"
UV = Path(sys.executable).with_name("uv")
PATIENCE = 120
Records = dict[str, list[dict[str, Any]]]
"""Records by stream, in the order of the output."""


@dataclass(frozen=True)
class Connector:
    """A Singer tap that calls the sandbox instead of the vendor.

    Attributes:
        python: the interpreter of its environment.
        module: its module's name.
        vendor: the address that its code calls.
        folder: where its configuration, catalog and state are written.
    """

    python: Path
    module: str
    vendor: str
    folder: Path

    def read(self, sandbox: str, config: dict[str, str], state: Any = None) -> tuple[Records, Any]:
        """Return the records of all streams and the last state, starting from `state` if there is one."""
        catalog = json.loads(self._run(sandbox, config, "--discover"))
        for stream in catalog["streams"]:
            for entry in stream["metadata"]:
                entry["metadata"]["selected"] = True
        arguments = ["--catalog", self._write("catalog", catalog), "--state", self._write("state", state or {})]
        messages = [json.loads(line) for line in self._run(sandbox, config, *arguments).splitlines()]
        records: Records = defaultdict(list)
        for message in messages:
            if message["type"] == "RECORD":
                records[message["stream"]].append(message["record"])
        return records, [one["value"] for one in messages if one["type"] == "STATE"][-1]

    def _run(self, sandbox: str, config: dict[str, str], *arguments: str) -> str:
        command = [str(self.python), str(HERE / "redirected.py"), self.module, self.vendor, sandbox]
        given = ["--config", self._write("config", config), *arguments]
        done = subprocess.run([*command, *given], capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def _write(self, name: str, content: Any) -> str:
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        return str(path)


@pytest.fixture
def connector(tmp_path: Path) -> Callable[[str, str, str], Connector]:
    """`connector(PACKAGE, VERSION, VENDOR)`: a connector that is installed when necessary."""

    def made(package: str, version: str, vendor: str) -> Connector:
        return Connector(installed(package, version), package.replace("-", "_"), vendor, tmp_path)

    return made


def installed(package: str, version: str) -> Path:
    """Return the interpreter of an environment with one version of a package. It is kept until `make clean`."""
    folder = ENVIRONMENTS / f"{package}-{version}"
    python, mark = folder / "bin/python", folder / "complete"
    if not mark.exists():
        subprocess.run([UV, "venv", "--quiet", "--clear", "--python", sys.executable, folder], check=True)
        subprocess.run([UV, "pip", "install", "--quiet", "--python", python, f"{package}=={version}"], check=True)
        mark.touch()
    return python
