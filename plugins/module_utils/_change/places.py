# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The flag ``--registry-mirror`` in an options file, a unit or a drop-in: what it lists, and the text with another list.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import re

from typing import List, Optional, Sequence, Union

from ansible_collections.pullthrough.docker.plugins.module_utils._change import daemon_file
from ansible_collections.pullthrough.docker.plugins.module_utils._text import flag_text, masking, options_text, unit_text

_AS_A_FLAG = re.compile(r"[A-Za-z0-9:/._@,+=-]*\Z")
"""What a mirror's URL may hold to stand as a plain word in a unit and in an options file."""


def _refuse_in_a_flag(path: str, mirrors: Sequence[str]) -> None:
    for mirror in mirrors:
        if not _AS_A_FLAG.match(mirror):
            raise daemon_file.PlaceError(
                f"{path}: the mirror {masking.mask(mirror)} holds characters that units and options files give a meaning of their own. "
                "Nothing was changed. Keep it in daemon.json (source: daemon_json)."
            )


class OptionsFile:
    """C(--registry-mirror) in a variable of an options file."""

    name = "options_file"

    def __init__(self, path: str, data: Optional[bytes], variable: str, *, shell: bool) -> None:
        """Read the text of the file, None where it does not exist.

        :param shell: whether a shell reads the file, or else systemd.
        """
        self.path = path
        self.data = data
        self.variable = variable
        self._shell = shell
        self._text = (data or b"").decode(errors="surrogateescape")
        self._assignments = options_text.assignments(self._text, variable, shell=shell)
        read = options_text.read_as_shell if shell else options_text.read_as_systemd
        value = read(self._text).get(variable)
        self._can_be_told = value is None or value.text is not None
        self.listed = _flags_of(value.text) if value and value.text else []

    @property
    def reason(self) -> Optional[str]:
        """Why it is not known which mirrors it lists, or None."""
        return None if self._can_be_told else f"{self.place()}: only a shell knows the value of {self.variable}"

    @property
    def present(self) -> bool:
        """Whether the flag stands here."""
        return bool(self.listed) or (not self._can_be_told and any(daemon_file.FLAG in assignment.source for assignment in self._assignments))

    @property
    def line(self) -> Optional[int]:
        """The line that names the mirrors, or at least the variable."""
        named = [assignment.line for assignment in self._assignments if daemon_file.FLAG in assignment.source]
        return named[-1] if named else None

    def place(self) -> str:
        """The file, and the line of the flag when it is there."""
        lines = [assignment.line for assignment in self._assignments]
        line = self.line or (lines[-1] if lines else None)
        return f"{self.path}, line {line}" if line else self.path

    def text(self, mirrors: Sequence[str]) -> Optional[bytes]:
        """The text of the file with exactly these mirrors as flags, every other byte as it is.

        :raises SourceError: with file and line, where it takes more than plain words.
        """
        if list(mirrors) == self.listed:
            return self.data
        _refuse_in_a_flag(self.path, [mirror for mirror in mirrors if mirror not in self.listed])
        try:
            text = options_text.put_flag(self._text, self.variable, daemon_file.FLAG, mirrors, shell=self._shell)
        except options_text.OptionsTextError as exc:
            raise daemon_file.PlaceError(f"{self.path}, line {exc.line}: {exc.message}. Nothing was changed. Edit it by hand, or write plain words there.") from exc
        return text.encode(errors="surrogateescape")


PACKAGED = ("/lib/", "/usr/lib/", "/usr/local/lib/", "/run/")
"""Folders of units that are not the administrator's."""


