"""The steps of the Containerfile, run as a script in an empty folder: the image works with a read-only root."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.testing import RunningSandbox

pytestmark = pytest.mark.scale

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "deploy/container/compose.yaml"
CONTAINERFILE = ROOT / "deploy/container/Containerfile"
#: The folders of the image, which the test has below a folder of its own.
PLACES = ("/srv/standpipe", "/opt/meltano", "/data")
#: Runs a command with a read-only tree, as a container does.
READ_ONLY = """
set -e
mount --bind "$IMAGE" "$IMAGE"
mount -o remount,bind,ro "$IMAGE"
mount --bind "$IMAGE_DATA" "$IMAGE/data"
mount -o remount,bind,rw "$IMAGE/data"
exec "$@"
"""


@dataclass
class Image:
    """A folder with what an image has."""

    root: Path
    env: dict[str, str]
    entrypoint: list[str] = field(default_factory=list)
    switch: list[str] = field(default_factory=list)  #: what a command starts with to have the image's user

    def move(self, text: str) -> str:
        """Return a text with the image's folders below this folder."""
        for place in PLACES:
            text = text.replace(place, f"{self.root}{place}")
        return text

    def build(self) -> None:
        """Do what the Containerfile says; instructions that it does not use are unknown here."""
        folder = self.root
        for line in CONTAINERFILE.read_text().splitlines():
            instruction, _, value = self.move(line).partition(" ")
            if instruction == "ENV":
                name, _, content = value.partition("=")
                self.env[name] = content.replace("$PATH", self.env["PATH"])
            elif instruction == "WORKDIR":
                folder = Path(value)
                folder.mkdir(parents=True)
            elif instruction == "COPY":
                self._copy(folder, *line.split()[1:])
            elif instruction == "RUN" and not (value.startswith("chown") and os.geteuid() != 0):
                self._run(value, folder)
            elif instruction == "ENTRYPOINT":
                self.entrypoint = value.strip('[]"').split('", "')
            else:
                assert instruction in {"FROM", "VOLUME", "USER", "CMD", "RUN", "#", ""}, line

    def _copy(self, folder: Path, source: str, target: str) -> None:
        place = folder / target
        place.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", ".venv")
            shutil.copytree(ROOT / source, place, symlinks=True, ignore=ignored)
        else:
            shutil.copy(ROOT / source, place)

    def _run(self, command: str, folder: Path) -> None:
        words = ["sh", "-c", re.sub(r"^--mount=\S+ ", "", command)]
        done = subprocess.run(words, cwd=folder, env=self.env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"

    def start(self, *args: str, **env: str) -> subprocess.Popen[str]:
        """Start the image's command with a read-only tree."""
        variables = self.env | env | {"IMAGE": str(self.root), "IMAGE_DATA": str(self.root / "data")}
        command = [*UNSHARE, "sh", "-c", READ_ONLY, "sh", *self.switch, *self.entrypoint, *args]
        return subprocess.Popen(
            command, cwd="/", env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def run(self, *args: str, **env: str) -> tuple[int, str]:
        """Run the image's command to its end."""
        process = self.start(*args, **env)
        output = process.communicate(timeout=300)[0]
        return process.returncode, output


def build_switch() -> list[str]:
    """Return what a command starts with to have the image's user and no rights; nothing when only root may switch."""
    user, group = re.findall(r"(?m)^USER (\d+):(\d+)$", CONTAINERFILE.read_text())[0]
    words = [
        "setpriv",
        f"--reuid={user}",
        f"--regid={group}",
        "--clear-groups",
        "--bounding-set=-all",
        "--no-new-privs",
    ]
    return words if os.geteuid() == 0 and shutil.which("setpriv") else []


def find_python(switch: list[str]) -> tuple[str, list[str]]:
    """Return a Python that the image's user may start; root's own, which root then runs, where there is no other."""
    probe = ["-c", "import ensurepip, sys; sys.exit(sys.version_info < (3, 11))"]
    for one in (sys.executable, "/usr/bin/python3"):
        with suppress(OSError):
            # A shell starts it, as in the image: `setpriv` itself may enter folders that its user may not.
            command = [*switch, "sh", "-c", 'exec "$0" "$@"', one, *probe]
            if not subprocess.run(command, cwd="/", capture_output=True, check=False).returncode:
                return one, switch
    return sys.executable, []


UNSHARE = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """Build the image once."""
    probe = tmp_path_factory.mktemp("probe")
    tried = subprocess.run([*UNSHARE, "mount", "--bind", probe, probe], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip("This machine lets no test mount a folder read-only.")
    root = Path(tempfile.mkdtemp(prefix="standpipe-image-"))
    root.chmod(0o755)
    python = root / "bin"
    python.mkdir()
    executable, switch = find_python(build_switch())
    (python / "python").symlink_to(executable)
    # The installer needs this machine's settings for its package index; nobody's keys are in the image.
    foreign = ("TAP_", "TARGET_", "MAP_", "MELTANO", "VIRTUAL_ENV", "PYTHON")
    env = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    image = Image(root, env | {"PATH": f"{python}:{os.environ['PATH']}"}, switch=switch)
    image.build()
    yield image
    shutil.rmtree(root)


@pytest.fixture
def keys(sandbox: RunningSandbox) -> dict[str, str]:
    """Return the variables that a container gets."""
    return {
        "TAP_CHARGEBEE_SITE": "sandbox",
        "TAP_CHARGEBEE_API_KEY": "sandbox_key",
        "TAP_CHARGEBEE_API_URL": sandbox.chargebee_url,
        "TARGET_INTERCOM_ACCESS_TOKEN": "sandbox_token",
        "TARGET_INTERCOM_API_URL": sandbox.intercom_url,
        "TARGET_INTERCOM_ON_NO_MATCH": "create",
    }


def list_files(folder: Path) -> set[str]:
    """Return the files of a tree but for those of the volume."""
    return {str(path) for path in folder.rglob("*") if folder / "data" not in path.parents}


def test_a_container_runs_a_job_and_serves_the_page(image: Image, keys: dict[str, str]) -> None:
    """Only the volume is written to, the image has no file of keys, and the next container continues."""
    before = list_files(image.root)
    assert not [path for path in before if Path(path).name.startswith(".env")]
    assert image.run("run", "sync", **keys) == (0, "")
    written = sorted(path.name for path in (image.root / "data").iterdir())
    assert {"logs", "meltano", "output"} <= set(written)
    if image.switch:
        assert {path.lstat().st_uid for path in (image.root / "data").rglob("*")} == {10001}

    code, status = image.run("history", "--json", **keys)
    assert (code, '"status": "completed"' in status) == (0, True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    page = image.start("serve", f"--listen=127.0.0.1:{port}", **keys)
    try:
        assert fetch(page, f"http://127.0.0.1:{port}/").status_code == 200
    finally:
        page.terminate()
        page.communicate(timeout=30)
    assert list_files(image.root) == before


def test_the_compose_file_is_valid() -> None:
    """The file fits the schema of the Compose specification, which the package brings along."""
    check = ["uv", "tool", "run", "check-jsonschema==0.39.0", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*check, COMPOSE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def fetch(process: subprocess.Popen[str], url: str) -> requests.Response:
    """Return the answer of a server that is starting."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return requests.get(url, timeout=10)
        except requests.ConnectionError:
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.1)
