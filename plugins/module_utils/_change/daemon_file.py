# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""``registry-mirrors`` in daemon.json: what it lists, and its text with another list.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

from typing import Any, Dict, List, NoReturn, Optional, Sequence, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._rules import mirror_url, setting_table, versions
from ansible_collections.pullthrough.docker.plugins.module_utils._text import json_reader, json_text

KEY = "registry-mirrors"
FLAG = "--registry-mirror"

FILE_CHECKED_SINCE: versions.Version = (23, 0, 0)
"""Since this version the engine's own C(--validate) names unknown keys, and the file may begin with a byte order mark."""


class PlaceError(Exception):
    """What a place holds cannot be used; the text says where, why and what to do."""


class DaemonJson:
    """C(registry-mirrors) in C(daemon.json)."""

    name = "daemon_json"

    def __init__(self, path: str, data: Optional[bytes]) -> None:
        """Read the text of the file, None where it does not exist.

        :raises SourceError: when it is not JSON that every engine and every reader understands in the same way.
        """
        self.path = path
        self.data = data
        try:
            self._text = json_text.NEW_FILE if data is None else json_reader.decode(data)
            self._document = json_reader.parse(self._text)
        except json_reader.JsonTextError as exc:
            self._refuse(exc.line, exc.column, f"{exc.message}. Mend the file first")
        self._refuse_ignored_names()
        self.listed = self._read_list()

    @property
    def settings(self) -> Dict[str, Any]:
        """The settings of the file; numbers stay text."""
        value: Dict[str, Any] = self._document.root.value
        return value

    @property
    def line(self) -> Optional[int]:
        """The line that names the mirrors."""
        return self._document.key_position(KEY)[0] if KEY in self.settings else None

    @property
    def insecure(self) -> List[str]:
        """The entries of C(insecure-registries)."""
        listed = self.settings.get("insecure-registries")
        return [entry for entry in listed if isinstance(entry, str)] if isinstance(listed, list) else []

    def place(self, key: str = KEY) -> str:
        """Where a key stands: the file, and its line when it is there."""
        return f"{self.path}, line {self._document.key_position(key)[0]}" if key in self.settings else self.path

    def check(self, mirrors: Sequence[str], engines: Sequence[Optional[versions.Version]]) -> None:
        """Refuse what an engine of one of these versions would refuse, or take and never use.

        :param mirrors: the list that is to stand in the file.
        :param engines: versions of the running engine and of the installed one, None where unknown.
        :raises SourceError: with file, line and column where the file holds it already.
        """
        for version in engines:
            if version is not None and version < FILE_CHECKED_SINCE:
                if self._document.bom:
                    self._refuse(1, 1, "the file begins with a byte order mark, which Docker Engine before 23.0 refuses. Take it away")
                self._refuse_unknown_keys()
            for mirror in mirrors:
                try:
                    mirror_url.check(mirror, version)
                except mirror_url.MirrorUrlError as exc:
                    if mirror not in self.listed:
                        raise PlaceError(f"{exc} Nothing was changed.") from exc
                    self._refuse(*self._position_of(mirror), f"{exc} Take it out of the list, or declare the list with exclusive: true")

    @property
    def present(self) -> bool:
        """Whether the setting stands here at all: beside a flag, an engine does not start with an empty list either."""
        return KEY in self.settings

    def text(self, mirrors: Sequence[str], *, keep_empty: bool = False, keep_key: bool = True) -> Optional[bytes]:
        """The text of the file with exactly these mirrors, every other byte as it is; None where no file is needed.

        None of them means no key, unless the file already says "none" in its own words and C(keep_key) lets it, or C(keep_empty)
        asks for a C([]): an engine keeps its mirrors when the key is missing at a reload, and drops them for C([])
        (seen on 20.10.24 to 28.5.2).
        """
        if list(mirrors) == self.listed and (mirrors or not keep_empty or self.present) and (keep_key or not self.present):
            return self.data
        if mirrors or keep_empty:
            return json_text.set_member(self._text, [KEY], list(mirrors)).encode()
        return json_text.remove_member(self._text, [KEY]).encode()

    def locate(self, message: str) -> str:
        """An objection of the engine, with the lines of the keys of this file that it names."""
        places = [
            f"line {line}, column {column}"
            for key in self.settings
            if key in message
            for line, column in [self._document.key_position(key)]
        ]
        where = f"{self.path}, {' and '.join(sorted(places))}" if places else self.path
        return f"{where}: the installed Docker Engine would refuse this file: {message}"

    def _read_list(self) -> List[str]:
        node = self._document.find(KEY)
        if node is None or node.value is None:
            return []
        if not isinstance(node.value, list):
            self._refuse(*self._document.position(node.start), f"{KEY} is not a list of strings. Mend the file first")
        for element in node.elements:
            if not isinstance(element.value, str):
                self._refuse(*self._document.position(element.start), f"an entry of {KEY} is not a string. Mend the file first")
        return list(node.value)

    def _refuse_ignored_names(self) -> None:
        for key, value in self.settings.items():
            if key in setting_table.IGNORED_NAMES:
                self._refuse(
                    *self._document.key_position(key),
                    f'the engine takes the key "{key}" and ignores it; it is called "{setting_table.IGNORED_NAMES[key]}". Rename it or take it out',
                )
            if isinstance(value, dict) and KEY in value and key not in setting_table.FREE_OBJECTS:
                self._refuse(
                    *self._document.key_position(key, KEY),
                    f'"{KEY}" inside "{key}" is not read by the engine, and clears its mirrors at a reload. Move it to the top level',
                )

    def _refuse_unknown_keys(self) -> None:
        """Before 23.0 there is no C(dockerd --validate); the names of that last release without it are known."""
        for key, value in self.settings.items():
            nested = isinstance(value, dict) and key not in setting_table.FREE_OBJECTS
            for path in [(key, inner) for inner in value] if nested else [(key,)]:
                if path[-1] not in setting_table.KEYS_BEFORE_VALIDATE:
                    self._refuse(
                        *self._document.key_position(*path),
                        f'Docker Engine before 23.0 does not know the key "{path[-1]}" and would not start. Take it out',
                    )

    def _position_of(self, mirror: str) -> Tuple[int, int]:
        elements = self._document.root.members[KEY].node.elements
        return self._document.position(next(element.start for element in elements if element.value == mirror))

    def _refuse(self, line: int, column: int, message: str) -> NoReturn:
        raise PlaceError(f"{self.path}, line {line}, column {column}: {message}. Nothing was changed.")
