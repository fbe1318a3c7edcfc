# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The engine's process, found by its pid file or its unit. Processes are never searched by name.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.

A process counts only when it has the same user and the same pid namespace as the process that runs this, and runs a
program called dockerd that is the file at its path.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex

from typing import Dict, List, NamedTuple, Optional, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._host import files, programs, scope, services

_NAME = "dockerd"

_SNAP_PID_FILE, _SNAP_UNIT = "/run/snap.docker/docker.pid", "snap.docker.dockerd"

_SNAP_PATH = re.compile(r"(?:^|=)/(?:var/(?:lib/snapd/)?)?snap/")
"""Where a word names a path of a snap."""

_CLOCK_SECONDS = 60
"""How much older than its process a pid file can be: the clock may be set while the engine starts."""

_GROUP_ROOTS = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd")
"""The folders of systemd's control groups: with version 2 only, with both versions, and with version 1 only."""


class Process(NamedTuple):
    """A process of this user's engine. ``pid`` and ``started``, the start time in clock ticks, identify one process."""

    pid: int
    started: str
    argv: Tuple[str, ...]
    binary: Optional[str]

    def shown(self) -> str:
        """Return the process as text for the user."""
        return f"process {self.pid} ({shlex.join(self.argv)})"


def of_pid_files(name: str) -> List[Process]:
    """Return the processes of this user's engine that the pid files of the service name."""
    named = [(os.path.join(scope.runtime_dir(), f"{name}.pid"), name)]
    if name == "docker" and scope.is_root():
        named.append((_SNAP_PID_FILE, _SNAP_UNIT))
    found: Dict[int, Process] = {}
    for path, unit in named:
        process = find(files.text_of(path).strip())
        if process and _has_written(process, path, unit):
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
    if status.get("Name") != _NAME or status.get("NSpid") != pid:
        return None
    if set(status["Uid"].split()) != {str(scope.user_id())}:
        return None
    stat_fields = files.text_of(f"/proc/{pid}/stat").split()
    words = files.text_of(f"/proc/{pid}/cmdline").split("\0")
    try:
        binary = _binary_of(pid)
    except _OtherProgram:
        return None
    if not stat_fields:
        return None
    return Process(int(pid), stat_fields[21], tuple(words[:-1]), binary)


def is_of_snap(process: Process) -> bool:
    """Return whether a process is the engine of the snap, which has a unit of its own."""
    words = [process.binary or "", *process.argv]
    return _service_of(str(process.pid)) == _SNAP_UNIT or any(map(_SNAP_PATH.search, words))


def started(process: Process) -> Optional[float]:
    """Return when a process started, in seconds since the epoch, or None (proc(5), field starttime)."""
    boot = re.search(r"^btime ([0-9]+)$", files.text_of("/proc/stat"), re.MULTILINE)
    if not boot or not process.started.isdigit():
        return None
    return int(boot[1]) + int(process.started) / os.sysconf("SC_CLK_TCK")


# -- who it is -------------------------------------------------------------------------------------------------------


class _OtherProgram(Exception):
    """A process that only calls itself ``dockerd``, or that has ended."""


def _binary_of(pid: str) -> Optional[str]:
    """Return the trusted program that the process runs, or None; after an upgrade, the new file at the same path.

    A process chooses its name, and one in a container has a ``dockerd`` of its own at the path of the host's.

    :raises _OtherProgram: when the process does not run the ``dockerd`` that this host has at that path.
    """
    link, deleted = f"/proc/{pid}/exe", " (deleted)"
    try:
        path = os.readlink(link)
        is_deleted = path.endswith(deleted)
        path = path[: -len(deleted)] if is_deleted else path
        if os.path.basename(path) != _NAME:
            raise _OtherProgram(path)
        if is_deleted:
            if not _is_outside_containers(pid):
                raise _OtherProgram(path)
            return programs.trusted(path)
        running = os.stat(link)
    except PermissionError:
        # A security module of the kernel can forbid even root to see it. A process cannot bring that about for others,
        # so it stays the engine. But nothing is run with its arguments, because what it runs is not known.
        return None
    except OSError as exc:
        raise _OtherProgram(link) from exc
    # Where snaps are mounted below /var/lib/snapd, only the snap itself sees /snap.
    for visible in (path, f"/var/lib/snapd{path}"):
        with contextlib.suppress(OSError):
            if os.path.samestat(running, os.stat(visible)):
                return programs.trusted(visible)
    raise _OtherProgram(path)


def _has_written(process: Process, path: str, unit: str) -> bool:
    """Return whether the process can have written this pid file, which is stale if it is older than the process.

    A clock that was set after the engine started makes a good pid file look stale, as on a host without a clock chip.
    Then the kernel knows better. If it does not know either, systemd is asked for the process of the unit, as it is
    where there is no pid file.
    """
    try:
        written = os.stat(path).st_mtime
    except OSError:  # The engine ended and removed it.
        return False
    since = started(process)
    return (since or float("inf")) <= written + _CLOCK_SECONDS or _is_of_service(str(process.pid), unit)


# -- its control group -----------------------------------------------------------------------------------------------


def _groups_of(pid: str) -> List[str]:
    """Return the control group that systemd made for a process, once for each version of control groups."""
    return re.findall(r"^(?:0:|\d+:name=systemd):(/.+)$", files.text_of(f"/proc/{pid}/cgroup"), re.MULTILINE)


def _service_of(pid: str) -> Optional[str]:
    """Return the name of the service in whose control group a process is, or None. A container is in another group."""
    for group in _groups_of(pid):
        parts = [part for part in group.split("/")[1:] if not part.endswith(".slice") and not part.startswith("user@")]
        if parts and parts[0].endswith(".service"):
            return parts[0][: -len(".service")]
    return None


def _sees_our_mounts(pid: str) -> bool:
    """Return whether a process is in the mount namespace of this one, and so in no container."""
    try:
        return os.readlink(f"/proc/{pid}/ns/mnt") == os.readlink("/proc/self/ns/mnt")
    except OSError:
        return False


def _is_outside_containers(pid: str) -> bool:
    """Return whether the kernel shows that a process is in no container. A snap has its own mounts, and a service."""
    return _service_of(pid) is not None or _sees_our_mounts(pid)


def _is_of_service(pid: str, unit: str) -> bool:
    """Return whether the kernel shows that a process belongs to the service, and to no container.

    Only systemd makes a control group for each service. Under another init system, the mounts decide.
    """
    return _service_of(pid) == unit if services.has_systemd() else _sees_our_mounts(pid)


def has_shims(process: Process) -> bool:
    """Return whether containers run in the engine's own control group, where the stop of its service can kill them.

    They do if the engine starts a containerd of its own, and do not if containerd is a service of its own.
    """
    folders = [f"{root}{group}" for group in _groups_of(str(process.pid)) for root in _GROUP_ROOTS]
    pids = [
        pid
        for folder in folders
        for below, _folders, _names in os.walk(folder)
        for pid in files.text_of(os.path.join(below, "cgroup.procs")).split()
    ]
    return any(files.text_of(f"/proc/{pid}/comm").startswith("containerd-shim") for pid in pids)


# -- programs and ends -----------------------------------------------------------------------------------------------


def installed_binary() -> Optional[str]:
    """Return the first trusted ``dockerd`` in the usual folders, or None."""
    return programs.find(_NAME)


def has_ended(process: Optional[Process]) -> bool:
    """Return whether the process has ended. A new process with the same pid has another start time."""
    return process is None or find(str(process.pid)) != process
