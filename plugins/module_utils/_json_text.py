# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Edit JSON as text: change one member and leave every other byte as it is.

Private to the collection C(pullthrough.docker): it may change at any time, without notice. Pure: it touches nothing.

What one reader of JSON takes and another refuses, or two readers understand differently, is refused with line and column.
"""

from __future__ import annotations

import codecs
import json
import re

from typing import Any, Dict, Iterator, List, NamedTuple, NoReturn, Optional, Sequence, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils import _mirror_url

NEW_FILE = "{\n}\n"
"""What a missing or blank file is edited as."""

DEPTH_LIMIT = 100
"""Objects and arrays within each other; the deepest setting of an engine has five."""

_BOM = "\ufeff"
_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORD = re.compile(r"[A-Za-z0-9_.+-]+")
_HALF_PAIR = re.compile(r"[\ud800-\udfff]")
_CONSTANTS = {"true": True, "false": False, "null": None}
_SECRET_KEY = re.compile(_mirror_url.SECRET_KEY, re.IGNORECASE)
_SECRET_STRING = re.compile(rf"[^\s=:]{{0,100}}(?:{_mirror_url.SECRET_KEY})[\w.-]{{0,100}}\s*[=:]", re.IGNORECASE)


class JsonTextError(ValueError):
    """Text that is not JSON as all readers understand it. C(line) and C(column) count from 1, in characters."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(f"line {line}, column {column}: {message}")
        self.message = message
        self.line = line
        self.column = column


class Number(NamedTuple):
    """A number as it is written. It is never converted, so that no digit is lost."""

    text: str


class Node(NamedTuple):
    """A value and the characters that hold it. C(members) is for objects, C(elements) for arrays."""

    start: int
    end: int
    value: Any
    members: Dict[str, Member]
    elements: List[Node]


class Member(NamedTuple):
    """A key of an object, the characters that hold it, and its value."""

    key_start: int
    key_end: int
    node: Node


class Document:
    """A text and what it holds; a blank text is taken for L(NEW_FILE)."""

    def __init__(self, text: str) -> None:
        self.bom = text.startswith(_BOM)
        self.text = text if text.strip(_BOM + " \t\r\n") else _BOM * self.bom + NEW_FILE
        self.root = _Parser(self.text, int(self.bom)).document()

    def find(self, *path: str) -> Optional[Node]:
        """The value at a path of keys, or None."""
        node: Optional[Node] = self.root
        for key in path:
            member = node.members.get(key) if node else None
            node = member.node if member else None
        return node

    def key_position(self, *path: str) -> Tuple[int, int]:
        """Line and column of the key at the end of a path that exists."""
        members = self.root.members
        for key in path[:-1]:
            members = members[key].node.members
        return self.position(members[path[-1]].key_start)

    def position(self, offset: int) -> Tuple[int, int]:
        """Line and column of a character."""
        return _position(self.text, offset)


def decode(data: bytes) -> str:
    """The text of a file. A byte order mark stays, as its first character.

    :raises JsonTextError: when it is not UTF-8.
    """
    try:
        return data.decode()
    except UnicodeDecodeError as exc:
        line, column = _position(data[: exc.start].decode(), exc.start)
        what = "UTF-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "not UTF-8"
        raise JsonTextError(f"the text is {what}; save it as UTF-8", line, column) from exc


def parse(text: str) -> Document:
    """Read a text whose root is an object; a blank one counts as an empty object.

    :raises JsonTextError: when it is not JSON, is JSON that two readers understand differently, or is not an object.
    """
    return Document(text)


def set_member(text: str, path: Sequence[str], value: Any) -> str:
    """The text with the member at a path of keys set, in the style that the text has.

    A value that changes keeps its layout, and elements of a list that stay keep their spelling. A new member comes last.

    :param value: None, bool, str, L(Number), or lists and dictionaries of those.
    :raises JsonTextError: when the text cannot be read, or a key before the last one is there and no object.
    """
    document = parse(text)
    parent = document.root
    for depth, key in enumerate(path):
        member = parent.members.get(key)
        if member is None:
            for inner in reversed(path[depth + 1 :]):
                value = {inner: value}
            return _checked(document, path[: depth + 1], _insert(document, parent, key, value, depth), value)
        if depth == len(path) - 1:
            break
        parent = member.node
        if not isinstance(parent.value, dict):
            raise JsonTextError(f'"{key}" is not an object', *document.position(parent.start))
    node = parent.members[path[-1]].node
    if is_same(node.value, value):
        return text
    return _checked(document, path, _replace(document, node, value), value)


