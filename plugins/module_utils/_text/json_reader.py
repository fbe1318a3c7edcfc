# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""A strict reader of JSON text: every value with its position, and errors with line and column.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: no input, no output.
"""

from __future__ import annotations

import codecs
import json
import re

from typing import Any, Dict, List, NamedTuple, NoReturn, Optional, Tuple, Union

NEW_FILE = "{\n}\n"
"""Text that stands in for a file without settings when it is edited: a missing or blank one, or ``null``."""

DEPTH_LIMIT = 100
"""Levels of objects and arrays; the deepest setting of an engine has five."""

_BOM = "\ufeff"
_NO_SETTINGS = ("", "null")
"""Engines take ``null`` as an empty object (seen on 20.10.24; moby daemon/config/config.go to 29.7.2)."""
_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORD = re.compile(r"[A-Za-z0-9_.+-]+")
_CONSTANTS = {"true": True, "false": False, "null": None}

_HALF_PAIR = re.compile(r"[\ud800-\udfff]")
"""Half of a surrogate pair."""

_COMMENTS = "comments are not JSON, and the engine refuses them"


class JsonTextError(ValueError):
    """Text that is not JSON, or that readers understand differently. ``line`` and ``column`` count from 1."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(f"line {line}, column {column}: {message}")
        self.message = message
        self.line = line
        self.column = column


class Number(NamedTuple):
    """A number as it is written. It is never converted, so no digit is lost."""

    text: str


class Node(NamedTuple):
    """A value and the characters it occupies. ``members`` is for objects, ``elements`` for arrays."""

    start: int
    end: int
    value: Any
    members: Dict[str, Member]
    elements: List[Node]


class Member(NamedTuple):
    """A key of an object, the characters it occupies, and its value."""

    key_start: int
    key_end: int
    node: Node


class Document:
    """A text and the values in it; a text without settings is read as ``NEW_FILE``."""

    def __init__(self, text: str) -> None:
        self.bom = text.startswith(_BOM)
        has_settings = text.strip(_BOM + " \t\r\n") not in _NO_SETTINGS
        self.text = text if has_settings else _BOM * self.bom + NEW_FILE
        self.root = _Parser(self.text, int(self.bom)).document()

    def find(self, *path: Union[str, int]) -> Optional[Node]:
        """Return the value at a path of keys, and of positions in lists, or None."""
        node: Optional[Node] = self.root
        for step in path:
            if node is None:
                return None
            if isinstance(step, int):
                node = node.elements[step] if step < len(node.elements) else None
            else:
                member = node.members.get(step)
                node = member.node if member else None
        return node

    def key_position(self, *path: str) -> Tuple[int, int]:
        """Return line and column of the key at the end of a path that exists."""
        members = self.root.members
        for key in path[:-1]:
            members = members[key].node.members
        return self.position(members[path[-1]].key_start)

    def position(self, offset: int) -> Tuple[int, int]:
        """Return line and column of a character."""
        return _position(self.text, offset)


def decode(data: bytes) -> str:
    """Return the text of a file. A byte order mark stays, as its first character.

    :raises JsonTextError: when it is not UTF-8.
    """
    try:
        return data.decode()
    except UnicodeDecodeError as exc:
        line, column = _position(data[: exc.start].decode(), exc.start)
        what = "UTF-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "not UTF-8"
        raise JsonTextError(f"the text is {what}; save it as UTF-8", line, column) from exc


def parse(text: str) -> Document:
    """Return the document of a text whose root is an object; a blank text and ``null`` count as an empty object.

    :raises JsonTextError: when it is not JSON, when two readers understand it differently, or when it is not an object.
    """
    return Document(text)


def _position(text: str, offset: int) -> Tuple[int, int]:
    before = text[:offset]
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


# -- reading ---------------------------------------------------------------------------------------------------------


