# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Write files under a lock, whole, so that they can be put back. No other code changes files of the host.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.

A rename replaces the whole file, so a reader, or a crash, leaves the old text or the new text and nothing between.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import tempfile
import time

from types import MappingProxyType
from typing import TYPE_CHECKING, Dict, Iterator, List, Mapping, NamedTuple, NoReturn, Optional, Sequence

from ansible_collections.pullthrough.docker.plugins.module_utils._host import files, run_lock
from ansible_collections.pullthrough.docker.plugins.module_utils._host.leftovers import (
    STAGED_PREFIX,
    TEMP_PREFIX,
    staged_path,
)

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


class WriteError(files.FileError):
    """A write that failed. The file holds the old text or the new one; read it to know which."""


class FileChanged(files.FileError):
    """The file changed since the change was planned."""


class _Written(NamedTuple):
    """A file that this run wrote."""

    old_data: Optional[bytes]
    new_data: List[Optional[bytes]]
    """What this run wrote there, or tried to."""
    old_stat: Optional[os.stat_result]
    """Its mode and owner before."""


@contextlib.contextmanager
def lock(folders: Sequence[str], timeout: float) -> Iterator[List[str]]:
    """Hold the lock against other runs of this collection, and prepare the folders in which files will be written.

    It creates missing folders, yields them, and removes those again that stay empty. It removes what a killed run left
    there.

    :param timeout: seconds to wait for the lock.
    :raises FileError: when another run holds the lock, or a folder cannot be prepared.
    """
    with run_lock.hold(timeout), contextlib.ExitStack() as stack:
        yield [made for folder in folders for made in stack.enter_context(_prepared(folder))]


@contextlib.contextmanager
def _prepared(folder: str) -> Iterator[List[str]]:
    new_folders = _make_folders(folder)
    try:
        _remove_leftovers(folder)
        yield new_folders
    finally:
        for new_folder in reversed(new_folders):
            with contextlib.suppress(OSError):  # The folder is not empty.
                os.rmdir(new_folder)


def _remove_leftovers(folder: str) -> None:
    """Remove the temporary files that killed runs left in a folder, but not what they staged."""
    try:
        for name in os.listdir(folder):
            if name.startswith(TEMP_PREFIX) and not name.startswith(STAGED_PREFIX):
                os.unlink(os.path.join(folder, name))
    except OSError as exc:
        reason = f"{exc.filename}: cannot be removed: {exc.strerror}"
        raise files.FileError(reason, _advice(exc)) from exc


def _make_folders(folder: str) -> List[str]:
    """Create a folder and its parents, mode 0755, and return those that were missing, outermost first."""
    missing: List[str] = []
    while not os.path.isdir(folder):
        missing.insert(0, folder)
        folder = os.path.dirname(folder)
    try:
        for new_folder in missing:
            os.mkdir(new_folder)
            os.chmod(new_folder, 0o755)
    except OSError as exc:
        raise files.FileError(f"{exc.filename}: cannot be created: {exc.strerror}") from exc
    return missing


