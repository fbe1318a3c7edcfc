# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The places of a host that can name registry mirrors, one class each: what they list, and their text with another list.

Private to the collection C(pullthrough.docker): it may change at any time, without notice. Pure: it touches nothing.
"""

from __future__ import annotations

import re

from typing import Any, Dict, FrozenSet, List, NoReturn, Optional, Sequence, Tuple, Union

from ansible_collections.pullthrough.docker.plugins.module_utils import (
    _flag_text,
    _json_text,
    _mirror_url,
    _options_text,
    _unit_text,
)
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
    def line(self) -> Optional[int]:
        """The line that names the mirrors."""
        return self._document.key_position(KEY)[0] if KEY in self.settings else None

    @property
    def insecure(self) -> List[str]:
        """The entries of C(insecure-registries)."""
        listed = self.settings.get("insecure-registries")
        return [entry for entry in listed if isinstance(entry, str)] if isinstance(listed, list) else []

    def place(self, key: str = KEY) -> str:
        """Where a key stands: the file, and its line when it is there."""
        return f"{self.path}, line {self._document.key_position(key)[0]}" if key in self.settings else self.path

    def check(self, mirrors: Sequence[str], versions: Sequence[Optional[Version]]) -> None:
        """Refuse what an engine of one of these versions would refuse, or take and never use.

        :param mirrors: the list that is to stand in the file.
        :param versions: of the running engine and of the installed one, None where unknown.
        :raises SourceError: with file, line and column where the file holds it already.
        """
        for version in versions:
            if version is not None and version < FILE_CHECKED_SINCE:
                if self._document.bom:
                    self._refuse(1, 1, "the file begins with a byte order mark, which Docker Engine before 23.0 refuses. Take it away")
                self._refuse_unknown_keys()
            for mirror in mirrors:
                try:
                    _mirror_url.check(mirror, version)
                except _mirror_url.MirrorUrlError as exc:
                    if mirror not in self.listed:
                        raise SourceError(f"{exc} Nothing was changed.") from exc
                    self._refuse(*self._position_of(mirror), f"{exc} Take it out of the list, or declare the list with exclusive: true")

    @property
    def present(self) -> bool:
        """Whether the setting stands here at all: beside a flag, an engine does not start with an empty list either."""
        return KEY in self.settings

    def text(self, mirrors: Sequence[str], *, keep_empty: bool = False, keep_key: bool = True) -> Optional[bytes]:
        """The text of the file with exactly these mirrors, every other byte as it is; None where no file is needed.

        None of them means no key, unless the file already says "none" in its own words and C(keep_key) lets it, or C(keep_empty)
        asks for a C([]): an engine keeps its mirrors when the key is missing at a reload, and drops them for C([])
        (seen on 20.10.24 to 28.5.2).
        """
        if list(mirrors) == self.listed and (mirrors or not keep_empty or self.present) and (keep_key or not self.present):
            return self.data
        if mirrors or keep_empty:
            return _json_text.set_member(self._text, [KEY], list(mirrors)).encode()
        return _json_text.remove_member(self._text, [KEY]).encode()

    def locate(self, message: str) -> str:
        """An objection of the engine, with the lines of the keys of this file that it names."""
        places = [
            f"line {line}, column {column}"
            for key in self.settings
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
            if not isinstance(element.value, str):
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
        elements = self._document.root.members[KEY].node.elements
        return self._document.position(next(element.start for element in elements if element.value == mirror))

    def _refuse(self, line: int, column: int, message: str) -> NoReturn:
        raise SourceError(f"{self.path}, line {line}, column {column}: {message}. Nothing was changed.")


_AS_A_FLAG = re.compile(r"[A-Za-z0-9:/._@,+=-]*\Z")
"""What a mirror's URL may hold to stand as a plain word in a unit and in an options file."""


def _refuse_in_a_flag(path: str, mirrors: Sequence[str]) -> None:
    for mirror in mirrors:
        if not _AS_A_FLAG.match(mirror):
            raise SourceError(
                f"{path}: the mirror {_mirror_url.mask(mirror)} holds characters that units and options files give a meaning of their own. "
                "Nothing was changed. Keep it in daemon.json (source: daemon_json)."
            )


