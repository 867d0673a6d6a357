"""Commands of this environment, each run by a process that is forked from one that has imported them.

A new Python needs half a second of a processor to import a plugin, and a whole one to import Meltano. A fork needs a
tenth. What happens after the imports is the same: arguments, environment, folder, standard streams and exit code.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Seconds for a command: a busy machine is no failure.
PATIENCE = 300


class CommandServer:
    """The client's side: starts the server with the first command, and ends it with this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def run(  # noqa: PLR0913 - as subprocess.run has them
        self,
        command: Sequence[str | Path],
        *,
        text: str | bytes = "",
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        log: Path | None = None,
        check: bool = False,
        before: str = "",
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, like `subprocess.run`.

        Args:
            command: the executable, of which only the name matters, and its arguments.
            text: the standard input.
            cwd: the folder to run in.
            env: the environment.
            log: takes what the command prints and logs, in order; by default both are returned.
            check: whether to raise an error when it fails.
            before: Python code that the process of the command runs before it.
        """
        words = [str(word) for word in command]
        with tempfile.TemporaryDirectory(prefix="command-") as folder:
            files = [Path(folder) / name for name in ("input", "output", "errors")]
            files[0].write_bytes(text.encode() if isinstance(text, str) else text)
            if log is not None:
                log.write_text("")
                files[1:] = [log, log]
            request = {
                "command": words,
                "folder": str(cwd or Path.cwd()),
                "env": dict(os.environ if env is None else env),
                "files": [str(file) for file in files],
                "before": before,
            }
            code = self._ask(request)
            output, errors = ("", "") if log else (file.read_text(encoding="utf-8") for file in files[1:])
        done = subprocess.CompletedProcess(words, code, output, errors)
        if check:
            done.check_returncode()
        return done

    def _ask(self, request: Mapping[str, Any]) -> int:
        with self._lock:
            connection = self._socket or self._start()
            connection.sendall(json.dumps(request).encode() + b"\n")
            try:
                return int(connection.recv(100))
            except TimeoutError:
                self.stop()
                raise

    def _start(self) -> socket.socket:
        self._socket, other = socket.socketpair()
        self._socket.settimeout(PATIENCE)
        with other:
            words = [sys.executable, __file__, str(other.fileno())]
            self._process = subprocess.Popen(words, pass_fds=[other.fileno()], start_new_session=True)
        atexit.register(self.stop)
        return self._socket

    def stop(self) -> None:
        """End the server, and the command that it runs."""
        if self._socket and self._process:
            self._socket.close()
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._socket = self._process = None


class CommandServers:
    """A server for each command: what one imports, such as Meltano's log, must not change another."""

    def __init__(self) -> None:
        self._servers: dict[str, CommandServer] = {}

    def run(self, command: Sequence[str | Path], **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command like `CommandServer.run`."""
        return self._servers.setdefault(Path(command[0]).name, CommandServer()).run(command, **options)


SERVERS = CommandServers()
run_command = SERVERS.run


def find_command(name: str) -> EntryPoint:
    """Return the function of a command, and import the modules that it needs."""
    (entry_point,) = entry_points(group="console_scripts", name=name)
    import_module(entry_point.module)
    return entry_point


def serve(connection: socket.socket) -> None:
    """Run one command after the other until the client closes the connection."""
    with connection, connection.makefile("rb") as requests:
        for line in requests:
            request = json.loads(line)
            entry_point = find_command(Path(request["command"][0]).name)
            gc.freeze()
            process = os.fork()
            if not process:
                enter(request)
                exec(request["before"], {})  # noqa: S102 - the tests' own code
                # The SDK sets its log up, by the environment, as soon as the command of a plugin is loaded.
                sys.exit(entry_point.load()())
            _, status = os.waitpid(process, 0)
            connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))


def enter(request: Mapping[str, Any]) -> None:
    """Take over the arguments, the environment, the folder and the standard streams of a command."""
    sys.argv = request["command"]
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["folder"])
    for number, name in enumerate(request["files"]):
        file = os.open(name, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        os.dup2(file, number)
        os.close(file)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
