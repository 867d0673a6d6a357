"""Plugins of a Meltano project, each started as a fork of a process of its own environment that has imported it.

Meltano starts a plugin's executable up to five times in a run, and every new Python needs half a second of a processor
for imports. So tests put a launcher in the place of the executable. If the environment names a folder of warm plugins,
the launcher passes its arguments, environment, folder and standard streams to a warm process there, which forks; it
forwards signals, and ends as the fork ends. Otherwise it becomes the real executable. Tests that kill plugins use that.
"""

from __future__ import annotations

import contextlib
import gc
import marshal
import os
import select
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The variable that names the folder with the sockets of the warm processes.
VARIABLE = "WARM_PLUGINS"
LAUNCHER = """#!{python} -IS
import os, sys
folder = os.environ.pop("WARM_PLUGINS", None)
if folder is None:
    os.execv({real!r}, [{real!r}, *sys.argv[1:]])
import marshal, signal, socket
with socket.socket(socket.AF_UNIX) as warm:
    warm.connect(folder + "/{name}")
    text = marshal.dumps((sys.argv, os.getcwd(), dict(os.environ)))
    socket.send_fds(warm, [b"%8d" % len(text)], [0, 1, 2])
    warm.sendall(text)
    os.closerange(0, 2)
    plugin = int(warm.recv(8))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: os.kill(plugin, number))
    code = int(warm.recv(8) or b"1")
if code < 0:
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
os._exit(code)
"""


class WarmPlugins:
    """The warm processes, each of which starts with the first launcher that asks for it.

    Args:
        pythons: the Python of each plugin's environment, by the name of the plugin's executable.
    """

    def __init__(self, pythons: Mapping[str, Path]) -> None:
        self._pythons = pythons
        # The path of a socket must be short.
        self.folder = Path(tempfile.mkdtemp(prefix="warm-"))
        self._processes: list[subprocess.Popen[bytes]] = []
        self._ended, self._end = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._ended, selectors.EVENT_READ)
        for name in pythons:
            listening = socket.socket(socket.AF_UNIX)
            listening.bind(str(self.folder / name))
            listening.listen()
            self._selector.register(listening, selectors.EVENT_READ, name)
        self._thread = threading.Thread(target=self._start_processes, daemon=True)
        self._thread.start()

    def _start_processes(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    return
                self._selector.unregister(key.fileobj)
                words = [self._pythons[key.data], "-P", __file__, str(key.fd), key.data]
                self._processes.append(subprocess.Popen(words, pass_fds=[key.fd], start_new_session=True))
                assert isinstance(key.fileobj, socket.socket)
                key.fileobj.close()

    def stop(self) -> None:
        """End the warm processes, and all plugins that they forked."""
        self._end.close()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        self._selector.close()
        for process in self._processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        shutil.rmtree(self.folder)


def install_launcher(executable: Path, python: Path) -> None:
    """Put a launcher in the place of an executable, which moves to a folder beside it."""
    # Tests find plugins among the processes by the end of this path.
    real = executable.parent / "real/bin" / executable.name
    real.parent.mkdir(parents=True, exist_ok=True)
    executable.rename(real)
    write_launcher(executable, real, python)


def write_launcher(launcher: Path, real: Path, python: Path) -> None:
    """Write a launcher that has the name of an executable."""
    launcher.write_text(LAUNCHER.format(python=python, real=str(real), name=launcher.name))
    launcher.chmod(0o755)


def serve(listening: socket.socket, name: str) -> None:
    """Fork for each connection until this process is killed."""
    (entry_point,) = entry_points(group="console_scripts", name=name)
    import_module(entry_point.module)
    gc.freeze()
    while True:
        connection, _ = listening.accept()
        if not os.fork():
            listening.close()
            watch(connection, entry_point)
        connection.close()
        # What has ended is waited for, so that its time counts as this process's.
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass


def watch(connection: socket.socket, entry_point: EntryPoint) -> None:
    """Fork the plugin, and end with it. It is killed when its launcher is."""
    size, streams, _, _ = socket.recv_fds(connection, 8, 3)
    text = b""
    while len(text) < int(size):
        text += connection.recv(int(size) - len(text))
    plugin = os.fork()
    if not plugin:
        connection.close()
        enter(streams, *marshal.loads(text))  # noqa: S302 - from this module's launcher
        # The SDK sets its log up, by the environment, as soon as the command of a plugin is loaded.
        sys.exit(entry_point.load()())
    for stream in streams:
        os.close(stream)
    connection.sendall(b"%8d" % plugin)
    launcher = connection.fileno()
    ended, _, _ = select.select([os.pidfd_open(plugin), launcher], [], [])
    if launcher in ended:
        os.kill(plugin, signal.SIGKILL)
    _, status = os.waitpid(plugin, 0)
    with contextlib.suppress(BrokenPipeError):
        connection.sendall(b"%8d" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def enter(streams: list[int], arguments: list[str], folder: str, env: dict[str, str]) -> None:
    """Take over the standard streams, the arguments, the folder and the environment of a launcher."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.argv = arguments
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2])
