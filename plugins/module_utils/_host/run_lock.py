# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The lock that a run holds while it changes something: one for each user of a host.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.

It is a file that only this user can open. A folder such as ``/etc/docker`` cannot be the lock: every user can open it
to read, and so hold its lock for ever.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time

from typing import Iterator

from ansible_collections.pullthrough.docker.plugins.module_utils._host import files, scope
from ansible_collections.pullthrough.docker.plugins.module_utils._text import masking

NAME = "pullthrough-docker.lock"

_POLL_SECONDS = 0.05

_COMMAND_LIMIT = 100
"""The most characters that are shown of the command line of another run."""


@contextlib.contextmanager
def hold(timeout: float) -> Iterator[None]:
    """Hold the lock of the user who runs this; wait up to ``timeout`` seconds for it.

    The file stays, as another run may wait for it. It names the process that holds the lock.

    :raises FileError: when another run holds the lock, or the file cannot be used.
    """
    path = os.path.join(scope.lock_folder(), NAME)
    descriptor = _open(path)
    try:
        deadline = time.monotonic() + timeout
        while not _is_locked(descriptor):
            if time.monotonic() >= deadline:
                raise files.FileError(
                    f"{path}: another run has held its lock for {timeout:g} s{_holder(descriptor)}",
                    "Wait until it has ended, or end it if it hangs. Then run this again.",
                )
            time.sleep(_POLL_SECONDS)
        os.ftruncate(descriptor, 0)
        with contextlib.suppress(OSError):  # The disk is full. The name of the process only helps those who wait.
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _open(path: str) -> int:
    """Open the file of the lock, and create it if it is missing.

    :raises FileError: when it cannot be opened, and when another user could open it too.
    """
    folder = os.path.dirname(path)
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        if files.can_be_swapped_on_the_way(os.path.join(os.path.realpath(folder), NAME)):
            raise files.FileError(
                f"{folder}: another user can write this folder or one above it, so the lock cannot be kept there",
                "Make it writable only by its owner.",
            )
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    except OSError as exc:
        raise files.FileError(f"{path}: cannot be opened: {exc.strerror}", f"Look at it with ls -l {path}.") from exc
    found = os.fstat(descriptor)
    is_own = stat.S_ISREG(found.st_mode) and found.st_uid == scope.user_id() and not found.st_mode & 0o077
    if not is_own:
        os.close(descriptor)
        raise files.FileError(f"{path}: not a file that only this user can open", "Remove it and run this again.")
    return descriptor


def _is_locked(descriptor: int) -> bool:
    """Try to lock the file, and return whether that succeeded."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(descriptor: int) -> str:
    """Return the end of a sentence that names the process which holds the lock, as far as it can be read."""
    pid = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
    if not pid.isdigit():
        return ""
    command = files.text_of(f"/proc/{pid}/cmdline").replace("\0", " ").strip()
    shown = f" ({masking.mask(command, _COMMAND_LIMIT)})" if command else ""
    return f": process {pid}{shown}"
