# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Let a cache start, and keep it within its size.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.

The role copies this file to the hosts of caches, where systemd runs it, so it imports only the standard library:

- ``keeper.py stage FOLDER GROUP NAME=PATH...`` keeps, as root, copies of what a cache starts with. They show later
  what is in force, and the service can read a key that only root can read at its own place.
- ``keeper.py prepare FOLDER`` moves a damaged list of the scheduler away, which would stop every start.
- ``keeper.py trim LIMIT FOLDER...`` deletes what was used least recently, until the folders are within the limit.
"""

from __future__ import annotations

import contextlib
import grp
import json
import os
import re
import shutil
import sys
import time

from typing import Iterator, List, NamedTuple, Optional, Sequence, Tuple

STATE = "scheduler-state.json"
"""What the cache keeps of its scheduler. It is in no need of it: a missing file is made anew."""

DAMAGED = f"{STATE}.damaged"

BLOCK = 512
"""The unit of ``st_blocks``, see stat(2)."""

STALE_SECONDS = 3600
"""The age at which an upload counts as left over. A pull writes to its uploads all the time."""

_UNITS = {"K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
_LIMIT = re.compile(r"([1-9][0-9]{0,8})([%KMGT])")
_BLOB = re.compile(r"/blobs/sha256/[0-9a-f]{2}/[0-9a-f]{64}\Z")
_UPLOAD = re.compile(r"/_uploads/[0-9a-f-]{36}\Z")


class Content(NamedTuple):
    """A folder that can be deleted as a whole: a blob, or an upload that is left over."""

    used: float
    """When it was used last, in seconds since the epoch."""
    size: int
    """Bytes on the disk."""
    path: str


# -- the size --------------------------------------------------------------------------------------------------------


def limit_bytes(text: str, file_system: int) -> Optional[int]:
    """Return a limit such as ``80%`` or ``200G`` in bytes, or None if it is not a limit.

    :param file_system: the size of the file system, in bytes.
    """
    match = _LIMIT.fullmatch(text)
    if not match or (match[2] == "%" and int(match[1]) > 100):
        return None
    return file_system * int(match[1]) // 100 if match[2] == "%" else int(match[1]) * _UNITS[match[2]]


def file_system_size(folder: str) -> int:
    """Return the bytes of the file system of a folder."""
    found = os.statvfs(folder)
    return found.f_frsize * found.f_blocks


def has_access_times(folder: str) -> bool:
    """Return whether the file system notes when a file was read."""
    return not os.statvfs(folder).f_flag & os.ST_NOATIME


def survey(folders: Sequence[str], now: float) -> Tuple[int, List[Content]]:
    """Return how many bytes the folders have on the disk, and what of it can be deleted, least recently used first."""
    total, contents = 0, []
    for root, files in _walk(folders):
        found = [status for status in (_status(os.path.join(root, name)) for name in files) if status]
        folder = _status(root)
        size = BLOCK * sum(status.st_blocks for status in (*found, *([folder] if folder else [])))
        total += size
        if not found:
            continue
        # Without access times (mount option noatime), the time of the download counts.
        used = max(max(status.st_atime, status.st_mtime) for status in found)
        if _BLOB.search(root):
            contents.append(Content(used, size, root))
        elif _UPLOAD.search(root) and used < now - STALE_SECONDS:
            contents.append(Content(0, size, root))
    return total, sorted(contents)


def _walk(folders: Sequence[str]) -> Iterator[Tuple[str, List[str]]]:
    for folder in folders:
        for root, _folders, files in os.walk(folder):
            yield root, files


def _status(path: str) -> Optional[os.stat_result]:
    try:
        return os.lstat(path)
    except FileNotFoundError:  # The cache, or another run, deleted it meanwhile.
        return None


def trim(limit: int, folders: Sequence[str], now: float) -> List[Content]:
    """Delete what was used least recently until the folders are within the limit, and return what was deleted.

    A cache that runs fetches deleted blobs again, if it has no descriptor cache (seen on 2.8.2 and 2.8.3).
    """
    total, contents = survey(folders, now)
    deleted = []
    for content in contents:
        if total <= limit:
            break
        shutil.rmtree(content.path, ignore_errors=True)
        if not os.path.exists(content.path):
            total -= content.size
            deleted.append(content)
    return deleted


# -- the start -------------------------------------------------------------------------------------------------------


def is_valid_state(data: bytes) -> bool:
    """Return whether a cache can start with this list of its scheduler."""
    try:
        state = json.loads(data.decode())
    except (ValueError, RecursionError):
        return False
    return isinstance(state, dict) and all(isinstance(entry, dict) for entry in state.values())


def prepare(folder: str) -> Optional[str]:
    """Move a damaged list of the scheduler away, and return where it is now, or None."""
    path = os.path.join(folder, STATE)
    try:
        with open(path, "rb") as file:
            if is_valid_state(file.read()):
                return None
    except FileNotFoundError:
        return None
    moved = os.path.join(folder, DAMAGED)
    os.replace(path, moved)
    return moved


def stage(folder: str, group: str, sources: Sequence[str]) -> None:
    """Copy files to a folder that only root can write to, readable for a group.

    :param sources: ``NAME=PATH`` of each file.
    """
    group_id = grp.getgrnam(group).gr_gid
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    os.chmod(os.path.dirname(folder), 0o755)  # The unit has a narrow umask.
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)
    os.mkdir(folder, 0o700)
    for source in sources:
        name, _equals, path = source.partition("=")
        with open(path, "rb") as file:
            data = file.read()
        descriptor = os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
        with os.fdopen(descriptor, "wb") as copy:
            copy.write(data)
            os.fchown(descriptor, 0, group_id)
            os.fchmod(descriptor, 0o440)
    os.chown(folder, 0, group_id)
    os.chmod(folder, 0o750)


def main(words: Sequence[str]) -> None:
    command, *rest = words
    if command == "stage":
        stage(rest[0], rest[1], rest[2:])
    elif command == "prepare":
        moved = prepare(rest[0])
        if moved:
            text = f"The list of the scheduler was damaged, and is now {moved}. The cache does not need it.\n"
            sys.stdout.write(text)
    elif command == "trim":
        limit = limit_bytes(rest[0], file_system_size(rest[1]))
        deleted = trim(limit or 0, rest[1:], time.time()) if limit else []
        sys.stdout.write(f"Deleted {len(deleted)} blobs, {sum(content.size for content in deleted)} bytes.\n")


if __name__ == "__main__":
    main(sys.argv[1:])