class OptionsFile:
    """C(--registry-mirror) in a variable of an options file."""

    name = "options_file"

    def __init__(self, path: str, data: Optional[bytes], variable: str, *, shell: bool) -> None:
        """Read the text of the file, None where it does not exist.

        :param shell: whether a shell reads the file, or else systemd.
        """
        self.path = path
        self.data = data
        self.variable = variable
        self._shell = shell
        self._text = (data or b"").decode(errors="surrogateescape")
        self._assignments = _options_text.assignments(self._text, variable, shell=shell)
        read = _options_text.read_as_shell if shell else _options_text.read_as_systemd
        value = read(self._text).get(variable)
        self._can_be_told = value is None or value.text is not None
        self.listed = _flags_of(value.text) if value and value.text else []

    @property
    def reason(self) -> Optional[str]:
        """Why it is not known which mirrors it lists, or None."""
        return None if self._can_be_told else f"{self.place()}: only a shell knows the value of {self.variable}"

    @property
    def present(self) -> bool:
        """Whether the flag stands here."""
        return bool(self.listed) or (not self._can_be_told and any(FLAG in assignment.source for assignment in self._assignments))

    @property
    def line(self) -> Optional[int]:
        """The line that names the mirrors, or at least the variable."""
        named = [assignment.line for assignment in self._assignments if FLAG in assignment.source]
        return named[-1] if named else None

    def place(self) -> str:
        """The file, and the line of the flag when it is there."""
        lines = [assignment.line for assignment in self._assignments]
        line = self.line or (lines[-1] if lines else None)
        return f"{self.path}, line {line}" if line else self.path

    def text(self, mirrors: Sequence[str]) -> Optional[bytes]:
        """The text of the file with exactly these mirrors as flags, every other byte as it is.

        :raises SourceError: with file and line, where it takes more than plain words.
        """
        if list(mirrors) == self.listed:
            return self.data
        _refuse_in_a_flag(self.path, [mirror for mirror in mirrors if mirror not in self.listed])
        try:
            text = _options_text.put_flag(self._text, self.variable, FLAG, mirrors, shell=self._shell)
        except _options_text.OptionsTextError as exc:
            raise SourceError(f"{self.path}, line {exc.line}: {exc.message}. Nothing was changed. Edit it by hand, or write plain words there.") from exc
        return text.encode(errors="surrogateescape")


PACKAGED = ("/lib/", "/usr/lib/", "/usr/local/lib/", "/run/")
"""Folders of units that are not the administrator's."""


class UnitFile:
    """C(--registry-mirror) in the C(ExecStart) that counts, of a unit or of a drop-in that is not ours."""

    name = "systemd_drop_in"
    reason: Optional[str] = None

    def __init__(self, path: str, data: bytes, setting: _unit_text.Setting) -> None:
        self.path = path
        self.data: Optional[bytes] = data
        self.line = setting.line
        self.listed = _flags_of(_unit_text.on_one_line(setting.value))
        self.present = bool(self.listed)
        self._setting = setting

    def place(self) -> str:
        """File and line."""
        return f"{self.path}, line {self.line}"

    def text(self, mirrors: Sequence[str]) -> Optional[bytes]:
        """The text with some of the mirrors that it lists, every other byte as it is.

        :raises SourceError: for a file of a package, which its next version overwrites, and for what is more than plain words.
        """
        if list(mirrors) == self.listed:
            return self.data
        if self.path.startswith(PACKAGED):
            raise SourceError(
                f"{self.place()}: the flag stands in a file that is not the administrator's to edit. Nothing was changed. "
                "Set an ExecStart without the flag (systemctl edit), and run this again."
            )
        text = (self.data or b"").decode(errors="surrogateescape")
        start, end = self._setting.start, self._setting.end
        value = text[start:end]
        after = text[:start] + _flag_text.put(value, FLAG, mirrors) + text[end:]
        is_plain = all(_flag_text.is_plain(value[flag.start : flag.end]) for flag in _flag_text.find(value, FLAG))
        words = _words_without_flag(value)
        left = [setting for setting in _unit_text.settings(self.path, after) if setting.start == start]
        if not is_plain or not left or _words_without_flag(left[0].value) != words or _flags_of(_unit_text.on_one_line(left[0].value)) != list(mirrors):
            raise SourceError(f"{self.place()}: the flag is more than a plain word there. Nothing was changed. Take it out by hand.")
        return after.encode(errors="surrogateescape")


