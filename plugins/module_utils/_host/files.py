# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Read files within limits, and check who can write a file or folder.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time

from typing import Iterator, Optional

from ansible_collections.pullthrough.docker.plugins.module_utils._host import scope

SIZE_LIMIT = 1024 * 1024
"""The most bytes that are read of a configuration file, a unit or a list in ``/proc``."""

NEW_MODE = 0o644
"""The mode of a file that did not exist before."""

_STORES = ("/nix/store/", "/gnu/store/")
"""Folders that hold what NixOS and Guix build. Nobody edits files there, even where root can."""

_LINK_LIMIT = 40
"""The most symlinks in one path, as in Linux."""


class FileError(Exception):
    """A file that cannot or must not be read or written."""

    def __init__(self, what: str, advice: str = "") -> None:
        """:param what: what is wrong with which file, as sentences; the last one has no period.
        :param advice: what to do, as sentences.
        """
        super().__init__(f"{what}. {advice}" if advice else what)
        self.what = what
        self.advice = advice


class NotRegularFile(OSError):
    """A path that leads to a folder, a pipe or a device."""


# -- reading ---------------------------------------------------------------------------------------------------------


def read_up_to(path: str, limit: int, start: int = 0) -> bytes:
    """Return up to ``limit`` bytes of a regular file from ``start``. It never waits for the writer of a pipe.

    :raises NotRegularFile: for a folder, a pipe or a device.
    :raises OSError: when the file cannot be read.
    """
    with _opened(path) as descriptor:
        return _part(descriptor, limit, start)


def read_own(path: str) -> Optional[bytes]:
    """Return up to ``SIZE_LIMIT`` bytes of a file of this collection; None if another user can have written it.

    What counts is the file that was opened, whatever is put in its place meanwhile.
    """
    try:
        with _opened(path, os.O_NOFOLLOW) as descriptor:
            return _part(descriptor, SIZE_LIMIT) if is_protected(os.fstat(descriptor)) else None
    except OSError:
        return None


