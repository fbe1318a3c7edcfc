# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Podman, Buildah, Skopeo and CRI-O: which files they read, what these make of a registry, and the file that we write.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: no input, no output.

Two orders of reading exist: that of Podman 5 and earlier (containers/image pkg/sysregistriesv2), and that of Podman 6
(podman vendor/go.podman.io/storage/pkg/configfile/parse.go). The module does not know which one a host has, so a
registry has mirrors in force only where both orders agree.
"""

from __future__ import annotations

import os
import re

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._clients import registries_conf
from ansible_collections.pullthrough.docker.plugins.module_utils._clients.registries_conf import (
    ALL,
    ConfError,
    Entry,
    Mirror,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._text import toml_reader, toml_text

NAME = "podman"
PROGRAMS = ("podman", "buildah", "skopeo", "crio")
SUFFIX = ".conf"

CERTIFICATE = "pullthrough-docker.crt"
"""The name of a CA certificate that we write."""

UNTIL_5, FROM_6 = "Podman 5 and earlier", "Podman 6"

MARKER = "# Written by the Ansible collection pullthrough.docker: the next run overwrites every change."
"""The first line of our file."""

_FOLDERS = "# folders = "
"""How the second line begins: the folders that were made for the file, so that they can be removed with it."""

_DROP_INS = "registries.conf.d"
_MAIN = "registries.conf"
# The clients give the name with its mirror to a parser of image names: a host without a dot or a port is none there.
_LABEL = "[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*"
_REGISTRY = re.compile(rf"(?=[^/]*[.:]|localhost\Z){_LABEL}(?:[.]{_LABEL})*(?::[0-9]+)?\Z")
NAME_LIMIT = 255
"""The most characters of the name of an image (distribution reference/reference.go)."""
_PATH = re.compile(r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*\Z")


Own = Dict[str, Tuple[Mirror, ...]]
"""The mirrors in our file, by registry."""


class Folders(NamedTuple):
    """Where the clients of a user look for their files."""

    vendor: str
    system: str
    home: str
    """The folder of the user, who can be root."""
    engine: str
    """The folder of root's Docker Engine, where the clients look for certificates too."""
    user: int

    @property
    def own_file(self) -> str:
        """The file that we write: late in the alphabet, and a user's after root's."""
        name = "zz-pullthrough-docker"
        if self.user == 0:
            return os.path.join(self.system, _DROP_INS, f"{name}{SUFFIX}")
        return os.path.join(self.home, _DROP_INS, f"{name}.user{SUFFIX}")

    @property
    def main_files(self) -> List[str]:
        return [os.path.join(folder, _MAIN) for folder in (self.home, self.system, self.vendor)]

    @property
    def drop_in_folders(self) -> List[str]:
        """The folders of drop-ins, each before those that overrule it."""
        special = ["registries.rootful.conf.d"]
        if self.user:
            special = ["registries.rootless.conf.d", f"registries.rootless.conf.d/{self.user}"]
        shared = [os.path.join(folder, name) for folder in (self.vendor, self.system) for name in (_DROP_INS, *special)]
        return [*shared, os.path.join(self.home, _DROP_INS)]


class Files(NamedTuple):
    """The files that a host has."""

    folders: Folders
    texts: Mapping[str, bytes]
    """Each main file and each drop-in, by path."""
    links: Sequence[str] = ()
    """Those that are symlinks."""

    def with_own(self, text: Optional[bytes]) -> Files:
        """Return the files with another text of our file; None is no such file."""
        path = self.folders.own_file
        others = {other: data for other, data in self.texts.items() if other != path}
        return self._replace(texts=others if text is None else {**others, path: text})


# -- reading ---------------------------------------------------------------------------------------------------------


def orders(files: Files) -> Dict[str, List[str]]:
    """Return which files each generation of the clients reads, in its order."""
    folders = files.folders
    system = os.path.join(folders.system, _DROP_INS)
    home_main, system_main, _vendor_main = folders.main_files
    home_drop_ins = _drop_ins(files, folders.drop_in_folders[-1])
    if home_main in files.texts:  # It hides the main file and the drop-ins of the system.
        until_5 = [home_main, *home_drop_ins]
    else:
        until_5 = [path for path in [system_main] if path in files.texts]
        until_5 += [*_drop_ins(files, system), *home_drop_ins]
    by_name: Dict[str, str] = {}
    for folder in folders.drop_in_folders:
        by_name.update({os.path.basename(path): path for path in _drop_ins(files, folder) if path not in files.links})
    mains = [path for path in folders.main_files if path in files.texts]
    return {UNTIL_5: until_5, FROM_6: mains[:1] + [by_name[name] for name in sorted(by_name)]}


