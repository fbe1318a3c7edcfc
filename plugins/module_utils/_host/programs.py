# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Run programs without a shell, within limits of time and output, and check which programs can be trusted.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import stat
import subprocess
import time

from typing import IO, Dict, List, Optional, Tuple, cast

from ansible_collections.pullthrough.docker.plugins.module_utils._host import files, scope

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/docker/current/bin"
"""Where programs are looked for, whatever PATH the caller has."""

OUTPUT_LIMIT = 1024 * 1024
"""The most bytes that a program may print, unless a caller of ``run`` sets another limit."""

_ENVIRONMENT = ("HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")
"""The variables of the caller that a user's program gets: systemctl needs them to find the user's manager.

A program of root gets none of them: after ``sudo``, they can name folders of another user.
"""

_PIPE_BYTES = 65536
"""The most bytes that are read or written at once; as many as a pipe holds."""

_POLL_SECONDS = 0.02
"""How often to see whether a program has ended while a child of it still holds its output open."""

_KILL_SECONDS = 5
"""How long to wait for the end of a program that was killed; the kernel can delay it, as on a dead network disk."""


class _TooSlow(Exception):
    """A program that did not end within its time."""


class _TooMuch(Exception):
    """A program that printed more than its limit."""


# -- finding ---------------------------------------------------------------------------------------------------------


def trusted(path: str) -> Optional[str]:
    """Return the real path of a program that no other user can have replaced, or None."""
    path = os.path.realpath(path)
    try:
        found = os.stat(path)
    except OSError:
        return None
    is_program = stat.S_ISREG(found.st_mode) and os.access(path, os.X_OK)
    is_safe = files.is_protected(found) and not files.can_be_swapped_on_the_way(path)
    return path if is_program and is_safe else None


def find(name: str) -> Optional[str]:
    """Return the real path of the first trusted program of this name in ``PATH``, or None."""
    paths = (trusted(os.path.join(folder, name)) for folder in PATH.split(":"))
    return next(filter(None, paths), None)


# -- running ---------------------------------------------------------------------------------------------------------


def run(command: List[str], timeout: float, data: bytes = b"", limit: int = OUTPUT_LIMIT) -> Tuple[int, str]:
    """Run a program without a shell, in the C locale, and return its exit code and output.

    The code is -1, and the output says why, when the program cannot be started, when no trusted program has this name,
    and when the program was stopped because it took longer than ``timeout`` or printed more than ``limit`` bytes.
    """
    name = command[0]
    program = name if "/" in name else find(name)
    if program is None:
        return -1, f"no program {name} that no other user can replace is in {PATH}"
    try:
        child = subprocess.Popen(
            command,
            # One program can have many names, as in BusyBox, so it also gets the name under which it was found.
            executable=program,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=_environment(),
            # As under systemd: the words of the command can hold relative paths, and the folder of the caller may be
            # another user's.
            cwd="/",
            # A group of its own, so that its children can be ended with it.
            start_new_session=True,
        )
    except OSError as exc:
        return -1, str(exc)
    try:
        output = _output(child, data, time.monotonic() + timeout, limit)
    except _TooSlow:
        return -1, f"{name} did not end within {timeout:g} s and was stopped"
    except _TooMuch:
        return -1, f"{name} printed more than {limit} bytes and was stopped"
    finally:
        _end(child)
    return child.returncode, output.decode(errors="replace")


def _environment() -> Dict[str, str]:
    passed_on = () if scope.is_root() else _ENVIRONMENT
    return {"PATH": PATH, "LC_ALL": "C", **{name: os.environ[name] for name in passed_on if name in os.environ}}


def _output(child: subprocess.Popen[bytes], data: bytes, deadline: float, limit: int) -> bytes:
    """Give a program its input until it has ended, and return what it printed.

    :raises _TooSlow: when it has not ended at the deadline (of ``time.monotonic``).
    :raises _TooMuch: when it prints more than the limit.
    """
    stdin, stdout = cast("IO[bytes]", child.stdin), cast("IO[bytes]", child.stdout)
    os.set_blocking(stdin.fileno(), False)
    output, is_open = bytearray(), True
    with selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ)
        selector.register(stdin, selectors.EVENT_WRITE)
        while is_open:
            ready = [key.fileobj for key, _events in selector.select(_POLL_SECONDS)]
            if not ready and child.poll() is not None:
                break  # It has ended, and only a process that it started can still print.
            if stdin in ready:
                data = _written(stdin, data)
                if not data:
                    selector.unregister(stdin)
                    stdin.close()
            if stdout in ready:
                part = os.read(stdout.fileno(), _PIPE_BYTES)
                output += part
                is_open = bool(part)
            if len(output) > limit:
                raise _TooMuch
            if time.monotonic() >= deadline:
                raise _TooSlow
    try:
        child.wait(max(deadline - time.monotonic(), 0))
    except subprocess.TimeoutExpired as exc:
        raise _TooSlow from exc
    return bytes(output)


def _written(stdin: IO[bytes], data: bytes) -> bytes:
    """Write what the pipe takes, and return what is left; nothing when the program reads no more."""
    try:
        return data[os.write(stdin.fileno(), data[:_PIPE_BYTES]) :]
    except BlockingIOError:
        return data
    except BrokenPipeError:
        return b""


def _end(child: subprocess.Popen[bytes]) -> None:
    """Close the pipes of a program, and kill it and its children unless it has ended."""
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_KILL_SECONDS)
