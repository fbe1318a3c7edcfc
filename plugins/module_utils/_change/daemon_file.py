# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""``registry-mirrors`` in ``daemon.json``: what it lists, and its text with another list.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: it touches nothing.
"""

from __future__ import annotations

import re

from typing import Any, Dict, Iterator, List, Match, NoReturn, Optional, Sequence, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._change.refusal import Refused
from ansible_collections.pullthrough.docker.plugins.module_utils._change.shown import dotted, member
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import setting_table, value_types
from ansible_collections.pullthrough.docker.plugins.module_utils._rules.setting_table import INSECURE, MIRRORS
from ansible_collections.pullthrough.docker.plugins.module_utils._text import json_reader

_TEMPLATE = re.compile(r"""\{\{(?:[^{}:"'\n]|"[^"{}\n]{0,200}"|'[^'{}\n]{0,200}')*\}\}|\{%|%\{|\$\{|<%""")
"""A mark of Jinja, of Terraform, of a shell or of ERB. Doubled braces around JSON are none."""

_OBJECTION = re.compile(
    r"match any configuration option: (?P<unknown>[\w.-]+(?:, [\w.-]+)*)"
    r"|\b(?P<twice>[\w.-]+): \(from flag: "
    r"|Go struct field Config\.(?P<field>[\w.-]+) of type"
)
"""How ``dockerd`` names keys of its file: those that it does not know, one that is a flag as well, and one whose value
has a wrong type (moby daemon/config/config.go and Go's encoding/json, 23.0 to 29.7.2)."""


class DaemonJson:
    """The configuration file of the engine, as a place that names mirrors.

    It is the file as the user has it, or its text after a change. Messages name lines of the user's file only: the
    other text was perhaps never written.
    """

    name = "daemon_json"
    reason: Optional[str] = None

    def __init__(self, path: str, data: Optional[bytes], before: Optional[DaemonJson] = None) -> None:
        """Read the text of the file, None where it does not exist.

        :param before: the file as the user has it, where this is its text after a change.
        :raises Refused: when it is not JSON that every engine and every reader understands in the same way.
        """
        self.path = path
        self.data = data
        try:
            self._text = json_reader.NEW_FILE if data is None else json_reader.decode(data)
            self._document = json_reader.parse(self._text)
        except json_reader.JsonTextError as exc:
            self._refuse_text(exc)
        self._users: json_reader.Document = before._users if before else self._document
        self._refuse_ignored_names()
        self._refuse_type(MIRRORS)
        self.listed = [mirror for mirror in self._entries() if not _is_blank(mirror)]

    def with_data(self, data: Optional[bytes]) -> DaemonJson:
        """Return this file with other bytes; the same bytes are not parsed again.

        :raises Refused: as for a new one.
        """
        return self if data == self.data else DaemonJson(self.path, data, self)

    @property
    def settings(self) -> Dict[str, Any]:
        """The settings of the file; numbers stay text."""
        value: Dict[str, Any] = self._document.root.value
        return value

    @property
    def line(self) -> Optional[int]:
        """The line that names the mirrors."""
        return self._document.key_position(MIRRORS)[0] if self.present else None

    @property
    def present(self) -> bool:
        """Whether the file has the key: beside a flag, an engine does not start with an empty list either."""
        return MIRRORS in self.settings

    @property
    def blank(self) -> Optional[str]:
        """What is wrong with an entry of the list that is empty, and where; None without one.

        No engine starts with it or accepts it at a reload: it has no scheme (moby registry/config.go ValidateMirror).
        """
        found = next((index for index, mirror in enumerate(self._entries()) if _is_blank(mirror)), None)
        return None if found is None else f"{self.value_place((MIRRORS, found))}: an entry of {MIRRORS} is empty"

    @property
    def insecure(self) -> List[str]:
        """The entries of ``insecure-registries``."""
        listed = self.settings.get(INSECURE)
        return [entry for entry in listed if isinstance(entry, str)] if isinstance(listed, list) else []

    def place(self, key: str = MIRRORS) -> str:
        """Return the file, and the line of a key where the file has it."""
        return f"{self.path}, line {self._document.key_position(key)[0]}" if key in self.settings else self.path

    def value_place(self, path: value_types.Path) -> str:
        """Return where the user wrote a value: in the file, or in the option ``settings`` of this task."""
        mine, users = self._document.find(*path), self._users.find(*path)
        if mine is None or users is None or not json_reader.is_same(mine.value, users.value):
            return "settings"
        return self._at(self._users.position(users.start))

    def check_keys(self) -> None:
        """Refuse what engines before 23.0 refuse, which cannot validate the file themselves.

        :raises Refused: with file, line and column.
        """
        if self._document.bom:
            bom = "the file begins with a byte order mark, which Docker Engine before 23.0 refuses"
            raise Refused(f"{self._at((1, 1))}: {bom}", "Remove the mark.")
        for path in self._paths():
            if not setting_table.of(path[-1]).before_validate:
                why = f'Docker Engine before 23.0 does not know the key "{path[-1]}" and would not start'
                self._refuse_key(path, why, "Remove it.")

    def check_types(self) -> None:
        """Refuse values of a wrong type.

        :raises Refused: with file, line and column, and the right spelling where it is clear what was meant.
        """
        for key in self.settings:
            self._refuse_type(key)

    def refuse_mirror(self, mirror: str, why: str) -> NoReturn:
        """Refuse a mirror that the file lists.

        :raises Refused: with file, line and column.
        """
        where = self.value_place((MIRRORS, self._entries().index(mirror)))
        advice = "Take it out of the list, or declare the whole list with state: present and exclusive: true."
        raise Refused(f"{where}: {why}", advice)

    def text(self, mirrors: Sequence[str], *, keep_empty: bool = False, keep_key: bool = True) -> Optional[bytes]:
        """Return the text of the file with exactly these mirrors; None where no file is needed.

        Every other byte stays. No mirrors means no key, unless the file already says "none" in its own words and
        ``keep_key`` allows that, or ``keep_empty`` asks for ``[]``: an engine keeps its mirrors when the key is missing
        at a reload, and drops them for ``[]`` (seen on 20.10.24 to 28.5.2).
        """
        is_same = list(mirrors) == self.listed and self.blank is None
        if is_same and (mirrors or not keep_empty or self.present) and (keep_key or not self.present):
            return self.data
        # A run that changes nothing does not compile the editor.
        from ansible_collections.pullthrough.docker.plugins.module_utils._text import json_text

        if mirrors or keep_empty:
            return json_text.set_member(self._text, [MIRRORS], list(mirrors)).encode()
        return json_text.remove_member(self._text, [MIRRORS]).encode()

    def locate(self, objection: str) -> str:
        """Return an objection of the engine, with the places of the keys that it names."""
        paths = dict.fromkeys(path for match in _OBJECTION.finditer(objection) for path in self._meant(match))
        users = [self._users.key_position(*path) for path in paths if self._users.find(*path)]
        places = [f"line {line}, column {column}" for line, column in sorted(users)]
        where = f"{self.path}, {' and '.join(places)}" if places else self.path
        if len(users) < len(paths):  # The user's file does not have it, so this task brings it.
            where = f"{where}, and settings" if places else f"settings, for {self.path}"
        if not paths and self._document is not self._users:  # It can be about the file, or about what this task brings.
            where = f"{where}, with the change of this task"
        return f"{where}: the installed Docker Engine would refuse this file: {objection}"

    def _meant(self, match: Match[str]) -> Sequence[Tuple[str, ...]]:
        """Return the paths of the keys that a part of an objection names."""
        if match["unknown"]:
            names = match["unknown"].split(", ")
            return [path for path in self._paths() if path[-1] in names]
        # Newer versions of Go put the names of embedded structures before the key.
        names = match["field"].split(".") if match["field"] else [match["twice"]]
        return [(name,) for name in names if name in self.settings][:1]

    # -- reading -------------------------------------------------------------------------------------------------------

    def _entries(self) -> List[Any]:
        return list(self.settings.get(MIRRORS) or [])

    def _paths(self) -> Iterator[Tuple[str, ...]]:
        """Return the paths of the keys that the engine looks at: those inside of objects are settings too."""
        for key, value in self.settings.items():
            if isinstance(value, dict) and not setting_table.of(key).is_free:
                yield from ((key, inner) for inner in value)
            else:
                yield (key,)

    # -- refusing ------------------------------------------------------------------------------------------------------

    def _refuse_text(self, error: json_reader.JsonTextError) -> NoReturn:
        text = (self.data or b"").decode(errors="replace")
        template = ". It looks like a template that was not rendered" if _TEMPLATE.search(text) else ""
        raise Refused(f"{self._at((error.line, error.column))}: {error.message}{template}", "Fix the file first.")

    def _refuse_ignored_names(self) -> None:
        for key, value in self.settings.items():
            if key in setting_table.IGNORED_NAMES:
                right = setting_table.IGNORED_NAMES[key]
                why = f'the engine accepts the key "{key}" and ignores it; the right name is "{right}"'
                self._refuse_key((key,), why, "Rename it or remove it.")
            if isinstance(value, dict) and MIRRORS in value and not setting_table.of(key).is_free:
                why = f'the engine does not read "{MIRRORS}" inside "{key}", and drops its mirrors at a reload'
                self._refuse_key((key, MIRRORS), why, "Move it to the top level.")

    def _refuse_type(self, key: str) -> None:
        fault = setting_table.fault_of(key, self.settings.get(key))
        if fault:
            why = f"{dotted(fault.path)} is {value_types.kind(fault.value)}, and the engine accepts only {fault.wanted}"
            advice = "Fix it first." if fault.meant is None else f"Write {member(fault.path[-1], fault.meant)}."
            raise Refused(f"{self.value_place(fault.path)}: {why}", advice)

    def _refuse_key(self, path: Sequence[str], why: str, advice: str) -> NoReturn:
        where = self._at(self._users.key_position(*path)) if self._users.find(*path) else "settings"
        raise Refused(f"{where}: {why}", advice)

    def _at(self, position: Tuple[int, int]) -> str:
        line, column = position
        return f"{self.path}, line {line}, column {column}"


def _is_blank(mirror: Optional[str]) -> bool:
    """Return whether an entry of the list names nothing; null in a list of strings is an empty string to Go."""
    return mirror is None or not mirror.strip()
