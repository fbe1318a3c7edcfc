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

from typing import List, Optional, Tuple

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/docker/current/bin"

TEXT_LIMIT = 1024 * 1024
"""Bytes of a unit, an options file or a list of C(/proc) that are read at the most."""


def text_of(path: str, limit: int = TEXT_LIMIT, start: int = 0) -> str:
    """The first bytes of a small file, or of what comes after its start, as text; empty when it cannot be read."""
    try:
        with open(path, "rb") as file:
            file.seek(start)
            return file.read(limit).decode(errors="replace")
    except OSError:
        return ""


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


def trusted(path: str) -> Optional[str]:
    """The path, when it is a program that no other user can have replaced, else None."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    ours = found.st_uid in (0, os.geteuid()) and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return path if ours and stat.S_ISREG(found.st_mode) and os.access(path, os.X_OK) else None
