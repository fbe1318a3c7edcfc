# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The types of the values in ``daemon.json``, as the engine's JSON reader (Go's ``encoding/json``) checks them.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: it touches nothing.

Null is a value of every type: Go leaves the setting as it was.
"""

from __future__ import annotations

import re

from typing import Any, Callable, Mapping, NamedTuple, Optional, Tuple, Union

from ansible_collections.pullthrough.docker.plugins.module_utils._text.json_reader import Number

Path = Tuple[Union[str, int], ...]
"""The way to a value: keys of objects, and positions in lists."""


class Fault(NamedTuple):
    """A value of a wrong type."""

    path: Path
    value: Any
    wanted: str
    """The right type, such as ``a string``."""
    meant: Any
    """The value of the right type that was probably meant, or None."""


class Scalar(NamedTuple):
    """A value without others in it."""

    name: str
    plural: str
    accepts: Callable[[Any], bool]
    convert: Callable[[Any], Any]

    def fault(self, value: Any, path: Path) -> Optional[Fault]:
        if value is None or self.accepts(value):
            return None
        return Fault(path, value, self.name, self.convert(value))


class ListOf(NamedTuple):
    """A list whose elements have one type."""

    inner: Type

    @property
    def name(self) -> str:
        return f"a list of {self.inner.plural}"

    @property
    def plural(self) -> str:
        return f"lists of {self.inner.plural}"

    def fault(self, value: Any, path: Path) -> Optional[Fault]:
        if value is None:
            return None
        if not isinstance(value, list):
            return Fault(path, value, self.name, None if self.inner.fault(value, path) else [value])
        faults = (self.inner.fault(element, (*path, index)) for index, element in enumerate(value))
        return next(filter(None, faults), None)


class ObjectOf(NamedTuple):
    """An object with any keys, whose values have one type."""

    inner: Type

    @property
    def name(self) -> str:
        return f"an object whose values are {self.inner.plural}"

    @property
    def plural(self) -> str:
        return f"objects whose values are {self.inner.plural}"

    def fault(self, value: Any, path: Path) -> Optional[Fault]:
        if value is None:
            return None
        if not isinstance(value, dict):
            return Fault(path, value, self.name, _object_of_options(value) if self.inner is STRING else None)
        faults = (self.inner.fault(element, (*path, key)) for key, element in value.items())
        return next(filter(None, faults), None)


class Record(NamedTuple):
    """An object whose known keys have types of their own. Go ignores the case of keys, and all other keys."""

    fields: Mapping[str, Type]
    convert: Callable[[Any, Path], Any] = lambda _value, _path: None

    @property
    def name(self) -> str:
        return f"an object with {self._keys}"

    @property
    def plural(self) -> str:
        return f"objects with {self._keys}"

    @property
    def _keys(self) -> str:
        return " and ".join(f'"{key}"' for key in self.fields)

    def fault(self, value: Any, path: Path) -> Optional[Fault]:
        if value is None:
            return None
        if not isinstance(value, dict):
            return Fault(path, value, self.name, self.convert(value, path))
        types = {key.lower(): field for key, field in self.fields.items()}
        faults = (types.get(key.lower(), ANY).fault(element, (*path, key)) for key, element in value.items())
        return next(filter(None, faults), None)


Type = Union[Scalar, ListOf, ObjectOf, Record]


def kind(value: Any) -> str:
    """Return what kind of JSON value this is."""
    if isinstance(value, bool):
        return "true or false"
    names = {str: "a string", Number: "a number", list: "a list", dict: "an object"}
    return names[type(value)]


def _is_integer(value: Any) -> bool:
    return isinstance(value, Number) and re.fullmatch(r"-?[0-9]+", value.text) is not None


def _integer(value: Any) -> Optional[Number]:
    return Number(value) if isinstance(value, str) and re.fullmatch(r"-?(?:0|[1-9][0-9]*)", value) else None


def _boolean(value: Any) -> Optional[bool]:
    return {"true": True, "false": False}.get(value) if isinstance(value, str) else None


def _string(value: Any) -> Optional[str]:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.text if isinstance(value, Number) else None


def _object_of_options(value: Any) -> Optional[Mapping[str, str]]:
    """Return the object that a list of ``name=value`` means, as the flags of the engine have it."""
    if not isinstance(value, list) or not all(isinstance(option, str) and "=" in option for option in value):
        return None
    pairs = (option.partition("=") for option in value)
    return {name: text for name, _equals, text in pairs} or None


def _limit(value: Any, path: Path) -> Any:
    """Return the limit that ``soft:hard`` or one number means, as ``--default-ulimit`` has it."""
    text = value.text if isinstance(value, Number) else value
    match = re.fullmatch(r"(-?[0-9]{1,19})(?::(-?[0-9]{1,19}))?", text) if isinstance(text, str) else None
    if match is None:
        return None
    soft, hard = match.group(1), match.group(2) or match.group(1)
    return {"Name": path[-1], "Hard": Number(hard), "Soft": Number(soft)}


ANY = Scalar("any value", "any values", lambda _value: True, lambda _value: None)
"""For names of flags without a field in the file: the engine accepts them and reads nothing from them."""
STRING = Scalar("a string", "strings", lambda value: isinstance(value, str), _string)
BOOLEAN = Scalar("true or false", "true or false", lambda value: isinstance(value, bool), _boolean)
INTEGER = Scalar("a whole number", "whole numbers", _is_integer, _integer)
STRINGS = ListOf(STRING)
OPTIONS = ObjectOf(STRING)
LIMITS = ObjectOf(Record({"Name": STRING, "Hard": INTEGER, "Soft": INTEGER}, _limit))
RUNTIMES = ObjectOf(Record({"path": STRING, "runtimeArgs": STRINGS}))
POOLS = ListOf(Record({"base": STRING, "size": INTEGER}))
BUILDER = Record(
    {
        "gc": Record(
            {
                "enabled": BOOLEAN,
                "defaultKeepStorage": STRING,
                "policy": ListOf(Record({"keepStorage": STRING, "filter": STRINGS})),
            }
        ),
        "entitlements": Record({"network-host": BOOLEAN, "security-insecure": BOOLEAN}),
    }
)