class DropIn:
    """C(--registry-mirror) in a drop-in of this collection, which repeats the unit's own command line and adds the flags."""

    name = "systemd_drop_in"
    reason: Optional[str] = None

    def __init__(self, path: str, data: Optional[bytes], command: Optional[_unit_text.Setting]) -> None:
        """Read our drop-in, None where it does not exist.

        :param command: the C(ExecStart) that counts without it, or None.
        """
        self.path = path
        self.data = data
        self._command = command
        self.repeats = command.path if command else None
        self._ours = _unit_text.command([(path, data.decode(errors="replace"))]) if data else None
        effective = self._ours or command
        self.line = self._ours.line if self._ours else None
        self.listed = _flags_of(_unit_text.on_one_line(effective.value)) if effective else []
        self.present = self._ours is not None and bool(self.listed)

    @property
    def is_stale(self) -> bool:
        """Whether the unit's own command line changed since the drop-in was written."""
        return self._ours is not None and self._command is not None and self.text(self.listed) != self.data

    def place(self) -> str:
        """The file, and its line when it is there."""
        return f"{self.path}, line {self.line}" if self.line else self.path

    def text(self, mirrors: Sequence[str]) -> Optional[bytes]:
        """The text of the drop-in with exactly these mirrors; None where the unit's own command line has them.

        :raises SourceError: where there is no command line to add to.
        """
        if self._command is None:
            raise SourceError(f"{self.path}: the unit has no ExecStart of its own that flags can be added to. Nothing was changed.")
        command = _unit_text.on_one_line(self._command.value)
        if list(mirrors) == _flags_of(command):
            return None
        _refuse_in_a_flag(self.path, [mirror for mirror in mirrors if mirror not in self.listed])
        own = _flag_text.put(command, FLAG, [])
        flags = "".join(f" {FLAG}={mirror}" for mirror in mirrors)
        return (
            "# Written by the Ansible collection pullthrough.docker: the command line of\n"
            f"# {self._command.path},\n"
            "# with the registry mirrors at its end. It is written anew when that changes.\n"
            f"[Service]\nExecStart=\nExecStart={own}{flags}\n"
        ).encode(errors="surrogateescape")


FlagSource = Union[OptionsFile, UnitFile, DropIn]


def _words_without_flag(command: str) -> List[str]:
    return _flag_text.put(_unit_text.on_one_line(command), FLAG, []).split()


def _flags_of(text: str) -> List[str]:
    return [flag.value.strip("\"'") for flag in _flag_text.find(text, FLAG)]


_FLAGS: Dict[str, Tuple[str, ...]] = {
    "authorization-plugins": ("--authorization-plugin",),
    "bridge": ("--bridge", "-b"),
    "cluster-store-opts": ("--cluster-store-opt",),
    "data-root": ("--data-root", "--graph", "-g"),
    "debug": ("--debug", "-D"),
    "default-address-pools": ("--default-address-pool",),
    "default-network-opts": ("--default-network-opt",),
    "default-ulimits": ("--default-ulimit",),
    "dns-opts": ("--dns-opt",),
    "exec-opts": ("--exec-opt",),
    "features": ("--feature",),
    "group": ("--group", "-G"),
    "host-gateway-ips": ("--host-gateway-ip",),
    "hosts": ("--host", "-H"),
    "insecure-registries": ("--insecure-registry",),
    "labels": ("--label",),
    "log-level": ("--log-level", "-l"),
    "log-opts": ("--log-opt",),
    "node-generic-resources": ("--node-generic-resource",),
    "pidfile": ("--pidfile", "-p"),
    "registry-mirrors": ("--registry-mirror",),
    "storage-driver": ("--storage-driver", "-s"),
    "storage-opts": ("--storage-opt",),
}
"""Settings whose flags are called otherwise (moby cmd/dockerd/config.go and config_unix.go, 20.10 to 28.5)."""


def flags_of(key: str) -> Tuple[str, ...]:
    """The spellings of the flag for a setting of the file. With both, an engine neither starts nor reloads, whatever the values
    (seen on 20.10.24, 26.1.5, 28.5.2), and before 23.0 nothing but a start would tell. C(runtimes) is the one that is merged
    (moby daemon/config/config.go skipDuplicates)."""
    if key == "runtimes":
        return ()
    return _FLAGS.get(key, (f"--{key}",))


def flag_pattern(names: Sequence[str]) -> str:
    """A regular expression for a flag in a line; the value of a short one may follow at once."""
    return "|".join(rf"(?<![\w-]){name}" + (r"(?![\w-])" if name.startswith("--") else "") for name in names)
