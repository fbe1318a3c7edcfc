# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""``registry-mirrors`` in ``daemon.json``: what it lists, and its text with another list.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: it touches nothing.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, NoReturn, Optional, Sequence, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._change.refusal import Refused
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import setting_table, versions
from ansible_collections.pullthrough.docker.plugins.module_utils._rules.setting_table import INSECURE, MIRRORS
from ansible_collections.pullthrough.docker.plugins.module_utils._text import json_reader


class DaemonJson:
    """The configuration file of the engine, as a place that names mirrors."""

    name = "daemon_json"
    reason: Optional[str] = None

    def __init__(self, path: str, data: Optional[bytes]) -> None:
        """Read the text of the file, None where it does not exist.

        :raises Refused: when it is not JSON that every engine and every reader understands in the same way.
        """
        self.path = path
        self.data = data
        try:
            self._text = json_reader.NEW_FILE if data is None else json_reader.decode(data)
            self._document = json_reader.parse(self._text)
        except json_reader.JsonTextError as exc:
            self._refuse((exc.line, exc.column), exc.message, "Fix the file first.")
        self._refuse_ignored_names()
        self.listed = self._read_list()

    def with_data(self, data: Optional[bytes]) -> DaemonJson:
        """Return this file with other bytes; the same bytes are not parsed again.

        :raises Refused: as for a new one.
        """
        return self if data == self.data else DaemonJson(self.path, data)

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
    def insecure(self) -> List[str]:
        """The entries of ``insecure-registries``."""
        listed = self.settings.get(INSECURE)
        return [entry for entry in listed if isinstance(entry, str)] if isinstance(listed, list) else []

    def place(self, key: str = MIRRORS) -> str:
        """Return the file, and the line of a key where the file has it."""
        return f"{self.path}, line {self._document.key_position(key)[0]}" if key in self.settings else self.path

    def check_keys(self, engines: Sequence[Optional[versions.Version]]) -> None:
        """Refuse what engines of these versions would refuse that cannot validate the file themselves.

        :raises Refused: with file, line and column.
        """
        if all(version is None or version >= versions.HAS_VALIDATE for version in engines):
            return
        if self._document.bom:
            bom = "the file begins with a byte order mark, which Docker Engine before 23.0 refuses"
            self._refuse((1, 1), bom, "Remove the mark.")
        self._refuse_unknown_keys()

    def refuse_mirror(self, mirror: str, why: str) -> NoReturn:
        """Refuse a mirror that the file lists.

        :raises Refused: with file, line and column.
        """
        start = next(element.start for element in self._elements() if element.value == mirror)
        advice = "Take it out of the list, or declare the list with exclusive: true."
        self._refuse(self._document.position(start), why, advice)

    def text(self, mirrors: Sequence[str], *, keep_empty: bool = False, keep_key: bool = True) -> Optional[bytes]:
        """Return the text of the file with exactly these mirrors; None where no file is needed.

        Every other byte stays. No mirrors means no key, unless the file already says "none" in its own words and
        ``keep_key`` allows that, or ``keep_empty`` asks for ``[]``: an engine keeps its mirrors when the key is missing
        at a reload, and drops them for ``[]`` (seen on 20.10.24 to 28.5.2).
        """
        is_same = list(mirrors) == self.listed
        if is_same and (mirrors or not keep_empty or self.present) and (keep_key or not self.present):
            return self.data
        # A run that changes nothing does not compile the editor.
        from ansible_collections.pullthrough.docker.plugins.module_utils._text import json_text

        if mirrors or keep_empty:
            return json_text.set_member(self._text, [MIRRORS], list(mirrors)).encode()
        return json_text.remove_member(self._text, [MIRRORS]).encode()

    def locate(self, objection: str) -> str:
        """Return an objection of the engine, with the lines of the keys of this file that it names."""
        keys = [key for key in self.settings if key in objection]
        positions = sorted(self._document.key_position(key) for key in keys)
        places = [f"line {line}, column {column}" for line, column in positions]
        where = f"{self.path}, {' and '.join(places)}" if places else self.path
        return f"{where}: the installed Docker Engine would refuse this file: {objection}"

    # -- reading -------------------------------------------------------------------------------------------------------

    def _elements(self) -> Sequence[json_reader.Node]:
        node = self._document.find(MIRRORS)
        return () if node is None or node.value is None else node.elements

    def _read_list(self) -> List[str]:
        node = self._document.find(MIRRORS)
        if node is None or node.value is None:
            return []
        if not isinstance(node.value, list):
            self._refuse(
                self._document.position(node.start), f"{MIRRORS} is not a list of strings", "Fix the file first."
            )
        for element in node.elements:
            if not isinstance(element.value, str):
                where = self._document.position(element.start)
                self._refuse(where, f"an entry of {MIRRORS} is not a string", "Fix the file first.")
        return list(node.value)

    def _refuse_ignored_names(self) -> None:
        for key, value in self.settings.items():
            if key in setting_table.IGNORED_NAMES:
                right = setting_table.IGNORED_NAMES[key]
                why = f'the engine accepts the key "{key}" and ignores it; the right name is "{right}"'
                self._refuse(self._document.key_position(key), why, "Rename it or remove it.")
            if isinstance(value, dict) and MIRRORS in value and not setting_table.of(key).is_free:
                why = f'the engine does not read "{MIRRORS}" inside "{key}", and drops its mirrors at a reload'
                self._refuse(self._document.key_position(key, MIRRORS), why, "Move it to the top level.")

    def _refuse_unknown_keys(self) -> None:
        """Refuse keys that an engine does not know which cannot validate its file itself."""
        for path in self._paths():
            if not setting_table.of(path[-1]).before_validate:
                why = f'Docker Engine before 23.0 does not know the key "{path[-1]}" and would not start'
                self._refuse(self._document.key_position(*path), why, "Remove it.")

    def _paths(self) -> Iterator[Tuple[str, ...]]:
        """Return the paths of the keys that the engine looks at: those inside of objects are settings too."""
        for key, value in self.settings.items():
            if isinstance(value, dict) and not setting_table.of(key).is_free:
                yield from ((key, inner) for inner in value)
            else:
                yield (key,)

    def _refuse(self, position: Tuple[int, int], why: str, advice: str) -> NoReturn:
        line, column = position
        raise Refused(f"{self.path}, line {line}, column {column}: {why}", advice)
