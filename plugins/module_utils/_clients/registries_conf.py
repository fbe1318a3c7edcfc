# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""One ``registries.conf`` or drop-in of Podman, Buildah, Skopeo and CRI-O: what it says of registries.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: no input, no output.

The rules are those of ``loadConfigFile`` and ``postProcessRegistries`` in containers/image
pkg/sysregistriesv2/system_registries_v2.go. If one file breaks one of them, every command of the clients fails.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, NamedTuple, NoReturn, Optional, Sequence, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._text import toml_reader
from ansible_collections.pullthrough.docker.plugins.module_utils._text.toml_reader import Kind, Member, Node

ALL = "all"
"""The value of ``pull-from-mirror`` of a mirror that serves tags and digests."""

_PULLS = ("", ALL, "digest-only", "tag-only")
_SHORT_NAME_MODES = ("", "enforcing", "permissive", "disabled")
_VERSION_1 = ("search", "insecure", "block")


class ConfError(ValueError):
    """A file that the clients cannot read; the text says which, where and why."""


class Mirror(NamedTuple):
    """A mirror as these files name it: without a scheme."""

    location: str
    insecure: bool = False
    """Whether plain HTTP is allowed, and TLS without a valid certificate."""
    pulls: str = ALL
    """Which pulls it serves: a value of ``pull-from-mirror``."""

    @property
    def url(self) -> str:
        """The URL of the mirror, in the engine's spelling."""
        return f"{'http' if self.insecure else 'https'}://{self.location}/"


class Entry(NamedTuple):
    """What a file says of one registry, or of a part of it."""

    path: str
    line: int
    prefix: str
    location: str
    """Where the images are in fact; empty for the name itself, below a prefix with a wildcard."""
    mirrors: Tuple[Mirror, ...] = ()
    blocked: bool = False

    @property
    def place(self) -> str:
        return f"{self.path}, line {self.line}"


def read(path: str, data: bytes, *, is_drop_in: bool) -> List[Entry]:
    """Return what a file says of registries, in its order. The first entry of a prefix counts.

    :raises ConfError: when the clients cannot read the file.
    """
    try:
        document = toml_reader.parse(toml_reader.decode(data))
    except toml_reader.TomlTextError as exc:
        raise ConfError(f"{path}, {exc}") from exc
    return _Reader(path, document).entries(is_drop_in=is_drop_in)


