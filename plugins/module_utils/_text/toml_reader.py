# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""A strict reader of TOML 1.0: every key, value and table header with its position, and errors with line and column.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: no input, no output.
"""

from __future__ import annotations

import bisect
import enum
import re

from typing import Any, Dict, List, NamedTuple, NoReturn, Optional, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._text import json_reader, toml_scalar

DEPTH_LIMIT = 100
"""Levels of tables and arrays. Each part of a key is a level."""

_BLANKS = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


class TomlTextError(ValueError):
    """Text that is not TOML. ``line`` and ``column`` count from 1."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(f"line {line}, column {column}: {message}")
        self.message = message
        self.line = line
        self.column = column


class Kind(enum.Enum):
    """How a value is written. This decides what may be added to it later in the text."""

    SCALAR = "a string, number, boolean or date"
    ARRAY = "an array in brackets"
    INLINE = "a table in braces"
    NAMED = "a table that only the headers of its subtables name"
    HEADER = "a table with a header of its own, or the root"
    DOTTED = "a table that a dotted key makes"
    TABLES = "an array of tables with headers"


CLOSED = (Kind.SCALAR, Kind.ARRAY, Kind.INLINE)
"""The kinds of values that end where they are written."""

_LISTS = (Kind.ARRAY, Kind.TABLES)


class Node:
    """A value. ``members`` is for tables, ``elements`` for arrays.

    ``start`` and ``end`` are the characters of the value. Those of a table without braces are the header or the part of
    a key that names it first.
    """

    def __init__(self, kind: Kind, start: int, end: int, *, scalar: Any = None) -> None:
        self.kind = kind
        self.start = start
        self.end = end
        self.scalar = scalar
        self.members: Dict[str, Member] = {}
        self.elements: List[Node] = []

    @property
    def value(self) -> Any:
        """The value as Python's own types."""
        if self.kind is Kind.SCALAR:
            return self.scalar
        if self.kind in _LISTS:
            return [element.value for element in self.elements]
        return {name: member.node.value for name, member in self.members.items()}


class Key(NamedTuple):
    """One part of a key, and the characters that it occupies."""

    name: str
    start: int
    end: int


class Member(NamedTuple):
    """A key of a table where it is first named, and its value."""

    key: Key
    node: Node


class Header(NamedTuple):
    """The header of a table, the characters that it occupies, and where its last key and value end."""

    path: Tuple[str, ...]
    start: int
    end: int
    content_end: int
    is_array: bool


