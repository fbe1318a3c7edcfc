# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The engine's process, found by its pid file or its unit. Processes are never searched by name.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.

A process counts only when it has the same user and the same pid namespace as the process that runs this.
"""

from __future__ import annotations

import os
import re

from typing import Dict, List, NamedTuple, Optional, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._host import files, programs, scope


class Process(NamedTuple):
    """A process of this user's engine. ``pid`` and ``started``, the start time in clock ticks, identify one process."""

    pid: int
    started: str
    argv: Tuple[str, ...]
    binary: Optional[str]


def of_pid_files(name: str) -> List[Process]:
    """Return the processes of this user's engine that the pid files of the service name."""
    paths = [os.path.join(scope.runtime_dir(), f"{name}.pid")]
    if name == "docker" and scope.is_root():
        paths.append("/run/snap.docker/docker.pid")
    found: Dict[int, Process] = {}
    for path in paths:
        process = find(files.text_of(path).strip())
        if process:
            found[process.pid] = process
    return list(found.values())


def find(pid: str) -> Optional[Process]:
    """Return the process with this pid if it belongs to this user's engine, else None.

    A rootless engine has its own user namespace but shares the pid namespace, where it has the id of its user.
    """
    if not pid.isdigit():
        return None
    status = dict(re.findall(r"^(\w+):\t(.*)$", files.text_of(f"/proc/{pid}/status"), re.MULTILINE))
    # In a pid namespace below this one, as in a container, NSpid has more than one pid.
    if status.get("Name") != "dockerd" or status.get("NSpid") != pid:
        return None
    if set(status["Uid"].split()) != {str(scope.user_id())}:
        return None
    stat_fields = files.text_of(f"/proc/{pid}/stat").split()
    words = files.text_of(f"/proc/{pid}/cmdline").split("\0")
    if not stat_fields:
        return None
    return Process(int(pid), stat_fields[21], tuple(words[:-1]), _binary_of(pid))


def _binary_of(pid: str) -> Optional[str]:
    """Return the program that the process runs; after an upgrade, the new file at the same path."""
    try:
        path = os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return installed_binary()
    deleted = " (deleted)"
    return programs.trusted(path[: -len(deleted)] if path.endswith(deleted) else path)


def installed_binary() -> Optional[str]:
    """Return the first trusted ``dockerd`` in the usual folders, or None."""
    for folder in programs.PATH.split(":"):
        path = programs.trusted(os.path.join(folder, "dockerd"))
        if path:
            return path
    return None


def has_ended(process: Optional[Process]) -> bool:
    """Return whether the process has ended. A new process with the same pid has another start time."""
    return process is None or find(str(process.pid)) != process