@contextlib.contextmanager
def _opened(path: str, flags: int = 0) -> Iterator[int]:
    """Open a regular file.

    :raises NotRegularFile: for a folder, a pipe or a device.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | flags)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotRegularFile(errno.EINVAL, "not a regular file", path)
        yield descriptor
    finally:
        os.close(descriptor)


def _part(descriptor: int, limit: int, start: int = 0) -> bytes:
    with open(descriptor, "rb", closefd=False) as file:
        file.seek(start)
        return file.read(limit)


def text_of(path: str, limit: int = SIZE_LIMIT, start: int = 0) -> str:
    """Return up to ``limit`` bytes from ``start`` as text; "" if the file is unreadable or not a regular file."""
    try:
        return read_up_to(path, limit, start).decode(errors="replace")
    except OSError:
        return ""


def read(path: str) -> Optional[bytes]:
    """Return the bytes of a configuration file, or None when it does not exist.

    :raises FileError: when it is not a regular file, too large, or cannot be read.
    """
    try:
        data = read_up_to(path, SIZE_LIMIT + 1)
    except FileNotFoundError:
        return None
    except NotRegularFile as exc:
        raise _not_configuration(path, "not a regular file") from exc
    except OSError as exc:
        raise FileError(f"{path}: cannot be read: {exc.strerror}") from exc
    if len(data) > SIZE_LIMIT:
        raise _not_configuration(path, f"larger than {SIZE_LIMIT} bytes")
    return data


def _not_configuration(path: str, reason: str) -> FileError:
    return FileError(f"{path}: {reason}, so it is not a configuration file", "Move it away, or name another path.")


def modified(path: str) -> Optional[str]:
    """Return when a file was last written, in UTC as ISO 8601, or None when that cannot be read."""
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(os.stat(path).st_mtime))
    except OSError:
        return None


def mode_like(path: str) -> int:
    """Return the mode of a new file that repeats what another file holds: no wider than the mode of that file.

    :raises FileError: when the other file cannot be read.
    """
    try:
        return NEW_MODE & os.stat(path).st_mode
    except OSError as exc:
        raise FileError(f"{path}: cannot be read: {exc.strerror}") from exc


def is_generated(path: str, real: str) -> bool:
    """Return whether the system's own configuration makes a file: it is in a store of NixOS or Guix, or the path is a
    symlink to a file system that is mounted read-only.

    :param real: the file behind all symlinks.
    """
    if real.startswith(_STORES):
        return True
    try:
        return real != os.path.normpath(path) and bool(os.statvfs(real).f_flag & os.ST_RDONLY)
    except OSError:  # It does not exist.
        return False


# -- who can write ---------------------------------------------------------------------------------------------------


def is_protected(found: os.stat_result) -> bool:
    """Return whether only root and the user who runs this can write a file or folder."""
    return scope.is_trusted(found.st_uid) and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def can_be_swapped(path: str) -> bool:
    """Return whether another user can put something else at this path.

    They can when they own the folder, or when every user can write to it. In a sticky folder such as /tmp they cannot
    replace the files of root and of the user who runs this. The group of root's folder is trusted: root chose it.
    """
    try:
        folder = os.stat(os.path.dirname(path))
        if not scope.is_trusted(folder.st_uid):
            return True
        if not folder.st_mode & stat.S_IWOTH:
            return False
        return not (folder.st_mode & stat.S_ISVTX and scope.is_trusted(os.lstat(path).st_uid))
    except FileNotFoundError:
        return os.path.isdir(os.path.dirname(path))
    except OSError:  # A user who cannot look there cannot write there.
        return False


def can_be_swapped_on_the_way(path: str) -> bool:
    """Return whether another user can put something else at this path or at one of its folders."""
    while path != "/":
        if can_be_swapped(path):
            return True
        path = os.path.dirname(path)
    return False


def resolve(path: str) -> str:
    """Return the file that ``path`` leads to through symlinks.

    :raises FileError: for a symlink in a folder that another user can write, and for a dangling symlink.
    """
    if not os.path.isabs(path):
        raise FileError(f"{path}: not an absolute path")
    resolved = "/"
    parts = path.split("/")[::-1]
    links = 0
    while parts:
        part = parts.pop()
        if part in ("", "."):
            continue
        if part == "..":
            resolved = os.path.dirname(resolved)
            continue
        here = os.path.join(resolved, part)
        if can_be_swapped(here):
            raise _in_folder_of_others(path, here)
        if not os.path.islink(here):
            resolved = here
            continue
        links += 1
        if links > _LINK_LIMIT:
            raise FileError(f"{path}: too many symlinks")
        target = _target_of(here, path, is_last=not parts)
        if target.startswith("/"):
            resolved = "/"
        parts.extend(target.split("/")[::-1])
    if _is_everyones(os.path.dirname(resolved)):
        raise _in_folder_of_others(path, resolved)
    return resolved


def _is_everyones(folder: str) -> bool:
    """Return whether all users can put files into a folder. Even in a sticky one, they can add what looks like ours."""
    try:
        return bool(os.stat(folder).st_mode & stat.S_IWOTH)
    except OSError:  # It does not exist yet, or this user cannot look there and so cannot write there.
        return False


def _in_folder_of_others(path: str, here: str) -> FileError:
    return FileError(
        f"{path}: another user can write the folder {os.path.dirname(here)} and could redirect {here} to another file",
        "Choose a folder that only root can write, or run the task as its owner (become_user).",
    )


def _target_of(link: str, path: str, *, is_last: bool) -> str:
    """Return where a symlink points, or refuse to follow it."""
    if not is_protected(os.stat(os.path.dirname(link))):
        raise FileError(
            f"{path}: the symlink {link} is in a folder that another user can write, so it is not followed",
            "Use the path of the file itself, or make the folder writable only by its owner.",
        )
    target = os.readlink(link)
    if is_last and not os.path.exists(link):
        raise FileError(
            f"{path}: the symlink {link} points to {target}, which does not exist",
            "Remove the symlink or create the file it points to.",
        )
    return target