def remove_member(text: str, path: Sequence[str]) -> str:
    """The text without the member at a path of keys; where there is none, the text as it is.

    It undoes the L(set_member) that added the member, to the byte.

    :raises JsonTextError: when the text cannot be read.
    """
    document = parse(text)
    parent = document.find(*path[:-1])
    if parent is None or path[-1] not in parent.members:
        return text
    keys = list(parent.members)
    index = keys.index(path[-1])
    member = parent.members[path[-1]]
    if len(keys) == 1:
        start, end = parent.start + 1, member.node.end
    elif index == len(keys) - 1:
        start, end = text.index(",", parent.members[keys[index - 1]].node.end), member.node.end
    else:
        start, end = member.key_start, parent.members[keys[index + 1]].key_start
    return _checked(document, path, text[:start] + text[end:], _ABSENT)


def masked(text: str) -> str:
    """The text with its secrets masked, to be shown: user parts of URLs, and values of keys called token, password and the like."""
    try:
        document = parse(text)
    except JsonTextError:
        return _mirror_url.printable(_mirror_url.without_secrets(text))
    parts: List[str] = []
    done = 0
    for start, end, shown in _secrets(document.root, ""):
        parts += (text[done:start], shown)
        done = end
    return _mirror_url.printable("".join(parts) + text[done:])


def _secrets(node: Node, key: str) -> Iterator[Tuple[int, int, str]]:
    """What is to be shown in place of which characters, in their order.

    :param key: of the member that the node is, or is in.
    """
    for name, member in node.members.items():
        if _SECRET_KEY.search(name):
            yield member.node.start, member.node.end, '"***"'
        else:
            yield from _secrets(member.node, name)
    for element in node.elements:
        yield from _secrets(element, key)
    if isinstance(node.value, str):
        # The value itself is looked at, since escapes can hide in its spelling what it is.
        shown = _masked_string(key, node.value)
        if shown != node.value:
            yield node.start, node.end, json.dumps(shown)


def _masked_string(key: str, value: str) -> str:
    pair = _SECRET_STRING.match(value)
    if pair:
        return f"{pair.group()}***"
    if "proxy" in key.lower():
        return _mirror_url.without_secrets(f"proxy={value}")[len("proxy=") :]
    return _mirror_url.without_secrets(value)


def _position(text: str, offset: int) -> Tuple[int, int]:
    before = text[:offset]
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


# -- reading ---------------------------------------------------------------------------------------------------------


class _Parser:
    """A reader of RFC 8259 that keeps offsets and refuses what readers disagree on."""

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
                self._fail("comments are not JSON, and the engine refuses them", self._at)
            self._fail(
                "there is more text after the end of the object; Docker Engine 20.10 passes over it, and 23.0 and later do not start",
                self._at,
            )
        return root

    def _value(self, depth: int) -> Node:
        if depth > DEPTH_LIMIT:
            self._fail(f"more than {DEPTH_LIMIT} objects and arrays within each other", self._at)
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
        self._fail(self._objection("a value"), start)

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
                self._fail(self._objection("a key in double quotes"), key_start)
            key = self._string()
            key_end = self._at
            if _HALF_PAIR.search(key):
                self._fail("the key holds half of a surrogate pair, which readers understand differently", key_start)
            if key in members:
                line, _column = _position(self._text, members[key].key_start)
                self._fail(f'the key "{key}" is here for the second time (first in line {line}); readers disagree on which counts', key_start)
            self._skip()
            if not self._text.startswith(":", self._at):
                self._fail(self._objection('":" after the key'), self._at)
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
        """Pass over the closing bracket, or over a comma to what comes next."""
        self._skip()
        if self._text.startswith(bracket, self._at):
            self._at += 1
            return True
        if not self._text.startswith(",", self._at):
            self._fail(self._objection(f'"," or "{bracket}"'), self._at)
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
            self._fail("the string that begins here does not end, or holds a line break, a control character or a wrong escape", start)
        self._at = match.end()
        value: str = json.loads(match.group())
        return value

    def _skip(self) -> None:
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _objection(self, wanted: str) -> str:
        found = self._text[self._at : self._at + 1]
        if self._text.startswith(("//", "/*", "#"), self._at):
            return "comments are not JSON, and the engine refuses them"
        if found == "'":
            return "JSON strings are in double quotes, not in single ones"
        if not found:
            return f"the text ends where {wanted} is missing"
        word = _WORD.match(self._text, self._at)
        # A word is not quoted: where quotes are missing, it can be a password.
        return f"here stands {'a word' if word else json.dumps(found)} where {wanted} is missing"

    def _fail(self, message: str, offset: int) -> NoReturn:
        raise JsonTextError(message, *_position(self._text, offset))


# -- writing ---------------------------------------------------------------------------------------------------------


class _Style(NamedTuple):
    """How a text is laid out. C(newline) is empty for a text of one line."""

    newline: str
    unit: str
    colon: str
    comma: str
    lists_on_lines: bool


