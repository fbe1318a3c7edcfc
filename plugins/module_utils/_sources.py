# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The places of a host that can name registry mirrors, each with the same methods: read, check, text.

Private to the collection C(pullthrough.docker): it may change at any time, without notice. Pure but for L(find_flag) and
L(find_host), which read the files that they are given.
"""

from __future__ import annotations

import re

from typing import Any, Dict, FrozenSet, List, NamedTuple, NoReturn, Optional, Sequence, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils import _json_text, _mirror_url
from ansible_collections.pullthrough.docker.plugins.module_utils._version import Version

KEY = "registry-mirrors"
FLAG = "--registry-mirror"

IGNORED_NAMES = {
    "registry-mirror": "registry-mirrors",
    "insecure-registry": "insecure-registries",
    "host": "hosts",
    "label": "labels",
}
"""Names that an engine takes in its file, because flags are called so, and ignores (seen on 20.10.24, 26.1.5, 28.5.2)."""

_FREE_OBJECTS = frozenset(("builder", "cluster-store-opts", "default-network-opts", "default-ulimits", "features", "log-opts", "nri-opts", "runtimes"))
"""Objects of which the engine does not look at the keys within (moby daemon/config/config.go flatOptions)."""

KEYS_BEFORE_VALIDATE: FrozenSet[str] = frozenset(
    """
    add-runtime allow-nondistributable-artifacts api-cors-header authorization-plugin authorization-plugins bip
    bridge builder cgroup-parent cluster-advertise cluster-store cluster-store-opt cluster-store-opts containerd
    containerd-namespace containerd-plugins-namespace cpu-rt-period cpu-rt-runtime cri-containerd data-root
    debug default-address-pool default-address-pools default-cgroupns-mode default-gateway default-gateway-v6
    default-ipc-mode default-runtime default-shm-size default-ulimit default-ulimits deprecated-key-path dns
    dns-opt dns-opts dns-search exec-opt exec-opts exec-root experimental features fixed-cidr fixed-cidr-v6
    graph group host host-gateway-ip hosts icc init init-path insecure-registries insecure-registry ip
    ip-forward ip-masq ip6tables iptables ipv6 label labels live-restore log-driver log-level log-opt log-opts
    max-concurrent-downloads max-concurrent-uploads max-download-attempts metrics-addr mtu
    network-control-plane-mtu network-diagnostic-port no-new-privileges node-generic-resource
    node-generic-resources oom-score-adjust pidfile raw-logs registry-mirror registry-mirrors restart rootless
    runtimes seccomp-profile selinux-enabled shutdown-timeout storage-driver storage-opt storage-opts
    swarm-default-advertise-addr tls tlscacert tlscert tlskey tlsverify userland-proxy userland-proxy-path
    userns-remap
    """.split()
)
"""Every key that 20.10.24 starts with, found by starting it with each: 20.10 is the last line without C(dockerd --validate)."""

FILE_CHECKED_SINCE: Version = (23, 0, 0)
"""Since this version the engine's own C(--validate) names unknown keys, and the file may begin with a byte order mark."""


