# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The flag ``--registry-mirror`` in an options file, a unit or a drop-in: its list, and the text with another list.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: it touches nothing.
"""

from __future__ import annotations

import re

from typing import List, Optional, Sequence, Union

from ansible_collections.pullthrough.docker.plugins.module_utils._change.refusal import Refused
from ansible_collections.pullthrough.docker.plugins.module_utils._text import (
    flag_text,
    masking,
    options_text,
    unit_text,
)

FLAG = "--registry-mirror"

_PLAIN_WORD = re.compile(r"[A-Za-z0-9:/._@,+=-]*\Z")
"""A URL that is a plain word in a unit and in an options file."""


class OptionsFile:
    """A variable of an options file, as a place that names mirrors."""

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
        self._is_known = value is None or value.text is not None
        self.listed = _mirrors_of(value.text) if value and value.text else []

    @property
    def reason(self) -> Optional[str]:
        """Why it is not known which mirrors it lists, or None."""
        return None if self._is_known else f"{self.place()}: only a shell knows the value of {self.variable}"

    @property
    def present(self) -> bool:
        """Whether the flag is here."""
        is_mentioned = any(FLAG in assignment.source for assignment in self._assignments)
        return bool(self.listed) or (not self._is_known and is_mentioned)

    @property
    def line(self) -> Optional[int]:
        """The line that names the mirrors."""
        lines = [assignment.line for assignment in self._assignments if FLAG in assignment.source]
        return lines[-1] if lines else None

    def place(self) -> str:
        """Return the file, and the line of the flag, or at least of the variable, where the file has it."""
        lines = [assignment.line for assignment in self._assignments]
        line = self.line or (lines[-1] if lines else None)
        return f"{self.path}, line {line}" if line else self.path

    def text(self, mirrors: Sequence[str]) -> Optional[bytes]:
        """Return the text of the file with exactly these mirrors as flags; every other byte stays.

        :raises Refused: with file and line, where the file has more than plain words.
        """
        if list(mirrors) == self.listed:
            return self.data
        _refuse_special_characters(self.path, [mirror for mirror in mirrors if mirror not in self.listed])
        # A run that changes nothing does not compile the editor.
        from ansible_collections.pullthrough.docker.plugins.module_utils._text import options_editor

        try:
            text = options_editor.put_flag(self._text, self.variable, FLAG, mirrors, shell=self._shell)
        except options_editor.OptionsTextError as exc:
            advice = "Edit it by hand, or write plain words there."
            raise Refused(f"{self.path}, line {exc.line}: {exc.message}", advice) from exc
        return text.encode(errors="surrogateescape")


PACKAGED = ("/lib/", "/usr/lib/", "/usr/local/lib/", "/run/")
"""Folders of units that do not belong to the administrator."""


class UnitFile:
    """The ``ExecStart`` that counts, of a unit or of a drop-in that is not ours, as a place that names mirrors."""

    name = "systemd_drop_in"
    reason: Optional[str] = None

    def __init__(self, path: str, data: bytes, setting: unit_text.Setting) -> None:
        self.path = path
        self.data: Optional[bytes] = data
        self.line = setting.line
        self.listed = _mirrors_of(unit_text.on_one_line(setting.value))
        self.present = bool(self.listed)
        self._setting = setting

    def place(self) -> str:
        """Return file and line."""
        return f"{self.path}, line {self.line}"

    def text(self, mirrors: Sequence[str]) -> Optional[bytes]:
        """Return the text with some of the mirrors that it lists; every other byte stays.

        :raises Refused: for a file of a package, which its next version overwrites, and for more than plain words.
        """
        if list(mirrors) == self.listed:
            return self.data
        if self.path.startswith(PACKAGED):
            raise Refused(
                f"{self.place()}: the flag is in a file of a package, which the next version of the package overwrites",
                "Set an ExecStart without the flag (systemctl edit), and run this again.",
            )
        text = (self.data or b"").decode(errors="surrogateescape")
        start, end = self._setting.start, self._setting.end
        value = text[start:end]
        after = text[:start] + flag_text.put(value, FLAG, mirrors) + text[end:]
        if not self._is_plain(value) or not self._differs_only_in_mirrors(value, after, mirrors):
            raise Refused(f"{self.place()}: the flag is more than a plain word there", "Take it out by hand.")
        return after.encode(errors="surrogateescape")

    @staticmethod
    def _is_plain(value: str) -> bool:
        return all(flag_text.is_plain(value[flag.start : flag.end]) for flag in flag_text.find(value, FLAG))

    def _differs_only_in_mirrors(self, value: str, after: str, mirrors: Sequence[str]) -> bool:
        settings = unit_text.settings(self.path, after)
        new = next((setting.value for setting in settings if setting.start == self._setting.start), None)
        if new is None or _words_without_flag(new) != _words_without_flag(value):
            return False
        return _mirrors_of(unit_text.on_one_line(new)) == list(mirrors)


class DropIn:
    """The drop-in of this collection, as a place that names mirrors.

    It repeats the unit's own command line and adds the flags.
    """

    name = "systemd_drop_in"
    reason: Optional[str] = None

    def __init__(self, path: str, data: Optional[bytes], command: Optional[unit_text.Setting]) -> None:
        """Read the drop-in, None where it does not exist.

        :param command: the ``ExecStart`` that counts without it, or None.
        """
        self.path = path
        self.data = data
        self._command = command
        self.repeats = command.path if command else None
        self._own = unit_text.command([(path, data.decode(errors="replace"))]) if data else None
        effective = self._own or command
        self.line = self._own.line if self._own else None
        self.listed = _mirrors_of(unit_text.on_one_line(effective.value)) if effective else []
        self.present = self._own is not None and bool(self.listed)

    @property
    def is_stale(self) -> bool:
        """Whether the unit's own command line changed since the drop-in was written."""
        return self._own is not None and self._command is not None and self.text(self.listed) != self.data

    def place(self) -> str:
        """Return the file, and its line when it exists."""
        return f"{self.path}, line {self.line}" if self.line else self.path

    def text(self, mirrors: Sequence[str]) -> Optional[bytes]:
        """Return the text of the drop-in with exactly these mirrors; None where the unit's own command line has them.

        :raises Refused: where there is no command line to add to.
        """
        if self._command is None:
            raise Refused(f"{self.path}: the unit has no ExecStart of its own to which flags can be added")
        command = unit_text.on_one_line(self._command.value)
        if list(mirrors) == _mirrors_of(command):
            return None
        _refuse_special_characters(self.path, [mirror for mirror in mirrors if mirror not in self.listed])
        own = flag_text.put(command, FLAG, [])
        flags = "".join(f" {FLAG}={mirror}" for mirror in mirrors)
        return (
            "# Written by the Ansible collection pullthrough.docker: the command line of\n"
            f"# {self._command.path},\n"
            "# with the registry mirrors at its end. It is written anew when that changes.\n"
            f"[Service]\nExecStart=\nExecStart={own}{flags}\n"
        ).encode(errors="surrogateescape")


FlagPlace = Union[OptionsFile, UnitFile, DropIn]


def _refuse_special_characters(path: str, mirrors: Sequence[str]) -> None:
    for mirror in mirrors:
        if not _PLAIN_WORD.match(mirror):
            raise Refused(
                f"{path}: the mirror {masking.mask(mirror)} has characters with a special meaning "
                "in units and options files",
                "Keep it in daemon.json (source: daemon_json).",
            )


def _words_without_flag(command: str) -> List[str]:
    return flag_text.put(unit_text.on_one_line(command), FLAG, []).split()


def _mirrors_of(text: str) -> List[str]:
    return [flag.value.strip("\"'") for flag in flag_text.find(text, FLAG)]
