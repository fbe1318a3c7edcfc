# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Readers that share nothing with the collection: they say what a text means."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import re
import shutil
import subprocess
import time

BOM = "\ufeff"
FLAG = "--registry-mirror"


# -- JSON, by Python's own reader ------------------------------------------------------------------------------------


def _object(pairs):
    found = collections.OrderedDict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _constant(word):
    raise ValueError(f"{word} is not JSON")


_JSON = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=lambda text: (text,),
    parse_float=lambda text: (text,),
    parse_constant=_constant,
)


def read_json(text):
    """Return the value of a text: objects in the order of their keys, numbers as (text,).

    :raises ValueError: when it is not plain JSON.
    """
    bare = text[len(BOM) :] if text.startswith(BOM) else text
    return _JSON.decode(bare) if bare.strip(" \t\r\n") else collections.OrderedDict()


def as_read(value):
    """Return a value given to the collection, as ``read_json`` would return it."""
    if isinstance(value, dict):
        return collections.OrderedDict((key, as_read(inner)) for key, inner in value.items())
    return [as_read(inner) for inner in value] if isinstance(value, list) else value


def members(text):
    """Return the members of an object: each key, and the text from the key to the end of its value."""
    found = []
    at = text.find("{") + 1
    while at:
        start = at + len(text[at:]) - len(text[at:].lstrip(" \t\r\n,"))
        if not text.startswith('"', start):
            break
        key, end = json.decoder.scanstring(text, start + 1)
        value = re.compile(r"[ \t\r\n]*:[ \t\r\n]*").match(text, end).end()
        _read, at = _JSON.raw_decode(text, value)
        found.append((key, text[start:at]))
    return found


def value_text(member):
    """Return the text of a member's value."""
    _key, end = json.decoder.scanstring(member, 1)
    return member[end:].lstrip(" \t\r\n")[1:].lstrip(" \t\r\n")


# -- options files ---------------------------------------------------------------------------------------------------


class Shell:
    """A real shell that reads one file after another. It finds no program to start."""

    def __init__(self, shell, folder):
        self._file = folder / "options"
        script = f"""while read -r _; do
            (
                unset DOCKER_OPTS OTHER
                . {self._file}
                printf '%s\\0' "$DOCKER_OPTS" "$OTHER" $DOCKER_OPTS
            ) </dev/null 2>/dev/null
            printf '\\1\\0'
        done"""
        command, nothing = [shutil.which(shell), "-c", script], {"PATH": "/nowhere"}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder, env=nothing
        )

    def read(self, text):
        """Return DOCKER_OPTS, OTHER and the words of $DOCKER_OPTS; None where the shell stops within the file."""
        self._file.write_bytes(text.encode("utf-8", "surrogateescape"))
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()
        answer = b""
        while not answer.endswith(b"\1\0"):
            answer += os.read(self._process.stdout.fileno(), 65536)
        found = answer[:-2].decode("utf-8", "surrogateescape").split("\0")[:-1]
        return (found[0], found[1], found[2:]) if found else None

    def close(self):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def read_environment_file(text):
    """Return the variables of an EnvironmentFile=, read state by state as systemd does."""
    found = {}
    state, name, value = "before a name", "", ""
    for character in text + "\0":
        ends = character in "\r\n\0"
        if state == "before a name":
            if character in "#;":
                state = "comment"
            elif not ends and character not in " \t":
                state, name, value = ("before a value" if character == "=" else "name"), character.strip("="), ""
        elif state == "comment":
            state = "before a name" if ends else state
        elif state == "name":
            state = "before a name" if ends else "before a value" if character == "=" else state
            name += character.strip("=")
        elif character == "\0" or (ends and state in ("before a value", "value")):
            value = re.sub(r"[ \t]*\Z", "", value) if state == "value" else value
            if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name.rstrip(" \t")):
                found[name.rstrip(" \t")] = value.replace("\1", "")
            state = "before a name"
        elif state == "before a value":
            state = {"'": "single", '"': "double", "\\": "escaped", " ": state, "\t": state}.get(character, "value")
            value += character if state == "value" else ""
        elif state == "value":
            state, value = ("escaped", value) if character == "\\" else (state, value + character)
        elif state == "escaped":
            # The mark keeps white space before it from being stripped at the end.
            state, value = "value", value + (character if not ends else "") + "\1"
        elif state == "single":
            state, value = ("before a value", value) if character == "'" else (state, value + character)
        elif state == "double":
            state = {'"': "before a value", "\\": "escaped in double"}.get(character, state)
            value += character if state == "double" else ""
        else:
            state, value = (
                "double",
                value + (character if character in '"\\`$' else "" if character == "\n" else "\\" + character),
            )
    return found


# -- units -----------------------------------------------------------------------------------------------------------


def read_unit(text):
    """Return key and value of each setting of the section Service, by systemd.syntax(7)."""
    found = []
    section, joined = "", ""
    lines = [line.rstrip("\r") for line in text.split("\n") if line.strip(" \t\r")[:1] not in ("#", ";")]
    for number, line in enumerate(lines, 1):
        joined += line
        if (len(joined) - len(joined.rstrip("\\"))) % 2:
            joined = joined[:-1] + " "
            if number < len(lines):
                continue
        whole, joined = joined.strip(" \t"), ""
        if whole.startswith("["):
            section = whole
        elif "=" in whole and section == "[Service]":
            key, _equals, value = whole.partition("=")
            found.append((key.strip(" \t"), value.strip(" \t")))
    return found


def command_of(*texts):
    """Return the words of the command line of a unit with its drop-ins: an empty one resets all before it."""
    commands = [value for text in texts for key, value in read_unit(text) if key == "ExecStart"]
    return commands[-1].split() if commands else []


# -- flags -----------------------------------------------------------------------------------------------------------


def flags_and_rest(words):
    """Return the mirrors among the words of a command line, and the other words."""
    values, rest = [], []
    words = iter(words)
    for word in words:
        if word == FLAG:
            values.append(next(words, ""))
        elif word.startswith(f"{FLAG}="):
            values.append(word[len(FLAG) + 1 :])
        else:
            rest.append(word)
    return values, rest


def shown(mirrors):
    """Return a list of mirrors as an engine shows it."""
    return list(dict.fromkeys(mirror if mirror.endswith("/") else f"{mirror}/" for mirror in mirrors))


# -- time ------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def quickly():
    """Fail if the body takes long: minutes where time grows with the square of a text, else less than a second."""
    began = time.process_time()
    yield
    assert time.process_time() - began < 20, "it takes too long"