def _drop_ins(files: Files, folder: str) -> List[str]:
    return sorted(path for path in files.texts if os.path.dirname(path) == folder)


class Reading:
    """What the clients make of the files of a host."""

    def __init__(self, files: Files) -> None:
        """Read all files that any generation reads.

        :raises ConfError: when the clients cannot read one of them.
        """
        self.files = files
        self._orders = orders(files)
        paths = dict.fromkeys(path for order in self._orders.values() for path in order)
        mains = files.folders.main_files
        self.entries = {
            path: registries_conf.read(path, files.texts[path], is_drop_in=path not in mains) for path in paths
        }
        self._in_force = {generation: _merged(self.entries, order) for generation, order in self._orders.items()}

    def of(self, registry: str) -> Dict[str, Optional[Entry]]:
        """Return the entry that counts for a registry as a whole, by generation."""
        return {generation: _longest(merged, registry) for generation, merged in self._in_force.items()}

    def mirrors(self, registry: str) -> Optional[List[str]]:
        """Return the mirrors that are asked at every pull; None where the generations differ."""
        found = [_urls_of(entry) for entry in self.of(registry).values()]
        return found[0] if found[0] == found[1] else None

    def naming(self, registry: str) -> List[Entry]:
        """Return the entries of all files that name a registry as a whole, but not those of our files."""
        return [entry for entry in self._foreign() if _matches(entry.prefix, registry)]

    def parts(self, registry: str) -> List[Entry]:
        """Return the entries for a part of a registry. No entry for the whole registry counts for that part."""
        return [entry for entry in self._foreign() if entry.prefix.startswith(f"{registry}/")]

    def by_registry(self) -> Dict[str, List[Entry]]:
        """Return the entries without a wildcard and without a path, by registry."""
        found: Dict[str, List[Entry]] = {}
        for entry in (entry for entries in self.entries.values() for entry in entries):
            if is_registry(entry.prefix):
                found.setdefault(entry.prefix, []).append(entry)
        return {registry: found[registry] for registry in sorted(found)}

    def _foreign(self) -> List[Entry]:
        return [
            entry for path, entries in self.entries.items() if not is_ours(self.files.texts[path]) for entry in entries
        ]


_Merged = Dict[str, Tuple[int, Entry]]
"""The entries in force by prefix, each with its place among all of them."""


def _merged(entries: Mapping[str, Sequence[Entry]], order: Sequence[str]) -> _Merged:
    """Return the entries in force. A later file replaces an entry whole; within a file the first counts."""
    merged: Dict[str, Entry] = {}
    for path in order:
        merged.update({entry.prefix: entry for entry in reversed(entries[path])})
    return {prefix: (place, entry) for place, (prefix, entry) in enumerate(merged.items())}


def _longest(merged: _Merged, registry: str) -> Optional[Entry]:
    """Return the entry whose prefix is the longest that matches a registry; of two, the first.

    It looks each possible prefix up. A file of others can have so many entries that nobody could try them all for each
    of its registries.
    """
    found = [merged[prefix] for prefix in _prefixes_of(registry) if prefix in merged]
    return max(found, key=lambda one: (len(one[1].prefix), -one[0]))[1] if found else None


def _prefixes_of(registry: str) -> List[str]:
    """Return all prefixes that match a registry."""
    return [registry, *(f"*{registry[dot.start() :]}" for dot in re.finditer(r"[.]", registry[:NAME_LIMIT]))]


def _matches(prefix: str, registry: str) -> bool:
    return prefix == registry or (prefix.startswith("*.") and registry.endswith(prefix[1:]))


def _urls_of(entry: Optional[Entry]) -> List[str]:
    return [mirror.url for mirror in entry.mirrors if mirror.pulls == ALL] if entry else []


def says(entry: Optional[Entry], registry: str, mirrors: Tuple[Mirror, ...]) -> bool:
    """Return whether an entry gives a registry exactly these mirrors, and nothing else."""
    wanted = Entry("", 0, registry, registry, mirrors)
    return entry is not None and entry[2:] == wanted[2:]