class _Parser:
    """A reader of RFC 8259 that keeps offsets, and refuses text that readers understand differently."""

    def __init__(self, text: str, start: int) -> None:
        self._text = text
        self._at = start

    def document(self) -> Node:
        self._skip()
        root = self._value(0)
        if not isinstance(root.value, dict):
            self._fail("the text is not an object, such as {}", root.start)
        self._skip()
        if self._at < len(self._text):
            if self._text[self._at] in "/#":
                self._fail(_COMMENTS, self._at)
            self._fail(
                "there is more text after the end of the object; "
                "Docker Engine 20.10 ignores it, and 23.0 and later do not start",
                self._at,
            )
        return root

    def _value(self, depth: int) -> Node:
        if depth > DEPTH_LIMIT:
            self._fail(f"objects and arrays are nested more than {DEPTH_LIMIT} levels deep", self._at)
        text, start = self._text, self._at
        first = text[start : start + 1]
        if first == "{":
            return self._object(depth)
        if first == "[":
            return self._array(depth)
        if first == '"':
            value = self._string()
            return Node(start, self._at, value, {}, [])
        number = _NUMBER.match(text, start)
        word = _WORD.match(text, start)
        if word and word.group() in _CONSTANTS:
            self._at = word.end()
            return Node(start, self._at, _CONSTANTS[word.group()], {}, [])
        if number and word and number.end() == word.end():
            self._at = number.end()
            return Node(start, self._at, Number(number.group()), {}, [])
        self._fail(self._expected("a value"), start)

    def _object(self, depth: int) -> Node:
        start = self._at
        members: Dict[str, Member] = {}
        self._at += 1
        self._skip()
        if self._text.startswith("}", self._at):
            self._at += 1
            return Node(start, self._at, {}, members, [])
        while True:
            key_start = self._at
            if not self._text.startswith('"', key_start):
                self._fail(self._expected("a key in double quotes"), key_start)
            key = self._string()
            key_end = self._at
            if _HALF_PAIR.search(key):
                self._fail("the key contains half of a surrogate pair, which readers understand differently", key_start)
            if key in members:
                line, _column = _position(self._text, members[key].key_start)
                self._fail(
                    f'the key "{key}" is there twice (first in line {line}), and readers disagree on which one counts',
                    key_start,
                )
            self._skip()
            if not self._text.startswith(":", self._at):
                self._fail(self._expected('":" after the key'), self._at)
            self._at += 1
            self._skip()
            members[key] = Member(key_start, key_end, self._value(depth + 1))
            if self._ends("}"):
                value = {name: member.node.value for name, member in members.items()}
                return Node(start, self._at, value, members, [])

    def _array(self, depth: int) -> Node:
        start = self._at
        elements: List[Node] = []
        self._at += 1
        self._skip()
        if self._text.startswith("]", self._at):
            self._at += 1
            return Node(start, self._at, [], {}, elements)
        while True:
            elements.append(self._value(depth + 1))
            if self._ends("]"):
                return Node(start, self._at, [element.value for element in elements], {}, elements)

    def _ends(self, bracket: str) -> bool:
        """Skip the closing bracket and return True, or skip a comma and return False."""
        self._skip()
        if self._text.startswith(bracket, self._at):
            self._at += 1
            return True
        if not self._text.startswith(",", self._at):
            self._fail(self._expected(f'"," or "{bracket}"'), self._at)
        comma = self._at
        self._at += 1
        self._skip()
        if self._text[self._at : self._at + 1] in ("}", "]"):
            self._fail("a comma with nothing after it is not JSON, and the engine refuses it", comma)
        return False

    def _string(self) -> str:
        start = self._at
        match = _STRING.match(self._text, start)
        if not match:
            self._fail(
                "the string that begins here does not end, "
                "or contains a line break, a control character or an invalid escape",
                start,
            )
        self._at = match.end()
        value: str = json.loads(match.group())
        return value

    def _skip(self) -> None:
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _expected(self, wanted: str) -> str:
        """Return the message that says what is here instead of what was expected."""
        found = self._text[self._at : self._at + 1]
        if self._text.startswith(("//", "/*", "#"), self._at):
            return _COMMENTS
        if found == "'":
            return "JSON strings need double quotes, not single quotes"
        if not found:
            return f"expected {wanted}, found the end of the text"
        word = _WORD.match(self._text, self._at)
        # Do not show the word: where quotes are missing, it can be a password.
        return f"expected {wanted}, found {'a bare word' if word else json.dumps(found)}"

    def _fail(self, message: str, offset: int) -> NoReturn:
        raise JsonTextError(message, *_position(self._text, offset))


def is_same(one: Any, other: Any) -> bool:
    """Return whether two values are equal and of the same types: a number is not a string, and true is not 1."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(is_same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    return bool(one == other)