class _Reader:
    """Reads one document. Where the clients would fail, it raises an error with line and column.

    The error quotes no value, which can be a secret.
    """

    def __init__(self, path: str, document: toml_reader.Document) -> None:
        self._path = path
        self._document = document

    def entries(self, *, is_drop_in: bool) -> List[Entry]:
        root = self._document.root
        old = self._version_1(root)
        self._check_other_keys(root)
        found = [self._entry(table) for table in self._tables(root, "registry")]
        if old and (is_drop_in or found or _field(root, "unqualified-search-registries")):
            why = "a drop-in must have version 2" if is_drop_in else "the file also has version 2"
            self._fail(f"[registries] is version 1 of this format, and {why}", old.key.start)
        self._check_agreement(found)
        return found if not old else list(self._converted(old.node))

    # -- version 2 -----------------------------------------------------------------------------------------------------

    def _entry(self, table: Node) -> Entry:
        location = self._location(table, "location")
        prefix = self._location(table, "prefix") or location
        if not prefix:
            self._fail("this registry has neither a prefix nor a location", table.start)
        if not location and not prefix.startswith("*."):
            self._fail("this registry has a prefix and no location", table.start)
        if self._text(table, "pull-from-mirror"):
            self._fail("pull-from-mirror is only for mirrors", table.start)
        for_digests = self._boolean(table, "mirror-by-digest-only")
        self._boolean(table, "insecure")
        return Entry(
            self._path,
            self._document.line(table.start),
            prefix,
            location,
            tuple(self._mirror(mirror, for_digests=for_digests) for mirror in self._tables(table, "mirror")),
            self._boolean(table, "blocked"),
        )

    def _mirror(self, table: Node, *, for_digests: bool) -> Mirror:
        location = self._location(table, "location")
        if not location:
            self._fail("this mirror has no location", table.start)
        pulls = self._text(table, "pull-from-mirror")
        if pulls not in _PULLS:
            self._fail("pull-from-mirror must be all, digest-only or tag-only", table.start)
        if pulls and for_digests:
            self._fail("pull-from-mirror cannot be used beside mirror-by-digest-only", table.start)
        return Mirror(location, self._boolean(table, "insecure"), "digest-only" if for_digests else pulls or ALL)

    def _check_agreement(self, entries: Sequence[Entry]) -> None:
        """Refuse entries of one location of which only some are blocked or insecure."""
        seen: Dict[str, Tuple[bool, bool]] = {}
        for entry, table in zip(entries, self._tables(self._document.root, "registry")):
            settings = (entry.blocked, self._boolean(table, "insecure"))
            if seen.setdefault(entry.location or entry.prefix, settings) != settings:
                self._fail("this registry has another value of blocked or insecure in an entry above", table.start)

    def _check_other_keys(self, root: Node) -> None:
        for name in ("unqualified-search-registries", "credential-helpers"):
            for element in self._elements(root, name):
                if not isinstance(element.value, str):
                    self._fail(f"{name} must be a list of strings", element.start)
                if name.startswith("unqualified"):
                    self._check_scheme(element.value, element.start)
        mode = self._text(root, "short-name-mode")
        if mode not in _SHORT_NAME_MODES:
            self._fail("short-name-mode must be enforcing, permissive or disabled", root.start)
        aliases = _field(root, "aliases")
        if aliases and not (isinstance(aliases.node.value, dict) and _all_texts(aliases.node.value.values())):
            self._fail("aliases must be a table of strings", aliases.key.start)

    # -- version 1 -----------------------------------------------------------------------------------------------------

    def _version_1(self, root: Node) -> Optional[Member]:
        """Return the table of version 1 if it has anything in it."""
        member = _field(root, "registries")
        if member is None:
            return None
        if not isinstance(member.node.value, dict):
            self._fail("registries must be a table", member.key.start)
        return member if any(list(self._old_list(member.node, name)) for name in _VERSION_1) else None

    def _old_list(self, registries: Node, name: str) -> Iterator[Node]:
        table = _field(registries, name)
        if table and not isinstance(table.node.value, dict):
            self._fail(f"registries.{name} must be a table", table.key.start)
        for element in self._elements(table.node, "registries") if table else []:
            if not isinstance(element.value, str):
                self._fail(f"registries.{name}.registries must be a list of strings", element.start)
            yield element

    def _converted(self, registries: Node) -> Iterator[Entry]:
        blocked = {element.value.rstrip("/") for element in self._old_list(registries, "block")}
        for name in ("block", "insecure"):
            for element in self._old_list(registries, name):
                self._check_scheme(element.value, element.start)
                location = element.value.rstrip("/")
                line = self._document.line(element.start)
                yield Entry(self._path, line, location, location, (), location in blocked)

    # -- values --------------------------------------------------------------------------------------------------------

    def _tables(self, table: Node, name: str) -> List[Node]:
        elements = self._elements(table, name)
        for element in elements:
            if not isinstance(element.value, dict):
                self._fail(f"{name} must be a list of tables, such as [[{name}]]", element.start)
        return elements

    def _elements(self, table: Node, name: str) -> List[Node]:
        member = _field(table, name)
        if member and member.node.kind not in (Kind.ARRAY, Kind.TABLES):
            self._fail(f"{name} must be a list", member.key.start)
        return member.node.elements if member else []

    def _location(self, table: Node, name: str) -> str:
        text = self._text(table, name)
        member = _field(table, name)
        if member:
            self._check_scheme(text, member.node.start)
        return text.rstrip("/")

    def _check_scheme(self, text: str, offset: int) -> None:
        if text.startswith(("http://", "https://")):
            self._fail("this name has a scheme, and the clients accept none here", offset)

    def _text(self, table: Node, name: str) -> str:
        return str(self._typed(table, name, ""))

    def _boolean(self, table: Node, name: str) -> bool:
        return bool(self._typed(table, name, False))

    def _typed(self, table: Node, name: str, default: Any) -> Any:
        """Return the value of a key, or the default, which has the only type that the clients accept."""
        member = _field(table, name)
        if member and type(member.node.value) is not type(default):
            kind = "true or false" if default is False else "a string"
            self._fail(f"{name} must be {kind}", member.node.start)
        return member.node.value if member else default

    def _fail(self, message: str, offset: int) -> NoReturn:
        line, column = self._document.position(offset)
        raise ConfError(f"{self._path}, line {line}, column {column}: {message}")


def _field(table: Node, name: str) -> Optional[Member]:
    """Return a key of a table. The clients accept any case (BurntSushi/toml decode.go unifyStruct)."""
    exact = table.members.get(name)
    return exact or next((member for key, member in table.members.items() if key.lower() == name), None)


def _all_texts(values: Any) -> bool:
    return all(isinstance(value, str) for value in values)