def _style(document: Document) -> _Style:
    text, root = document.text, document.root
    first = next(iter(root.members.values()), None)
    lead = text[root.start + 1 : first.key_start if first else root.end]
    newline = _newline(text) if "\n" in lead else ""
    unit = lead.rpartition("\n")[2] if newline and first else "  "
    colon = text[first.key_end : first.node.start] if first else ": "
    if "\n" in colon:
        colon = ": "
    lists = [node for node in _arrays(root) if node.elements]
    lists_on_lines = bool(newline) and (not lists or "\n" in text[lists[0].start : lists[0].end])
    return _Style(newline, unit, colon, "," if colon.endswith(":") else ", ", lists_on_lines)


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _arrays(node: Node) -> Iterator[Node]:
    for member in node.members.values():
        if isinstance(member.node.value, list):
            yield member.node
        yield from _arrays(member.node)


def _insert(document: Document, parent: Node, key: str, value: Any, depth: int) -> str:
    """The text with a new last member, placed so that removing it gives the text back."""
    text, style = document.text, _style(document)
    members = list(parent.members.values())
    if members:
        last = members[-1]
        before = text[: last.key_start]
        space = before[len(before.rstrip()) :]
        on_lines = "\n" in space
        indent = space.rpartition("\n")[2]
        if len(members) == 1:
            space = style.comma[1:]
        at, comma = last.node.end, ","
    else:
        space = text[parent.start + 1 : parent.end - 1]
        on_lines = "\n" in space
        indent = style.unit * (depth + 1)
        at, comma = parent.start + 1, ""
    newline = _newline(text) if on_lines else ""
    if on_lines:
        space = newline + indent
    style = style._replace(newline=newline, lists_on_lines=on_lines and (style.lists_on_lines or not style.newline))
    return text[:at] + comma + space + _spelled(key) + style.colon + _render(value, style, indent) + text[at:]


def _replace(document: Document, node: Node, value: Any) -> str:
    """The text with another value in the place of a node."""
    text, style = document.text, _style(document)
    if isinstance(value, list) and value and node.elements:
        rendered = _render_over(text, node, value, style)
    else:
        line = text[: node.start].rpartition("\n")[2]
        rendered = _render(value, style, line[: len(line) - len(line.lstrip())])
    return text[: node.start] + rendered + text[node.end :]


def _render_over(text: str, node: Node, value: List[Any], style: _Style) -> str:
    """A list in the layout of the list that it replaces, with the spelling of the elements that stay."""
    elements = node.elements
    opening = text[node.start + 1 : elements[0].start]
    closing = text[elements[-1].end : node.end - 1]
    separators = [text[one.end : two.start] for one, two in zip(elements, elements[1:])]
    separator = separators[-1] if separators else "," + opening if "\n" in opening else style.comma
    indent = opening.rpartition("\n")[2]
    rendered: List[str] = []
    stays = True
    for index, item in enumerate(value):
        stays = stays and index < len(elements) and is_same(elements[index].value, item)
        known = elements[index] if stays else next((element for element in elements if is_same(element.value, item)), None)
        if index:
            rendered.append(separators[index - 1] if stays else separator)
        rendered.append(text[known.start : known.end] if known else _render(item, style, indent))
    return f"[{opening}{''.join(rendered)}{closing}]"


def _render(value: Any, style: _Style, indent: str) -> str:
    if isinstance(value, Number):
        return value.text
    if not isinstance(value, (list, dict)) or not value:
        return _spelled(value)
    on_lines = style.lists_on_lines if isinstance(value, list) else bool(style.newline)
    inner = indent + style.unit
    if isinstance(value, list):
        items = [_render(item, style, inner) for item in value]
    else:
        items = [_spelled(key) + style.colon + _render(item, style, inner) for key, item in value.items()]
    opening, closing = "[]" if isinstance(value, list) else "{}"
    if not on_lines:
        return opening + style.comma.join(items) + closing
    return opening + style.newline + inner + f",{style.newline}{inner}".join(items) + style.newline + indent + closing


def _spelled(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


# -- proof -----------------------------------------------------------------------------------------------------------

_ABSENT = object()


def _checked(document: Document, path: Sequence[str], text: str, value: Any) -> str:
    """The new text, when it holds exactly the wanted value at the path and every other member byte for byte.

    :raises JsonTextError: when it does not, which would be an error of this file: better no change than a wrong one.
    """
    changed = parse(text)
    node = changed.find(*path)
    right = node is None if value is _ABSENT else node is not None and is_same(node.value, value)
    if not right or _others(document, path) != _others(changed, path):
        raise JsonTextError("this text cannot be edited safely; edit it by hand", 1, 1)
    return text


def _others(document: Document, path: Sequence[str]) -> List[str]:
    """The text of every member beside the path, level by level, and what stands around the root."""
    text, members = document.text, document.root.members
    texts = [text[: document.root.start], text[document.root.end :]]
    for key in path:
        texts += [text[member.key_start : member.node.end] for name, member in members.items() if name != key]
        members = members[key].node.members if key in members else {}
    return texts


def is_same(one: Any, other: Any) -> bool:
    """Whether two values are equal, and of the same types: a number is not the string that looks like it, and true is not 1."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(is_same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    return bool(one == other)
