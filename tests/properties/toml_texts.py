# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TOML texts as people and tools write them, and damaged ones."""

from __future__ import annotations

import json

from hypothesis import strategies as st

_BLANKS = st.text(" \t", max_size=2)
_NEWLINES = st.sampled_from(["\n", "\n", "\n", "\r\n", "\n\n", " \n\t\n"])
_COMMENTS = st.just("") | st.sampled_from(["#", " # c", "\t## [a]", '# "\u00e9'])

# Few names, so that many texts name one table twice.
_KEY_PARTS = st.sampled_from(
    ["a", "a", "b", "b", "c", '"a"', "'b'", '"\\u0061"', "host", "server", '""', "1", "-", '"https://a.example"', "'.'"]
)
_KEYS = st.builds(
    lambda parts, blanks: f"{blanks}.{blanks}".join(parts), st.lists(_KEY_PARTS, min_size=1, max_size=3), _BLANKS
)

_WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6)
_STRINGS = st.one_of(
    _WORDS.map(lambda word: json.dumps(word, ensure_ascii=False)),
    _WORDS.map(lambda word: f"'{word.replace(chr(39), '')}'"),
    st.sampled_from(
        [
            '""', "''", '""""""', "''''''", '"""\na"""', "'''\r\na\n'''", '"""a""b"""', '""""a"""""', "'''a'''''",
            '"""a\\\n  b"""', '"""a\\ \r\n\r\n b"""', '"""\\""""', '"\\U0001F600"', '"\\t\\\\"', '"""\r\n\r\n"""',
        ]
    ),
)  # fmt: skip
_DIGITS = st.builds(
    lambda sign, parts: sign + "_".join(parts),
    st.sampled_from(["", "", "+", "-"]),
    st.lists(st.text("0123456789", min_size=1, max_size=3), min_size=1, max_size=3),
)
_NUMBERS = st.one_of(
    st.integers(-(2**64), 2**64).map(str),
    _DIGITS,
    st.builds(
        "{}{}{}".format, _DIGITS, st.sampled_from(["", ".", ".5", ".0_1", "_"]), st.sampled_from(["", "e1", "E+0"])
    ),
    st.sampled_from(["0x1f", "0xDEAD_beef", "0o17", "0b10", "inf", "-inf", "+nan", "true", "false", "1e400", "0x0_0"]),
)
_DATES = st.one_of(
    st.datetimes().map(lambda time: time.isoformat()),
    st.datetimes(timezones=st.timezones()).map(lambda time: time.isoformat(sep=" ")),
    st.dates().map(str),
    st.times().map(str),
    st.builds(
        "{:04d}-{:02d}-{:02d}{}{:02d}:{:02d}:{:02d}{}{}".format,
        st.integers(0, 9999), st.integers(0, 13), st.integers(0, 32), st.sampled_from("Tt "),
        st.integers(0, 24), st.integers(0, 60), st.integers(0, 60), st.sampled_from(["", ".1", ".12345678", "."]),
        st.sampled_from(["", "Z", "z", "+01:30", "-00:00", "+24:00", "+1"]),
    ),
)  # fmt: skip


def _arrays(inner):
    gaps = st.sampled_from(["", " ", "\n", "\r\n", "# c\n", " \n # d\n"])
    return st.builds(
        lambda values, gap, end: "[" + gap + f"{gap},{gap}".join(values) + (end if values else "") + gap + "]",
        st.lists(inner, max_size=3),
        gaps,
        st.sampled_from(["", ","]),
    )


def _inline_tables(inner):
    return st.builds(
        lambda pairs, blanks: "{" + blanks + ",".join(f"{key}{blanks}={value}{blanks}" for key, value in pairs) + "}",
        st.lists(st.tuples(_KEYS, inner), max_size=3),
        _BLANKS,
    )


_VALUES = st.recursive(_STRINGS | _NUMBERS | _DATES, lambda inner: _arrays(inner) | _inline_tables(inner), max_leaves=6)
_PAIRS = st.builds("{0}{1}{2}={2}{3}".format, _BLANKS, _KEYS, _BLANKS, _VALUES)
_HEADERS = st.builds(
    lambda brackets, key, blanks: blanks + brackets.format(blanks + key + blanks),
    st.sampled_from(["[{}]", "[{}]", "[[{}]]"]),
    _KEYS,
    _BLANKS,
)
_LINES = st.builds("{}{}".format, st.one_of(_PAIRS, _HEADERS, _HEADERS, st.just("")), _COMMENTS)
_ANY_TEXTS = st.builds(
    lambda lines, last: "".join(line + newline for line, newline in lines) + last,
    st.lists(st.tuples(_LINES, _NEWLINES), max_size=7),
    _LINES,
)


@st.composite
def _texts_of_tables(draw):
    """Draw a text whose keys are all different: mostly valid."""
    number = draw(st.integers(0, 3))
    lines = [f"k{index} = {draw(_STRINGS | _arrays(_STRINGS))}" for index in range(draw(st.integers(0, 2)))]
    for index in range(number):
        lines.append(draw(st.sampled_from(["", "# c", " "])))
        lines.append(draw(st.sampled_from([f'[host."https://{index}.example"]', f"[t{index}]", "[[registry]]"])))
        lines.append(draw(st.sampled_from(["x = 1", 'capabilities = ["pull"] # d', "", "y.z = {a = 1}", "# e"])))
    newline = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    return newline.join(lines) + draw(st.sampled_from(["", newline, newline * 2]))


_DAMAGE = [
    "", "", ",", ".", "=", "[", "]", "[[", "]]", "{", "}", '"', "'", '"""', "'''", "\\", "#", "\n", "\r", "\r\n", " ",
    "_", "0", "-", "+", ":", "T", "e", "\x00", "\x7f", "\ufeff", "\xa0", "\u2028", "\\u", "\\ud800", "a = 1\n", "[a]\n",
]  # fmt: skip


@st.composite
def _damaged_texts(draw):
    text = draw(_ANY_TEXTS | _texts_of_tables())
    for _count in range(draw(st.integers(1, 2))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(_DAMAGE)) + text[at + draw(st.integers(0, 3)) :]
    return text


EDITABLE_TOML_TEXTS = _texts_of_tables()
"""Texts with several tables, mostly valid."""

TOML_TEXTS = _ANY_TEXTS | _texts_of_tables() | _damaged_texts()
"""Texts that are valid or nearly valid."""