class SourceError(Exception):
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
            self._text = _json_text.NEW_FILE if data is None else _json_text.decode(data)
            self._document = _json_text.parse(self._text)
        except _json_text.JsonTextError as exc:
            self._refuse(exc.line, exc.column, f"{exc.message}. Mend the file first")
        self._refuse_ignored_names()
        self.listed = self._read_list()

    @property
    def settings(self) -> Dict[str, Any]:
        """The settings of the file; numbers stay text."""
        value: Dict[str, Any] = self._document.root.value
        return value

    @property
    def keys(self) -> FrozenSet[str]:
        """The top-level keys of the file."""
        return frozenset(self.settings)

    @property
    def line(self) -> Optional[int]:
        """The line that names the mirrors."""
        return self._document.key_position(KEY)[0] if KEY in self.settings else None

    @property
    def insecure(self) -> List[str]:
        """The entries of C(insecure-registries)."""
        listed = self.settings.get("insecure-registries")
        return [entry for entry in listed if isinstance(entry, str)] if isinstance(listed, list) else []

    def place(self, key: str) -> str:
        """Where a key stands: the file, and its line when it is there."""
        return f"{self.path}, line {self._document.key_position(key)[0]}" if key in self.settings else self.path

    def check(self, mirrors: Sequence[str], versions: Sequence[Optional[Version]]) -> None:
        """Refuse what an engine of one of these versions would refuse, or take and never use.

        :param mirrors: the list that is to stand in the file.
        :param versions: of the running engine and of the installed one, None where unknown.
        :raises SourceError: with file, line and column where the file holds it already.
        """
        for version in versions:
            if self._document.bom and version is not None and version < FILE_CHECKED_SINCE:
                self._refuse(1, 1, "the file begins with a byte order mark, which Docker Engine before 23.0 refuses. Take it away")
            if version is not None and version < FILE_CHECKED_SINCE:
                self._refuse_unknown_keys()
            for mirror in mirrors:
                try:
                    _mirror_url.check(mirror, version)
                except _mirror_url.MirrorUrlError as exc:
                    if mirror not in self.listed:
                        raise SourceError(f"{exc} Nothing was changed.") from exc
                    self._refuse(*self._position_of(mirror), f"{exc} Take it out of the list, or declare the list with exclusive: true")

    def text(self, mirrors: Sequence[str], *, keep_empty: bool = False) -> Optional[bytes]:
        """The text of the file with exactly these mirrors, every other byte as it is; None where no file is needed.

        None of them means no key, unless the file already says "none" in its own words, or C(keep_empty) asks for a C([]): an
        engine keeps its mirrors when the key is missing at a reload, and drops them for C([]) (seen on 20.10.24 to 28.5.2).
        """
        if list(mirrors) == self.listed and (mirrors or not keep_empty or KEY in self.settings):
            return self.data
        if mirrors or keep_empty:
            return _json_text.set_member(self._text, [KEY], list(mirrors)).encode("utf-8")
        return _json_text.remove_member(self._text, [KEY]).encode("utf-8")

    def locate(self, message: str) -> str:
        """An objection of the engine, with the lines of the keys of this file that it names."""
        places = [
            f"line {line}, column {column}"
            for key in self.keys
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
            if not isinstance(element.value, str) or isinstance(element.value, _json_text.Number):
                self._refuse(*self._document.position(element.start), f"an entry of {KEY} is not a string. Mend the file first")
        return list(node.value)

    def _refuse_ignored_names(self) -> None:
        for key, value in self.settings.items():
            if key in IGNORED_NAMES:
                self._refuse(
                    *self._document.key_position(key),
                    f'the engine takes the key "{key}" and ignores it; it is called "{IGNORED_NAMES[key]}". Rename it or take it out',
                )
            if isinstance(value, dict) and KEY in value and key not in _FREE_OBJECTS:
                self._refuse(
                    *self._document.key_position(key, KEY),
                    f'"{KEY}" inside "{key}" is not read by the engine, and clears its mirrors at a reload. Move it to the top level',
                )

    def _refuse_unknown_keys(self) -> None:
        """Before 23.0 there is no C(dockerd --validate); the names of that last release without it are known."""
        for key, value in self.settings.items():
            nested = isinstance(value, dict) and key not in _FREE_OBJECTS
            for path in [(key, inner) for inner in value] if nested else [(key,)]:
                if path[-1] not in KEYS_BEFORE_VALIDATE:
                    self._refuse(
                        *self._document.key_position(*path),
                        f'Docker Engine before 23.0 does not know the key "{path[-1]}" and would not start. Take it out',
                    )

    def _position_of(self, mirror: str) -> Tuple[int, int]:
        node = self._document.find(KEY)
        elements = node.elements if node else []
        return self._document.position(next(element.start for element in elements if element.value == mirror))

    def _refuse(self, line: int, column: int, message: str) -> NoReturn:
        raise SourceError(f"{self.path}, line {line}, column {column}: {message}. Nothing was changed.")


FLAGS: Dict[str, Tuple[str, ...]] = {
    KEY: (FLAG,),
    "insecure-registries": ("--insecure-registry",),
    "hosts": ("--host", "-H"),
}
"""Settings of which a flag and a key in the file are looked at together: with both, an engine neither starts nor reloads
(seen on 20.10.24, 26.1.5, 28.5.2), and before 23.0 nothing but a start would tell."""


class Mention(NamedTuple):
    """A line of a file, outside of comments, that names what was looked for."""

    path: str
    line: int
    text: str

    @property
    def place(self) -> str:
        return f"{self.path}, line {self.line}"


def find_flag(names: Sequence[str], files: Sequence[str]) -> List[Mention]:
    """Where a flag stands.

    :param names: the spellings of the flag; the value of a short one may follow at once.
    :param files: the unit, its drop-ins, the options files.
    """
    return _find("|".join(rf"(?<![\w-]){name}" + (r"(?![\w-])" if len(name) > 2 else "") for name in names), files)


def find_host(folder: str) -> Optional[str]:
    """File and line of the first host in C(docker.io/hosts.toml) of a C(certs.d) folder, or None."""
    found = _find(r"^\s*\[host\.", [f"{folder}/docker.io/hosts.toml"])
    return found[0].place if found else None


def _find(pattern: str, files: Sequence[str]) -> List[Mention]:
    """Each match outside of comments; a file that cannot be read has none."""
    found: List[Mention] = []
    for path in files:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                lines = file.read(1024 * 1024).splitlines()
        except OSError:
            continue
        found += [
            Mention(path, number, line)
            for number, line in enumerate(lines, 1)
            if re.search(pattern, line) and not line.lstrip().startswith(("#", ";"))
        ]
    return found
