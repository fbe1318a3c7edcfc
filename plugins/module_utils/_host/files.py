# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Read files within limits, and say who may write a folder.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import os
import stat
import time

from typing import Optional

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

SIZE_LIMIT = 1024 * 1024
"""Bytes of a configuration file that are read at the most."""


class FileError(Exception):
    """A file that cannot or must not be read or written."""

    def __init__(self, what: str, advice: str = "") -> None:
        """:param what: what is wrong with which file, as sentences; the last one has no period.
        :param advice: what to do, as sentences.
        """
        super().__init__(f"{what}. {advice}" if advice else what)
        self.what = what
        self.advice = advice


NEW_MODE = 0o644
"""Of a file that was not there before."""


def resolve(path: str) -> str:
    """The file behind C(path), through symlinks.

    :raises FileError: for a symlink in a folder where another user could have put it, and for a dangling one.
    """
    if not os.path.isabs(path):
        raise FileError(f"{path}: not an absolute path")
    seen = "/"
    parts = path.split("/")[::-1]
    links = 0
    while parts:
        part = parts.pop()
        if part in ("", "."):
            continue
        if part == "..":
            seen = os.path.dirname(seen)
            continue
        here = os.path.join(seen, part)
        if can_be_swapped(here):
            raise FileError(
                f"{path}: another user can write the folder {seen}, and could lead what is written in {here} elsewhere",
                "Choose a folder that only root can write, or run the task as its owner (become_user)."
            )
        if not os.path.islink(here):
            seen = here
            continue
        links += 1
        if links > 40:
            raise FileError(f"{path}: too many symlinks")
        if not _folder_is_ours(seen):
            raise FileError(f"{path}: the symlink {here} lies in a folder that another user can write; not followed")
        target = os.readlink(here)
        if not parts and not os.path.exists(here):
            raise FileError(f"{path}: the symlink {here} leads to {target}, which does not exist", "Remove it or create its target.")
        if target.startswith("/"):
            seen = "/"
        parts.extend(target.split("/")[::-1])
    return seen


def _folder_is_ours(folder: str) -> bool:
    found = os.stat(folder)
    return is_ours(found) and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def read(path: str) -> Optional[bytes]:
    """The bytes of a file, or None when it does not exist.

    :raises FileError: when it is no regular file, too large, or cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise FileError(f"{path}: cannot be read: {exc.strerror}") from exc
    try:
        what = "not a regular file"
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            data = _read_all(descriptor)
            if len(data) <= SIZE_LIMIT:
                return data
            what = f"larger than {SIZE_LIMIT} bytes"
    except OSError as exc:
        raise FileError(f"{path}: cannot be read: {exc.strerror}") from exc
    finally:
        os.close(descriptor)
    raise FileError(f"{path}: {what}, so not a configuration file", "Move it away.")


def _read_all(descriptor: int) -> bytes:
    """The bytes of a file, and of one that is too large, or grows, one more than the limit."""
    with open(descriptor, "rb", closefd=False) as file:
        return file.read(SIZE_LIMIT + 1)


def mode_like(path: str) -> int:
    """The mode of a new file that repeats what another holds: no wider than that one's."""
    try:
        return NEW_MODE & os.stat(path).st_mode
    except OSError as exc:
        raise FileError(f"{path}: cannot be read: {exc.strerror}") from exc
