# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts as people and tools write them, each with its own style, and damaged ones."""

from __future__ import annotations

import itertools
import json
import re

from typing import NamedTuple

from hypothesis import strategies as st

from ansible_collections.pullthrough.docker.plugins.module_utils._text import json_reader
from ansible_collections.pullthrough.docker.tests.properties.readers import BOM, members, read_json

MIRRORS = ["https://a.example", "https://b.example/", "http://c.example:5000", "https://mirror.gcr.io"]

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
SPACE = st.text(" \t\r\n", max_size=3)


# -- JSON ------------------------------------------------------------------------------------------------------------


def _escaped(text):
    units = text.encode("utf-16-be").hex()
    return '"' + "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4)) + '"'


_SPELLINGS = st.sampled_from(
    [
        lambda text: json.dumps(text, ensure_ascii=False),
        json.dumps,
        lambda text: json.dumps(text).replace("/", "\\/"),
        _escaped,
    ]
)


def _spelled(text):
    return st.builds(lambda spelling, text: spelling(text), _SPELLINGS, text)


_KNOWN = ["registry-mirrors", "debug", "log-opts", "dns", "insecure-registries", "live-restore", "max-size"]
_KEYS = _spelled(st.sampled_from(_KNOWN) | WORDS)
_LEAVES = st.one_of(
    st.sampled_from(
        ["true", "false", "null", "0", "-0", "1E400", "1.10", "-0.5e+3", "123456789012345678901234567890", '"\\ud800"']
    ),
    _spelled(st.sampled_from(MIRRORS) | WORDS),
)


def _objects(inner):
    return st.lists(st.tuples(_KEYS, inner), max_size=4, unique_by=lambda member: json.loads(member[0])).map(tuple)


_TREES = st.recursive(_LEAVES, lambda inner: st.lists(inner, max_size=3) | _objects(inner), max_leaves=6)


class _Style(NamedTuple):
    """The white space after each bracket and comma, by depth; around a colon; and between empty brackets."""

    line: object
    list_line: object
    before_colon: object
    colon: object
    empty: object


def _nothing(_depth=0):
    return ""


def _indented(newline, unit, colon, lists_on_lines):
    def line(depth):
        return newline + unit * depth

    return _Style(line, line if lists_on_lines else _nothing, _nothing, lambda _depth: colon, _nothing)


def _scattered(spaces):
    turn = itertools.cycle(spaces)

    def space(_depth):
        return next(turn)

    return _Style(space, space, space, space, space)


_STYLES = st.one_of(
    st.just(_Style(_nothing, _nothing, _nothing, _nothing, _nothing)),
    st.builds(
        _indented,
        st.sampled_from(["\n", "\r\n"]),
        st.sampled_from(["  ", "    ", "\t", "", " "]),
        st.sampled_from([" ", ""]),
        st.booleans(),
    ),
    st.builds(_indented, st.just(" "), st.just(""), st.just(" "), st.booleans()),
    st.lists(SPACE, min_size=1, max_size=5).map(_scattered),
)


def _written(tree, style, depth=0):
    """Return the text of a tree. Leaves are texts already, objects are tuples of pairs."""
    if isinstance(tree, str):
        return tree
    is_object = isinstance(tree, tuple)
    opening, closing = "{}" if is_object else "[]"
    line = style.line if is_object else style.list_line
    items = [
        f"{item[0]}{style.before_colon(depth)}:{style.colon(depth)}{_written(item[1], style, depth + 1)}"
        if is_object
        else _written(item, style, depth + 1)
        for item in tree
    ]
    if not items:
        return opening + style.empty(depth) + closing
    return opening + line(depth + 1) + ("," + line(depth + 1)).join(items) + line(depth) + closing


def _deep(levels):
    return '{"a":' * levels + "{}" + "}" * levels


@st.composite
def _object_texts(draw):
    style = draw(_STYLES)
    root = draw(_objects(_TREES))
    return draw(st.sampled_from(["", "", BOM])) + draw(SPACE) + _written(root, style) + draw(SPACE)