class Transaction:
    """Writes that can be undone while the files still hold what was written. The caller holds the lock."""

    def __init__(self, module: AnsibleModule, new_modes: Mapping[str, int] = MappingProxyType({})) -> None:
        """Begin, with nothing written.

        :param new_modes: the modes of new files whose mode is not ``NEW_MODE``.
        """
        self._module = module
        self._new_modes = new_modes
        self._written: Dict[str, _Written] = {}
        self._staged: List[str] = []

    def stage(self, path: str, data: bytes) -> None:
        """Save beside the file what it must hold at the end, until ``unstage``, so that a killed run loses nothing."""
        self._staged.append(path)
        self._replace(staged_path(path), data, 0o600)

    @staticmethod
    def unstage(path: str) -> None:
        """Remove the staged text of this run or of a killed one.

        :raises WriteError: when it cannot be removed.
        """
        staged = staged_path(path)
        try:
            os.unlink(staged)
        except FileNotFoundError:
            pass
        except OSError as exc:
            raise WriteError(f"{staged}: cannot be removed: {exc.strerror}", _advice(exc)) from exc

    def write(self, path: str, expected: Optional[bytes], data: Optional[bytes]) -> None:
        """Replace the whole file and keep its mode, owner and label. None removes it.

        :param expected: what the file held when the change was planned, or None when it did not exist.
        :raises FileChanged: when it holds something else now; nothing is written.
        :raises WriteError: when it cannot be written.
        """
        if files.read(path) != expected:
            raise FileChanged(
                f"{path}: someone else changed it during this run, and it was left as they wrote it",
                "Run this again.",
            )
        if data == expected:
            return
        if path not in self._written:
            try:
                self._written[path] = _Written(expected, [], None if expected is None else os.stat(path))
            except OSError as exc:
                raise WriteError(f"{path}: cannot be read: {exc.strerror}", _advice(exc)) from exc
        self._written[path].new_data.append(data)
        self._put(path, data, self._new_modes.get(path, files.NEW_MODE))

    def undo(self) -> List[str]:
        """Undo all writes, the last one first, and then remove what was staged. It raises nothing.

        It stops at a file that does not get its old text back. What moved from one file to another would else be in
        both, and an engine does not start with a setting in two places. A second call goes on from there.

        :returns: for each file that is not as it was, why.
        """
        problems: List[str] = []
        for path, written in reversed(list(self._written.items())):
            try:
                self._restore(path, written)
                del self._written[path]
            except files.FileError as exc:
                problems.append(str(exc).rstrip("."))
                if not _holds(path, written.old_data):
                    break
        for path in self._staged:
            try:
                self.unstage(path)
            except files.FileError as exc:
                problems.append(str(exc).rstrip("."))
        return problems

    def _restore(self, path: str, written: _Written) -> None:
        """Put back what the file held before, with its owner and mode."""
        data, old_stat = files.read(path), written.old_stat
        if data == written.old_data:
            return
        if data not in written.new_data:
            raise FileChanged(f"{path} was changed by someone else meanwhile and was left as they wrote it")
        self._put(path, written.old_data, stat.S_IMODE(old_stat.st_mode) if old_stat else files.NEW_MODE)
        if old_stat is None:
            return
        try:
            found = os.stat(path)  # atomic_move does not fail when it cannot set owner and mode.
            if (found.st_uid, found.st_gid) != (old_stat.st_uid, old_stat.st_gid):
                os.chown(path, old_stat.st_uid, old_stat.st_gid)
            if found.st_mode != old_stat.st_mode:
                os.chmod(path, stat.S_IMODE(old_stat.st_mode))
        except OSError as exc:
            raise WriteError(f"{path}: its owner and mode cannot be put back: {exc.strerror}", _advice(exc)) from exc

    def tidy(self, made_folders: Mapping[str, Optional[Sequence[str]]] = MappingProxyType({})) -> None:
        """Remove the folders that are empty now because their files were removed.

        :param made_folders: by file, the folders that go with it, outermost first; None for only its own.
        """
        for path, written in self._written.items():
            if written.old_data is None:
                continue
            folders = made_folders.get(path)
            for folder in reversed([os.path.dirname(path)] if folders is None else folders):
                with contextlib.suppress(OSError):  # The folder is not empty.
                    os.rmdir(folder)

    def _put(self, path: str, data: Optional[bytes], mode: int) -> None:
        """Replace the file, or remove it when ``data`` is None."""
        if data is not None:
            self._replace(path, data, mode)
            return
        try:
            os.unlink(path)
            _sync_folder(path)
        except OSError as exc:
            raise WriteError(f"{path}: cannot be removed: {exc.strerror}", _advice(exc)) from exc

    @staticmethod
    def backup(path: str, data: bytes) -> str:
        """Save what the file holds beside it, and return the path of the copy, which is named as by ansible.builtin.

        Nobody can read the copy who cannot read the file. That is why this does not use ``backup_local``, which copies
        before it sets the mode and writes into any file that exists at that path.

        :raises WriteError: when the copy cannot be written.
        """
        copy = f"{path}.{os.getpid()}.{time.strftime('%Y-%m-%d@%H:%M:%S~')}"
        try:
            with _temporary(path, data) as temporary:
                found = os.stat(path)
                with contextlib.suppress(PermissionError):  # Then only this user can read the copy.
                    os.chown(temporary, found.st_uid, found.st_gid)
                    shutil.copystat(path, temporary)
                os.rename(temporary, copy)
        except OSError as exc:
            raise WriteError(f"{path}: cannot be backed up: {exc.strerror}", _advice(exc)) from exc
        return copy

    def _replace(self, path: str, data: bytes, mode: int) -> None:
        """Replace the whole file; give a new one this mode."""
        try:
            with _temporary(path, data) as temporary, _mode_of_new_files(mode), _failures_raised(self._module):
                if not os.path.exists(path):
                    os.chmod(temporary, mode)  # atomic_move sets the mode only after the rename.
                self._module.atomic_move(temporary, path, unsafe_writes=self._module.params["unsafe_writes"])
            _sync_folder(path)
        except Exception as exc:  # atomic_move raises nothing narrower
            raise WriteError(f"{path}: cannot be written: {_cause(exc)}", _advice(exc)) from exc


