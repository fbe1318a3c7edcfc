# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Write files: the only code of the collection that writes. A lock, whole files, and a way back.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.

A file is replaced whole, by a rename, so that a reader and a crash find the old text or the new text, and nothing between.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import stat
import tempfile
import time

from types import MappingProxyType
from typing import TYPE_CHECKING, Dict, Iterator, List, Mapping, NamedTuple, Optional

from ansible_collections.pullthrough.docker.plugins.module_utils._host import files

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

TEMP_PREFIX = ".pullthrough-docker-"
"""How the names of our temporary files begin: the next run removes what a killed one left."""


STAGED_PREFIX = f"{TEMP_PREFIX}moving-"
"""How the name begins of what a file is to hold once mirrors have left other files for it, or once an engine has taken an empty list
from it: when the run is killed between, the next one finds it there."""


class WriteError(files.FileError):
    """A write that failed. Only a look at the file tells whether it holds the old text or the new one: the last step can
    have failed."""


class FileChanged(files.FileError):
    """The file is not what it was when the change was planned."""


class _Written(NamedTuple):
    before: Optional[bytes]
    ours: List[Optional[bytes]]
    """What this run wrote there, or tried to."""
    found: Optional[os.stat_result]
    """Mode and owner before."""


def staged(path: str) -> Optional[bytes]:
    """What a run that was killed on the way meant this file to hold, or None."""
    return files.read(_staged_path(path))


def has_leftovers(path: str) -> bool:
    """Whether a run that was killed left something beside this file."""
    try:
        return any(name.startswith(TEMP_PREFIX) for name in os.listdir(os.path.dirname(path)))
    except OSError:  # No such folder, or none that may be listed.
        return False


def _staged_path(path: str) -> str:
    return os.path.join(os.path.dirname(path), STAGED_PREFIX + os.path.basename(path))


@contextlib.contextmanager
def lock(path: str, timeout: float) -> Iterator[None]:
    """Hold the folder of C(path) against other runs of this collection, for at most C(timeout) seconds of waiting.

    Makes the folder where it is missing, and takes it away again when it stays empty. Removes what a killed run left in it.
    """
    folder = os.path.dirname(path)
    new_folders = _make_folders(folder)
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as exc:
        raise files.FileError(f"{folder}: cannot be opened: {exc.strerror}") from exc
    try:
        deadline = time.monotonic() + timeout
        while not _locked(descriptor):
            if time.monotonic() >= deadline:
                raise files.FileError(f"{folder}: another run has held its lock for {timeout:g} s", "Run this again.")
            time.sleep(0.05)
        _remove_leftovers(folder)
        yield
    finally:
        os.close(descriptor)
        for new_folder in reversed(new_folders):
            with contextlib.suppress(OSError):  # It holds the new file now.
                os.rmdir(new_folder)


def _remove_leftovers(folder: str) -> None:
    try:
        for name in os.listdir(folder):
            if name.startswith(TEMP_PREFIX) and not name.startswith(STAGED_PREFIX):
                os.unlink(os.path.join(folder, name))
    except OSError as exc:
        raise files.FileError(f"{exc.filename}: cannot be removed: {exc.strerror}", _advice(exc)) from exc


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _make_folders(folder: str) -> List[str]:
    """Make a folder and its parents, mode 0755, and return those that were missing, outermost first."""
    missing: List[str] = []
    while not os.path.isdir(folder):
        missing.insert(0, folder)
        folder = os.path.dirname(folder)
    try:
        for new_folder in missing:
            os.mkdir(new_folder)
            os.chmod(new_folder, 0o755)
    except OSError as exc:
        raise files.FileError(f"{exc.filename}: cannot be made: {exc.strerror}") from exc
    return missing