JSON_TEXTS = st.one_of(
    _object_texts(),
    _object_texts(),
    _object_texts(),
    st.builds(lambda bom, space: bom + space, st.sampled_from(["", BOM]), SPACE),
    st.integers(1, 20).map(_deep),
)
"""Texts of an object, or blank texts, that every reader understands in the same way."""

_DAMAGE = [
    "", ",", ":", "{", "}", "[", "]", '"', "\\", "// x\n", "/* x */", "# x", "'a'", "NaN", "-Infinity",
    "01", "1.", ".5", "\x00", "\x0b", "\xa0", "x", '"debug":1,',
]  # fmt: skip


@st.composite
def _damaged_texts(draw):
    text = draw(_object_texts())
    at = draw(st.integers(0, len(text)))
    return text[:at] + draw(st.sampled_from(_DAMAGE) | WORDS) + text[at + draw(st.integers(0, 3)) :]


@st.composite
def _texts_with_a_key_twice(draw):
    text = draw(_object_texts())
    raw = [member for _key, member in members(text)]
    return text.replace("{", "{" + draw(st.sampled_from(raw)) + ",", 1) if raw else text


DAMAGED_JSON_TEXTS = (
    _damaged_texts() | _texts_with_a_key_twice() | st.integers(90, 110).map(_deep) | st.text(max_size=20)
)
"""Texts that may not be JSON, or that readers understand differently."""

VALUES = st.recursive(
    st.one_of(
        st.booleans(), WORDS, st.sampled_from(["1", "-2.50", "1e3"]).map(json_reader.Number), st.sampled_from(MIRRORS)
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KNOWN) | WORDS, inner, max_size=3),
    max_leaves=4,
)
"""Values that the collection is given to write."""


@st.composite
def paths(draw, text):
    """Draw a path of keys that a text has or could have."""
    node = read_json(text)
    path = []
    for _level in range(draw(st.integers(1, 3))):
        keys = list(node) if isinstance(node, dict) else []
        key = draw((st.sampled_from(keys) if keys else st.nothing()) | st.sampled_from(_KNOWN) | WORDS)
        path.append(key)
        node = node.get(key) if isinstance(node, dict) else None
    return tuple(path)


# -- options files ---------------------------------------------------------------------------------------------------

_PLAIN_PIECES = [
    "--debug", "--dns 8.8.8.8", " ", "  ", "\t", f"--registry-mirror={MIRRORS[0]}", f"--registry-mirror {MIRRORS[1]}",
    "--label=a.b", "$DOCKER_OPTS", "${DOCKER_OPTS}",
]  # fmt: skip
_ODD_PIECES = [
    "$OTHER", "${OTHER}", "${OTHER:-x}", "$DOCKER_OPTS_OLD", "$(echo x)", "`echo x`", "\\", '\\"', "\\$",
    "'", '"', "\\\n", "\n", "\r", ";", "#", " # ", "=",
    "!", "%", "~", "*", "[a]", "é", "\u2028", "\x0b", "\x0c", "\x85", "\udcff",
]  # fmt: skip
_PIECES = st.lists(st.sampled_from(_PLAIN_PIECES), max_size=4).map(" ".join) | st.lists(
    st.sampled_from(_PLAIN_PIECES + _ODD_PIECES), max_size=5
).map("".join)

