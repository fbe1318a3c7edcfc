# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Run programs without a shell and within a time limit, and say which program can be trusted.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import os
import stat
import subprocess

from typing import List, Optional, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._host import files

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/docker/current/bin"


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
    path = os.path.realpath(path)
    try:
        found = os.stat(path)
    except OSError:
        return None
    ours = files.is_ours(found) and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    here = path
    while ours and here != "/":
        ours, here = not files.can_be_swapped(here), os.path.dirname(here)
    return path if ours and stat.S_ISREG(found.st_mode) and os.access(path, os.X_OK) else None