class Document:
    """A text and the values in it. ``headers`` are in the order of the text.

    ``root_end`` is the end of the last value before the first header, or 0.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]
        parser = _Parser(self)
        parser.read()
        self.root = parser.root
        self.headers = parser.headers
        self.root_end = parser.root.end

    def find(self, *path: str) -> Optional[Member]:
        """Return key and value at a path of keys through tables, or None."""
        member: Optional[Member] = None
        node: Optional[Node] = self.root
        for name in path:
            member = node.members.get(name) if node else None
            node = member.node if member else None
        return member

    def header(self, *path: str) -> Optional[Header]:
        """Return the header of a table that is not in an array of tables, or None."""
        return next((header for header in self.headers if header.path == path and not header.is_array), None)

    def line(self, offset: int) -> int:
        """Return the line of a character."""
        return bisect.bisect_right(self._lines, offset)

    def position(self, offset: int) -> Tuple[int, int]:
        """Return line and column of a character."""
        line = self.line(offset)
        return line, offset - self._lines[line - 1] + 1


def decode(data: bytes) -> str:
    """Return the text of a file.

    :raises TomlTextError: when it is not UTF-8.
    """
    try:
        return json_reader.decode(data)
    except json_reader.JsonTextError as exc:
        raise TomlTextError(exc.message, exc.line, exc.column) from exc


def parse(text: str) -> Document:
    """Return the document of a text.

    :raises TomlTextError: when it is not TOML 1.0, or nested more than ``DEPTH_LIMIT`` levels deep.
    """
    return Document(text)


# -- reading ---------------------------------------------------------------------------------------------------------


class _Parser:
    """A reader of TOML 1.0 that keeps offsets."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._text = document.text
        self._at = 0
        self.root = Node(Kind.HEADER, 0, 0)
        self.headers: List[Header] = []
        self._table = self.root
        self._level = 0

    def read(self) -> None:
        while self._at < len(self._text):
            self._skip_blanks()
            next_character = self._text[self._at : self._at + 1]
            if next_character == "[":
                self._header()
            elif next_character not in ("", "#", "\r", "\n"):
                self._pair(self._table, self._level)
                if self.headers:
                    self.headers[-1] = self.headers[-1]._replace(content_end=self._at)
                else:
                    self.root.end = self._at
            self._end_of_line()

    def _header(self) -> None:
        start = self._at
        is_array = self._text.startswith("[[", start)
        self._at += 2 if is_array else 1
        keys = self._key()
        bracket = "]]" if is_array else "]"
        self._take(bracket, f"{bracket} after the name of the table")
        path = tuple(key.name for key in keys)
        self._check_depth(len(path), start)
        self.headers.append(Header(path, start, self._at, self._at, is_array))
        self._level = len(path)
        parent = self.root
        for key in keys[:-1]:
            parent = self._subtable(parent, key)
        self._table = self._open(parent, keys[-1], start, is_array)

    def _subtable(self, parent: Node, key: Key) -> Node:
        """Return the table that a part of a header names before the last part. In an array, that is the last table."""
        member = parent.members.get(key.name)
        if member is None:
            return self._add(parent, key, Node(Kind.NAMED, key.start, key.end))
        if member.node.kind in CLOSED:
            self._refuse_second(member, key)
        return member.node.elements[-1] if member.node.kind is Kind.TABLES else member.node

    def _open(self, parent: Node, key: Key, start: int, is_array: bool) -> Node:
        """Return the table that a header begins."""
        member = parent.members.get(key.name)
        node = Node(Kind.HEADER, start, self._at)
        if is_array:
            if member is None:
                tables = self._add(parent, key, Node(Kind.TABLES, start, self._at))
            elif member.node.kind is Kind.TABLES:
                tables = member.node
            else:
                self._refuse_second(member, key)
            tables.elements.append(node)
            return node
        if member is None:
            return self._add(parent, key, node)
        if member.node.kind is not Kind.NAMED:
            self._refuse_second(member, key)
        member.node.kind, member.node.start, member.node.end = Kind.HEADER, start, self._at
        parent.members[key.name] = Member(key, member.node)
        return member.node

    def _pair(self, table: Node, level: int) -> None:
        keys = self._key()
        self._take("=", "= after the key")
        self._skip_blanks()
        for key in keys[:-1]:
            table = self._dotted(table, key)
        key = keys[-1]
        if key.name in table.members:
            self._refuse_second(table.members[key.name], key)
        self._add(table, key, self._value(level + len(keys)))

    def _dotted(self, parent: Node, key: Key) -> Node:
        """Return the table that a part of a dotted key names. Only keys of the same section can come here twice."""
        member = parent.members.get(key.name)
        if member is None:
            return self._add(parent, key, Node(Kind.DOTTED, key.start, key.end))
        node = member.node
        if node.kind is Kind.NAMED:
            node.kind = Kind.DOTTED
        elif node.kind is not Kind.DOTTED:
            self._refuse_second(member, key)
        return node

    def _key(self) -> List[Key]:
        keys: List[Key] = []
        while True:
            self._skip_blanks()
            keys.append(self._key_part())
            self._skip_blanks()
            if not self._text.startswith(".", self._at):
                return keys
            self._at += 1

    def _key_part(self) -> Key:
        start = self._at
        if self._text[start : start + 1] in ('"', "'"):
            try:
                name, self._at = toml_scalar.string(self._text, start)
            except toml_scalar.ScalarError as exc:
                self._fail(exc.message, exc.offset)
            return Key(name, start, self._at)
        bare = _BARE_KEY.match(self._text, start)
        if not bare:
            self._fail(f"expected a key, found {toml_scalar.shown(self._text, start)}", start)
        self._at = bare.end()
        return Key(bare.group(), start, self._at)

    # -- values --------------------------------------------------------------------------------------------------------

    def _value(self, level: int) -> Node:
        start = self._at
        self._check_depth(level, start)
        if self._text.startswith("[", start):
            return self._array(level)
        if self._text.startswith("{", start):
            return self._inline_table(level)
        try:
            scalar, self._at = toml_scalar.read(self._text, start)
        except toml_scalar.ScalarError as exc:
            self._fail(exc.message, exc.offset)
        return Node(Kind.SCALAR, start, self._at, scalar=scalar)

    def _array(self, level: int) -> Node:
        node = Node(Kind.ARRAY, self._at, self._at)
        self._at += 1
        self._skip_lines()
        while not self._text.startswith("]", self._at):
            node.elements.append(self._value(level + 1))
            self._skip_lines()
            if self._text.startswith(",", self._at):
                self._at += 1
                self._skip_lines()
            elif not self._text.startswith("]", self._at):
                self._take("]", ", or ] in the array")
        self._at += 1
        node.end = self._at
        return node

    def _inline_table(self, level: int) -> Node:
        node = Node(Kind.INLINE, self._at, self._at)
        self._at += 1
        self._skip_blanks()
        while not self._text.startswith("}", self._at):
            self._pair(node, level)
            self._skip_blanks()
            if not self._text.startswith("}", self._at):
                self._take(",", ", or } in the table")
                self._skip_blanks()
                if self._text.startswith("}", self._at):
                    self._fail("a comma with nothing after it is not allowed in a table in braces", self._at - 1)
        self._at += 1
        node.end = self._at
        return node

    # -- helpers -------------------------------------------------------------------------------------------------------

    def _add(self, table: Node, key: Key, node: Node) -> Node:
        table.members[key.name] = Member(key, node)
        return node

    def _skip_blanks(self) -> None:
        match = _BLANKS.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _skip_comment(self) -> None:
        self._skip_blanks()
        comment = toml_scalar.COMMENT.match(self._text, self._at)
        self._at = comment.end() if comment else self._at

    def _skip_newline(self) -> bool:
        newline = toml_scalar.NEWLINE.match(self._text, self._at)
        self._at = newline.end() if newline else self._at
        return bool(newline)

    def _skip_lines(self) -> None:
        self._skip_comment()
        while self._skip_newline():
            self._skip_comment()

    def _end_of_line(self) -> None:
        self._skip_comment()
        if not self._skip_newline() and self._at < len(self._text):
            self._fail(f"expected the end of the line, found {toml_scalar.shown(self._text, self._at)}", self._at)

    def _take(self, wanted: str, description: str) -> None:
        if not self._text.startswith(wanted, self._at):
            self._fail(f"expected {description}, found {toml_scalar.shown(self._text, self._at)}", self._at)
        self._at += len(wanted)

    def _check_depth(self, level: int, offset: int) -> None:
        if level > DEPTH_LIMIT:
            self._fail(f"tables and arrays are nested more than {DEPTH_LIMIT} levels deep", offset)

    def _refuse_second(self, first: Member, key: Key) -> NoReturn:
        line = self._document.line(first.key.start)
        self._fail(f'"{key.name}" is defined twice (first in line {line}), which TOML does not allow', key.start)

    def _fail(self, message: str, offset: int) -> NoReturn:
        raise TomlTextError(message, *self._document.position(offset))
