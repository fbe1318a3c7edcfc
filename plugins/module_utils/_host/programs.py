# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Run programs without a shell and within a time limit, and check which programs can be trusted.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import os
import stat
import subprocess

from typing import List, Optional, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._host import files

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/docker/current/bin"
"""Where programs are looked for, whatever PATH the caller has."""

_ENVIRONMENT = ("HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")
"""The variables of the caller that a program gets; a user's systemctl needs them to find its manager."""


def run(command: List[str], timeout: float, data: bytes = b"") -> Tuple[int, str]:
    """Run a program without a shell, in the C locale, and return its exit code and output.

    The code is -1 when the program does not exist or takes longer than ``timeout``; the output then says why.
    """
    environment = {"PATH": PATH, "LC_ALL": "C"}
    environment.update({name: os.environ[name] for name in _ENVIRONMENT if name in os.environ})
    try:
        result = subprocess.run(
            command,
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            env=environment,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        return -1, str(exc)
    return result.returncode, result.stdout.decode(errors="replace")


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