_OPTIONS_LINES = st.one_of(
    st.builds(
        lambda lead, quote, pieces, tail: f"{lead}DOCKER_OPTS={quote}{pieces}{quote}{tail}",
        st.sampled_from(["", "", "", " ", "\t", "export ", " export  "]),
        st.sampled_from(['"', '"', "'", ""]),
        _PIECES,
        st.sampled_from(["", "", "", " ", " # a note", "\t#", "#x", " \\", ";"]),
    ),
    st.builds(lambda quote, pieces: f"OTHER={quote}{pieces}{quote}", st.sampled_from(['"', "'", ""]), _PIECES),
    st.builds(
        lambda mark, pieces: mark + re.sub(r"[\\\n]", "", pieces),
        st.sampled_from(["# ", "#", " #", "# DOCKER_OPTS="]),
        _PIECES,
    ),
    st.sampled_from(
        [
            "",
            " ",
            "\x0c",
            'DOCKER_OPTS="$OTHER --ipv6"',
            "DOCKER_OPTS=",
            "export DOCKER_OPTS",
            "DOCKER_OPTS+=' --ipv6'",
            "unset DOCKER_OPTS",
        ]
    ),
    st.sampled_from(
        [
            "if false; then\nDOCKER_OPTS=--ipv6\nfi",
            "if true; then\n  DOCKER_OPTS='--ipv6'\nfi",
            ": ${DOCKER_OPTS:=--ipv6}",
        ]
    ),
    st.just("cat <<X\nDOCKER_OPTS=1\nX"),
)
OPTIONS_TEXTS = st.builds(
    lambda lines, newline, end: newline.join(lines) + end * bool(lines),
    st.lists(_OPTIONS_LINES, max_size=4),
    st.sampled_from(["\n", "\n", "\n", "\r\n"]),
    st.sampled_from(["\n", "\n", ""]),
)
"""Files that set DOCKER_OPTS and OTHER in many ways, common and odd ones."""

FLAG_VALUES = st.lists(st.sampled_from(MIRRORS), max_size=3)


# -- units -----------------------------------------------------------------------------------------------------------

_COMMANDS = st.lists(
    st.sampled_from(
        [
            " -H fd://", " \\\n  ", "\\\n", " \\\r\n\t", f" --registry-mirror={MIRRORS[0]}",
            f" --registry-mirror {MIRRORS[1]}", " $DOCKER_OPTS",
            " \\\n# --debug\n --ipv6", " \\\n ; x \\\n--ipv6", " 'a b'", "  ", "\u2028", "\x0c", " \\\\",
        ]
    ),
    max_size=4,
).map(lambda pieces: "/usr/bin/dockerd" + "".join(pieces).rstrip(" \t\r\n"))  # fmt: skip
_UNIT_LINES = st.one_of(
    st.builds(
        "{}{}{}".format, st.sampled_from(["ExecStart", " ExecStart"]), st.sampled_from(["=", " = ", "=\t"]), _COMMANDS
    ),
    st.sampled_from(
        [
            "ExecStart=",
            "[Unit]",
            "[Service]",
            "[Service]",
            " [Service] ",
            "",
            "# ExecStart=/bin/false",
            "; x \\",
            "Environment=A=1",
        ]
    ),
)
UNIT_TEXTS = st.builds(
    lambda head, lines, newline, end: newline.join([*head, *lines]) + end,
    st.sampled_from([["[Service]"], ["[Unit]", "[Service]"], []]),
    st.lists(_UNIT_LINES, max_size=5),
    st.sampled_from(["\n", "\n", "\r\n"]),
    st.sampled_from(["\n", ""]),
)
"""Units and drop-ins, with lines that continue on the next."""


# -- anything --------------------------------------------------------------------------------------------------------

LONG_TEXTS = st.builds(
    lambda head, piece, number, tail: head + piece * number + tail,
    st.sampled_from(
        ["", '{"a": "', "token=", "https://", "DOCKER_OPTS=", 'DOCKER_OPTS="', "-----BEGIN CERTIFICATE-----\n"]
    ),
    st.sampled_from(
        [
            "a", "a", "1", ".", "-", " ", "\t", "\n", "\\", '"', "'", "[", "{", '{"a":', "/", "://", "a://", "@",
            "#", "=", "$", "token", "token=",
            'token:\\"', "--registry-mirror ", " \\\n", "-----BEGIN A-----\n", "é",
        ]
    ),
    st.sampled_from([3, 10000]),
    st.sampled_from(["", "x", '"}', "@", "=", "\x00", "\nDOCKER_OPTS=x\n", "\n-----END CERTIFICATE-----\n"]),
)  # fmt: skip
"""Texts that repeat themselves; a reader that looks back takes too long for them."""
