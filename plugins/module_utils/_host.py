# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Reading a host: small files, programs without a shell, and which program can be trusted.

Private to the collection C(pullthrough.docker): it may change at any time, without notice.
"""

from __future__ import annotations

import os
import stat
import subprocess
import time

from typing import List, Optional, Tuple

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/docker/current/bin"

TEXT_LIMIT = 1024 * 1024
"""Bytes of a unit, an options file or a list of C(/proc) that are read at the most."""


def text_of(path: str, limit: int = TEXT_LIMIT, start: int = 0) -> str:
    """The first bytes of a small file, or of what comes after its start, as text; empty when it cannot be read, or is no file: a pipe
    would be waited for."""
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return ""
            file.seek(start)
            return file.read(limit).decode(errors="replace")
    except OSError:
        return ""


def modified(path: str) -> Optional[str]:
    """When a file was last written, in UTC as ISO 8601; None when there is none that can be looked at."""
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(os.stat(path).st_mtime))
    except OSError:
        return None


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def run(command: List[str], timeout: float, data: bytes = b"") -> Tuple[int, str]:
    """Run a program without a shell, in the C locale: its exit code and what it printed. A missing or slow one is code -1."""
    environment = {"PATH": PATH, "LC_ALL": "C"}
    for name in ("HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"):
        if name in os.environ:
            environment[name] = os.environ[name]
    try:
        done = subprocess.run(
            command, input=data, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout, env=environment, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        return -1, str(exc)
    return done.returncode, done.stdout.decode(errors="replace")


def is_ours(found: os.stat_result) -> bool:
    """Whether a file or folder belongs to root or to the user who runs this."""
    return found.st_uid in (0, os.geteuid())


def can_be_swapped(path: str) -> bool:
    """Whether another user could put something else in the place of this path: the folder is theirs, or all may write it. A sticky
    folder such as /tmp lets nobody take away what is ours. A group that may write a folder of root's has been given that."""
    try:
        folder = os.stat(os.path.dirname(path))
        if not is_ours(folder) or not folder.st_mode & stat.S_IWOTH:
            return not is_ours(folder)
        return not (folder.st_mode & stat.S_ISVTX and is_ours(os.lstat(path)))
    except FileNotFoundError:
        return os.path.isdir(os.path.dirname(path))
    except OSError:  # Whoever may not look there cannot write there either.
        return False


def trusted(path: str) -> Optional[str]:
    """The path, when it is a program that no other user can have replaced, else None."""
    path = os.path.realpath(path)
    try:
        found = os.stat(path)
    except OSError:
        return None
    ours = is_ours(found) and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    here = path
    while ours and here != "/":
        ours, here = not can_be_swapped(here), os.path.dirname(here)
    return path if ours and stat.S_ISREG(found.st_mode) and os.access(path, os.X_OK) else None