# -- certificates ----------------------------------------------------------------------------------------------------


def certificate_folders(folders: Folders, host: str) -> List[str]:
    """Return where the clients look for certificates of a host. They use the first folder that exists, and no other
    (containers/image docker/docker_client.go dockerCertDir)."""
    return [os.path.join(folder, "certs.d", host) for folder in (folders.home, folders.system, folders.engine)]


def own_certificate(folders: Folders, host: str) -> str:
    """Return where we write the CA certificate of a host."""
    return os.path.join(folders.system if folders.user == 0 else folders.home, "certs.d", host, CERTIFICATE)


def hosts_of(registries: Mapping[str, Sequence[Mirror]]) -> List[str]:
    """Return the hosts of all mirrors, with their ports."""
    hosts = [mirror.location.partition("/")[0] for mirrors in registries.values() for mirror in mirrors]
    return [host for host in dict.fromkeys(hosts) if is_registry(host)]


# -- writing ---------------------------------------------------------------------------------------------------------


def is_registry(name: str) -> bool:
    """Return whether a text is a registry as image names have it: a host with a dot or a port, without a path."""
    return len(name) <= NAME_LIMIT and bool(_REGISTRY.match(name))


def mirror(url: str) -> Mirror:
    """Return a mirror as these clients name it.

    :param url: a URL of a mirror, already checked by ``mirror_url``.
    :raises ConfError: when it cannot be written in their files.
    """
    scheme, _separator, rest = url.partition("://")
    location = rest.rstrip("/")
    host, _slash, path = location.partition("/")
    if not is_registry(host):
        port = 80 if scheme == "http" else 443
        advice = f"write {scheme}://{host}:{port}" if re.match(r"[A-Za-z0-9-]+\Z", host) else "give it another name"
        raise ConfError(f"{url}: Podman cannot use the host of this mirror in the name of an image; {advice}")
    if path and not _PATH.match(path):
        raise ConfError(f"{url}: Podman cannot use the path of this mirror in the name of an image")
    return Mirror(location, scheme == "http")


def is_ours(data: bytes) -> bool:
    """Return whether this collection wrote a file."""
    return data.partition(b"\n")[0] == MARKER.encode()


def own_text(own: Own, folders: Sequence[str]) -> bytes:
    """Return the text of our file.

    :param folders: the folders that were made for it, outermost first.
    """
    body = toml_text.new_text({"registry": [_table(registry, own[registry]) for registry in sorted(own)]})
    made = f"{_FOLDERS}{toml_text.render(list(folders))}\n" if folders else ""
    return f"{MARKER}\n{made}{body}".encode()


def _table(registry: str, mirrors: Sequence[Mirror]) -> Dict[str, Any]:
    tables = [
        {"location": mirror.location, "insecure": True} if mirror.insecure else {"location": mirror.location}
        for mirror in mirrors
    ]
    return {"prefix": registry, "location": registry, "mirror": tables}


def read_own(path: str, data: bytes) -> Tuple[Own, List[str]]:
    """Return the mirrors in our file, and the folders that were made for it.

    :raises ConfError: when someone else wrote the file, or changed it.
    """
    if not is_ours(data):
        raise ConfError(f"{path}: another program wrote this file, as its first line shows")
    entries = registries_conf.read(path, data, is_drop_in=True)
    own: Own = {entry.prefix: entry.mirrors for entry in entries}
    # Whatever the line says, no other folder is removed.
    top = os.path.dirname(os.path.dirname(path))
    folders = [folder for folder in _folders_in(data.decode()) if _is_related(folder, top)]
    if own_text(own, folders) != data:
        raise ConfError(f"{path}: someone changed this file, which belongs to the collection pullthrough.docker")
    return own, folders


def _is_related(folder: Any, top: str) -> bool:
    """Return whether a folder is above, in or below another one."""
    if not isinstance(folder, str) or os.path.normpath(folder) != folder:
        return False
    return f"{top}/".startswith(f"{folder}/") or folder.startswith(f"{top}/")


def _folders_in(text: str) -> List[Any]:
    line = text.splitlines()[1] if text.count("\n") > 1 else ""
    if not line.startswith(_FOLDERS):
        return []
    try:
        value = toml_reader.parse(line[2:]).root.value["folders"]
    except toml_reader.TomlTextError:
        return []
    return value if isinstance(value, list) else []