class UnitFile:
    """C(--registry-mirror) in the C(ExecStart) that counts, of a unit or of a drop-in that is not ours."""

    name = "systemd_drop_in"
    reason: Optional[str] = None

    def __init__(self, path: str, data: bytes, setting: unit_text.Setting) -> None:
        self.path = path
        self.data: Optional[bytes] = data
        self.line = setting.line
        self.listed = _flags_of(unit_text.on_one_line(setting.value))
        self.present = bool(self.listed)
        self._setting = setting

    def place(self) -> str:
        """File and line."""
        return f"{self.path}, line {self.line}"

    def text(self, mirrors: Sequence[str]) -> Optional[bytes]:
        """The text with some of the mirrors that it lists, every other byte as it is.

        :raises SourceError: for a file of a package, which its next version overwrites, and for what is more than plain words.
        """
        if list(mirrors) == self.listed:
            return self.data
        if self.path.startswith(PACKAGED):
            raise daemon_file.PlaceError(
                f"{self.place()}: the flag stands in a file that is not the administrator's to edit. Nothing was changed. "
                "Set an ExecStart without the flag (systemctl edit), and run this again."
            )
        text = (self.data or b"").decode(errors="surrogateescape")
        start, end = self._setting.start, self._setting.end
        value = text[start:end]
        after = text[:start] + flag_text.put(value, daemon_file.FLAG, mirrors) + text[end:]
        is_plain = all(flag_text.is_plain(value[flag.start : flag.end]) for flag in flag_text.find(value, daemon_file.FLAG))
        words = _words_without_flag(value)
        left = [setting for setting in unit_text.settings(self.path, after) if setting.start == start]
        if not is_plain or not left or _words_without_flag(left[0].value) != words or _flags_of(unit_text.on_one_line(left[0].value)) != list(mirrors):
            raise daemon_file.PlaceError(f"{self.place()}: the flag is more than a plain word there. Nothing was changed. Take it out by hand.")
        return after.encode(errors="surrogateescape")


class DropIn:
    """C(--registry-mirror) in a drop-in of this collection, which repeats the unit's own command line and adds the flags."""

    name = "systemd_drop_in"
    reason: Optional[str] = None

    def __init__(self, path: str, data: Optional[bytes], command: Optional[unit_text.Setting]) -> None:
        """Read our drop-in, None where it does not exist.

        :param command: the C(ExecStart) that counts without it, or None.
        """
        self.path = path
        self.data = data
        self._command = command
        self.repeats = command.path if command else None
        self._ours = unit_text.command([(path, data.decode(errors="replace"))]) if data else None
        effective = self._ours or command
        self.line = self._ours.line if self._ours else None
        self.listed = _flags_of(unit_text.on_one_line(effective.value)) if effective else []
        self.present = self._ours is not None and bool(self.listed)

    @property
    def is_stale(self) -> bool:
        """Whether the unit's own command line changed since the drop-in was written."""
        return self._ours is not None and self._command is not None and self.text(self.listed) != self.data

    def place(self) -> str:
        """The file, and its line when it is there."""
        return f"{self.path}, line {self.line}" if self.line else self.path

    def text(self, mirrors: Sequence[str]) -> Optional[bytes]:
        """The text of the drop-in with exactly these mirrors; None where the unit's own command line has them.

        :raises SourceError: where there is no command line to add to.
        """
        if self._command is None:
            raise daemon_file.PlaceError(f"{self.path}: the unit has no ExecStart of its own that flags can be added to. Nothing was changed.")
        command = unit_text.on_one_line(self._command.value)
        if list(mirrors) == _flags_of(command):
            return None
        _refuse_in_a_flag(self.path, [mirror for mirror in mirrors if mirror not in self.listed])
        own = flag_text.put(command, daemon_file.FLAG, [])
        flags = "".join(f" {daemon_file.FLAG}={mirror}" for mirror in mirrors)
        return (
            "# Written by the Ansible collection pullthrough.docker: the command line of\n"
            f"# {self._command.path},\n"
            "# with the registry mirrors at its end. It is written anew when that changes.\n"
            f"[Service]\nExecStart=\nExecStart={own}{flags}\n"
        ).encode(errors="surrogateescape")


FlagSource = Union[OptionsFile, UnitFile, DropIn]


def _words_without_flag(command: str) -> List[str]:
    return flag_text.put(unit_text.on_one_line(command), daemon_file.FLAG, []).split()


def _flags_of(text: str) -> List[str]:
    return [flag.value.strip("\"'") for flag in flag_text.find(text, daemon_file.FLAG)]
