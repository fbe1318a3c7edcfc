# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Find out which processes listen on which TCP ports, and whether one listens on a unix socket.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import contextlib
import os
import re

from typing import Dict, List, NamedTuple

from ansible_collections.pullthrough.docker.plugins.module_utils._host import files

_LISTENS = "0A"
"""TCP_LISTEN in /proc/net/tcp (Linux include/net/tcp_states.h)."""

_ACCEPTS = 0x10000
"""__SO_ACCEPTCON in the flags of /proc/net/unix (Linux include/uapi/linux/net.h)."""


class Listener(NamedTuple):
    """A process that listens. ``pid`` is 0 where this user cannot see whose socket it is."""

    port: int
    pid: int
    name: str


def find() -> List[Listener]:
    """Return who listens on the TCP ports of this host."""
    ports: Dict[str, int] = {}
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in files.text_of(path).splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTENS:
                ports[fields[9]] = int(fields[1].rpartition(":")[2], 16)
    owners = _owners()
    found = [(port, owners.get(inode, 0)) for inode, port in ports.items()]
    return [Listener(port, pid, files.text_of(f"/proc/{pid}/comm").strip()) for port, pid in found]


def has_unix(path: str) -> bool:
    """Return whether a process listens on a unix socket. Nothing connects to it."""
    real = os.path.realpath(path)
    rows = [line.split(None, 7) for line in files.text_of("/proc/net/unix").splitlines()[1:]]
    listening = [row[7] for row in rows if len(row) == 8 and int(row[3], 16) & _ACCEPTS]
    return any(os.path.realpath(name) == real for name in listening if name.startswith("/"))


def _owners() -> Dict[str, int]:
    """Return the pid of a process that holds a socket, by the inode of the socket."""
    owners: Dict[str, int] = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        # A process can end at any time, and some belong to other users.
        with contextlib.suppress(OSError):
            for descriptor in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    match = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(f"/proc/{pid}/fd/{descriptor}"))
                    if match:
                        owners.setdefault(match[1], int(pid))
    return owners