def _holds(path: str, data: Optional[bytes]) -> bool:
    """Return whether a file is known to hold this."""
    try:
        return files.read(path) == data
    except files.FileError:
        return False


@contextlib.contextmanager
def _temporary(path: str, data: bytes) -> Iterator[str]:
    """Write a temporary file to the disk beside another file. Only its owner can read it. The caller renames it."""
    descriptor, temporary = tempfile.mkstemp(prefix=TEMP_PREFIX, dir=os.path.dirname(path))
    try:
        with os.fdopen(descriptor, "wb") as file:
            # The folder can give new files an access list, and a wider mode would make that list effective.
            with contextlib.suppress(OSError):
                os.removexattr(descriptor, "system.posix_acl_access")
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        yield temporary
    finally:
        with contextlib.suppress(OSError):  # It was renamed, unless something failed.
            os.unlink(temporary)


@contextlib.contextmanager
def _mode_of_new_files(mode: int) -> Iterator[None]:
    """Set the umask so that ``atomic_move`` gives a new file this mode, and never a wider one before that."""
    umask = os.umask(0o777 & ~mode)
    try:
        yield
    finally:
        os.umask(umask)


class _MoveFailed(Exception):
    """A failure that ``atomic_move`` reported."""


@contextlib.contextmanager
def _failures_raised(module: AnsibleModule) -> Iterator[None]:
    """Let ``atomic_move`` raise its failures. Before ansible-core 2.19 it ends the module, and nothing is undone."""

    def fail_json(msg: str, **_result: object) -> NoReturn:
        raise _MoveFailed(msg)

    original = module.fail_json
    module.fail_json = fail_json  # type: ignore[method-assign]
    try:
        yield
    finally:
        module.fail_json = original  # type: ignore[method-assign]


def _cause(exc: BaseException) -> str:
    """Return why a write failed, in the operating system's words if there are any."""
    system = _system_error(exc)
    return (system.strerror if system else None) or str(exc)


def _system_error(exc: Optional[BaseException]) -> Optional[OSError]:
    """Return the error of the operating system behind an exception, or None."""
    while exc is not None and not (isinstance(exc, OSError) and exc.strerror):
        exc = exc.__cause__ or exc.__context__
    return exc


def _advice(exc: BaseException) -> str:
    """Return what the user can do about a failed write."""
    system = _system_error(exc)
    number = system.errno if system else None
    if number == errno.EBUSY:
        return "A file that is mounted by itself cannot be replaced: allow writing into it with unsafe_writes: true."
    if number == errno.EPERM:
        return "It may be immutable (lsattr shows it, chattr -i undoes it)."
    if number == errno.EROFS:
        return "Its file system is mounted read-only: remount it to write there."
    if number in (errno.ENOSPC, errno.EDQUOT):
        return "Make room there."
    return "Run the task as a user who can write it (become: true)."


def _sync_folder(path: str) -> None:
    """Write the folder of a file to the disk, so that a rename survives a power loss."""
    descriptor = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
