# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The engine's process: named by a pid file or by the unit, and never searched by name.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.

A process counts only when it is ours: same user, same pid namespace.
"""

from __future__ import annotations

import os
import re

from typing import Dict, List, NamedTuple, Optional, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._host import files, programs, scope


class Process(NamedTuple):
    """An engine process of ours. C(started) is the kernel's start time in clock ticks: with the pid it names one process."""

    pid: int
    started: str
    argv: Tuple[str, ...]
    binary: Optional[str]


def of_pid_files(name: str) -> List[Process]:
    """Return the engine processes of ours that the pid files of this service name."""
    paths = [os.path.join(scope.runtime_dir(), f"{name}.pid")]
    if name == "docker" and os.geteuid() == 0:
        paths.append("/run/snap.docker/docker.pid")
    found: Dict[int, Process] = {}
    for path in paths:
        process = find(files.text_of(path).strip())
        if process:
            found[process.pid] = process
    return list(found.values())


def find(pid: str) -> Optional[Process]:
    """The process when it is an engine of ours, else None.

    A rootless engine lives in a user namespace of its own but in our pid namespace, where it has our user's id.
    """
    if not pid.isdigit():
        return None
    status = dict(re.findall(r"^(\w+):\t(.*)$", files.text_of(f"/proc/{pid}/status"), re.MULTILINE))
    # NSpid has one more pid for every pid namespace below ours.
    if status.get("Name") != "dockerd" or status.get("NSpid") != pid or set(status["Uid"].split()) != {str(os.geteuid())}:
        return None
    stat_fields = files.text_of(f"/proc/{pid}/stat").split()
    words = files.text_of(f"/proc/{pid}/cmdline").split("\0")
    if not stat_fields:
        return None
    return Process(int(pid), stat_fields[21], tuple(words[:-1]), _binary_of(pid))


def _binary_of(pid: str) -> Optional[str]:
    """The file that the process runs; after an upgrade, the new file at the same place."""
    try:
        path = os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return installed_binary()
    deleted = " (deleted)"
    return programs.trusted(path[: -len(deleted)] if path.endswith(deleted) else path)


def installed_binary() -> Optional[str]:
    for folder in programs.PATH.split(":"):
        path = programs.trusted(os.path.join(folder, "dockerd"))
        if path:
            return path
    return None


def has_ended(process: Optional[Process]) -> bool:
    """Return whether the process is no longer there; another process with its pid has another start time."""
    return process is None or find(str(process.pid)) != process