class Transaction:
    """Changes of files that can all be taken back while the files still hold what was written. The caller holds the lock."""

    def __init__(self, module: AnsibleModule, new_modes: Mapping[str, int] = MappingProxyType({})) -> None:
        """Begin, with nothing written.

        :param new_modes: the modes of files that are not there yet, where they are not the usual one.
        """
        self._module = module
        self._new_modes = new_modes
        self._written: Dict[str, _Written] = {}
        self._staged: List[str] = []

    def stage(self, path: str, data: bytes) -> None:
        """Keep beside the file what it is to hold, until L(unstage): before other files lose what comes to it, or it holds something else."""
        self._staged.append(path)
        self._replace(_staged_path(path), data, 0o600)

    @staticmethod
    def unstage(path: str) -> None:
        """Remove what was staged, by this run or by one that was killed.

        :raises WriteError: when it cannot be removed.
        """
        staged_path = _staged_path(path)
        try:
            os.unlink(staged_path)
        except FileNotFoundError:
            pass
        except OSError as exc:
            raise WriteError(f"{staged_path}: cannot be removed: {exc.strerror}", _advice(exc)) from exc

    def write(self, path: str, expected: Optional[bytes], data: Optional[bytes]) -> None:
        """Replace the file, whole, keeping its mode, owner and label. None removes it.

        :param expected: what the file held when the change was planned, None when it did not exist.
        :raises FileChanged: when it holds something else by now; nothing was written.
        :raises WriteError: when it cannot be written.
        """
        if files.read(path) != expected:
            raise FileChanged(f"{path}: someone else changed it during this run, and it was left as they wrote it", "Run this again.")
        if data == expected:
            return
        if path not in self._written:
            try:
                self._written[path] = _Written(expected, [], None if expected is None else os.stat(path))
            except OSError as exc:
                raise WriteError(f"{path}: cannot be read: {exc.strerror}", _advice(exc)) from exc
        self._written[path].ours.append(data)
        self._put(path, data, self._new_modes.get(path, files.NEW_MODE))

    def undo(self) -> List[str]:
        """Take all writes back, the last one first, and then what was staged for them. It tries each, and raises nothing. A second
        call tries again what was not done.

        :returns: a sentence for each file that is not as it was, and why.
        """
        left: List[str] = []
        for path, written in reversed(list(self._written.items())):
            try:
                self._restore(path, written)
                del self._written[path]
            except files.FileError as exc:
                left.append(str(exc).rstrip("."))
        for path in self._staged:
            try:
                self.unstage(path)
            except files.FileError as exc:
                left.append(str(exc).rstrip("."))
        return left

    def _restore(self, path: str, written: _Written) -> None:
        now = files.read(path)
        if now == written.before:
            return
        if now not in written.ours:
            raise FileChanged(f"{path} was changed by someone else meanwhile and was left as they wrote it")
        self._put(path, written.before, stat.S_IMODE(written.found.st_mode) if written.found else files.NEW_MODE)
        if written.found is None:
            return
        try:
            found = os.stat(path)  # atomic_move goes on where it may not set them.
            if (found.st_uid, found.st_gid) != (written.found.st_uid, written.found.st_gid):
                os.chown(path, written.found.st_uid, written.found.st_gid)
            if found.st_mode != written.found.st_mode:
                os.chmod(path, stat.S_IMODE(written.found.st_mode))
        except OSError as exc:
            raise WriteError(f"{path}: its owner and mode cannot be put back: {exc.strerror}", _advice(exc)) from exc

    def tidy(self) -> None:
        """Remove the folders that held nothing but what was removed."""
        for path in (path for path, written in self._written.items() if written.before is not None):
            with contextlib.suppress(OSError):  # Something lies there, such as what was written.
                os.rmdir(os.path.dirname(path))

    def _put(self, path: str, data: Optional[bytes], mode: int) -> None:
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
        """Keep what the file holds beside it, under the name that ansible.builtin gives, and return that. Unlike backup_local, which copies
        before it sets the mode, and into whatever lies at that name, this lets nobody read the copy who may not read the file."""
        copy = f"{path}.{os.getpid()}.{time.strftime('%Y-%m-%d@%H:%M:%S~')}"
        try:
            with _temporary(path, data) as temporary:
                found = os.stat(path)
                with contextlib.suppress(PermissionError):  # Of another group, it stays its user's alone.
                    os.chown(temporary, found.st_uid, found.st_gid)
                    shutil.copystat(path, temporary)
                os.rename(temporary, copy)
        except OSError as exc:
            raise WriteError(f"{path}: no backup can be made: {exc.strerror}", _advice(exc)) from exc
        return copy

    def _replace(self, path: str, data: bytes, mode: int) -> None:
        try:
            with _temporary(path, data) as temporary, _mode_of_new_files(mode):
                if not os.path.exists(path):
                    os.chmod(temporary, mode)  # Before it is there, and not after, as atomic_move would.
                self._module.atomic_move(temporary, path, unsafe_writes=self._module.params["unsafe_writes"])
            _sync_folder(path)
        except Exception as exc:  # atomic_move raises nothing narrower
            raise WriteError(f"{path}: cannot be written: {_cause(exc)}", _advice(exc)) from exc


@contextlib.contextmanager
def _temporary(path: str, data: bytes) -> Iterator[str]:
    """A file beside another, on the disk, that only its user can read, until it is renamed."""
    descriptor, temporary = tempfile.mkstemp(prefix=TEMP_PREFIX, dir=os.path.dirname(path))
    try:
        with os.fdopen(descriptor, "wb") as file:
            with contextlib.suppress(OSError):  # A folder can give its files an access list, which the mode of the other would wake up.
                os.removexattr(descriptor, "system.posix_acl_access")
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        yield temporary
    finally:
        with contextlib.suppress(OSError):  # Renamed away, as a rule.
            os.unlink(temporary)


@contextlib.contextmanager
def _mode_of_new_files(mode: int) -> Iterator[None]:
    """Let atomic_move, which gives a new file what the umask leaves, give it this mode, at no instant a wider one."""
    umask = os.umask(0o777 & ~mode)
    try:
        yield
    finally:
        os.umask(umask)


def _cause(exc: BaseException) -> str:
    """The plainest words for a failed write: those of the operating system where there are any."""
    system = _system_error(exc)
    return (system.strerror if system else None) or str(exc)


def _system_error(exc: Optional[BaseException]) -> Optional[OSError]:
    while exc is not None and not (isinstance(exc, OSError) and exc.strerror):
        exc = exc.__cause__
    return exc


def _advice(exc: BaseException) -> str:
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
    return "Run the task as a user who may write it (become: true)."


def _sync_folder(path: str) -> None:
    """Make a rename survive a loss of power."""
    descriptor = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
