# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""A snapshot of the host: the engine, its next start, and every place that names mirrors. Each file is read once.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import collections
import os
import re

from typing import Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from ansible_collections.pullthrough.docker.plugins.module_utils._change import certificates
from ansible_collections.pullthrough.docker.plugins.module_utils._change.daemon_file import DaemonJson
from ansible_collections.pullthrough.docker.plugins.module_utils._change.places import (
    FLAG,
    DropIn,
    FlagPlace,
    OptionsFile,
    UnitFile,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._change.refusal import Refused
from ansible_collections.pullthrough.docker.plugins.module_utils._host import services
from ansible_collections.pullthrough.docker.plugins.module_utils._host.engines import Engine
from ansible_collections.pullthrough.docker.plugins.module_utils._host.files import FileError
from ansible_collections.pullthrough.docker.plugins.module_utils._host.host import File, Host
from ansible_collections.pullthrough.docker.plugins.module_utils._host.services import Start
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import (
    cautions,
    certs_d,
    docker_login,
    mirror_url,
    setting_table,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._text import (
    command_line,
    masking,
    options_text,
    unit_text,
)

_NAME_ADVICE = "Set service (docker_mirror_service in the role) to the name of a unit or init script, such as docker."


class Line(NamedTuple):
    """A line of a file that is not a comment."""

    path: str
    number: int
    text: str

    @property
    def place(self) -> str:
        return f"{self.path}, line {self.number}"


class FlagOfSetting(NamedTuple):
    """A setting of ``daemon.json`` that a command line has too."""

    setting: str
    flag: str
    runs: bool
    """Whether the engine that runs has it, and not only its next start."""
    places: List[str]
    """File and line of each mention that was found."""


class Snapshot(NamedTuple):
    """What the host has, as it was read."""

    engine: Engine
    start: Start
    path: str
    """The configuration file, as the engine or the user names it."""
    config_file: File
    parsed: Optional[DaemonJson]
    """The configuration, None where it cannot be used."""
    config_problem: Optional[Union[Refused, FileError]]
    flags: Sequence[FlagPlace]
    """The places from which the next start takes ``--registry-mirror``."""
    files: Mapping[str, File]
    """The options files, units and drop-ins that can be edited, by the paths that the places have."""
    code: Sequence[Line]
    """The lines of the files that make the next command line."""
    hosts_toml: Optional[certs_d.HostsToml]
    """File and line of a host that the engine asks in place of its mirrors, or None."""
    certs: Optional[certificates.CertsD]
    stop_kills_containers: bool
    """Whether a stop of the service kills the containers that ``live-restore`` would keep."""
    now: float
    """Seconds since the epoch."""
    user: int
    """The id of the user who runs the module."""
    read_files: Sequence[str]
    """The configuration files that the engine reads, now and at its next start, behind all symlinks."""
    login: Optional[str] = None
    """The file with this user's login for Docker Hub, or None."""

    # -- the configuration ---------------------------------------------------------------------------------------------

    @property
    def config(self) -> DaemonJson:
        """The configuration.

        :raises Refused: where it cannot be used.
        """
        if self.parsed is None:
            raise self.config_problem or Refused(f"{self.path}: cannot be read")
        return self.parsed

    def file(self, path: str) -> File:
        """Return a file that is about to be edited.

        :raises FileError: where it must not be.
        """
        found = self.config_file if path == self.config.path else self.files[path]
        if found.problem:
            raise found.problem
        return found

    # -- mirrors -------------------------------------------------------------------------------------------------------

    @property
    def in_force(self) -> Optional[List[str]]:
        """The mirrors that the engine uses, None when no engine runs."""
        return self.engine.info.mirrors if self.engine.info else None

    @property
    def flags_now(self) -> List[str]:
        """The mirrors on the command line of the engine that runs."""
        if not self.engine.process:
            return []
        return mirror_url.engine_list(command_line.flag_values(self.engine.argv, FLAG))

    @property
    def flags_later(self) -> List[str]:
        """The mirrors on the command line of its next start; without a service there is only the one that runs."""
        if self.start.reader is None:
            return self.flags_now
        return mirror_url.engine_list([*command_line.flag_values(self.start.argv, FLAG), *self.stray_mirrors])

    @property
    def next_argv(self) -> Sequence[str]:
        """The command line of the next start; without a service there is only the one that runs."""
        return self.start.argv if self.start.reader else self.engine.argv

    @property
    def stray_mirrors(self) -> List[str]:
        """Mirrors that the next start names outside of ``flags``, where they cannot be edited, as in ``Environment=``.

        A script can add flags of its own, and so can any other program that starts the engine: then the flags of the
        engine that runs count.
        """
        if self.start.reader is None:
            return self.flags_now
        known = collections.Counter(
            mirror_url.engine_spelling(mirror) for place in self.flags for mirror in place.listed
        )
        coming = collections.Counter(map(mirror_url.engine_spelling, command_line.flag_values(self.start.argv, FLAG)))
        found = list(coming - known)
        for line in self.code:
            if line.path == self.start.script:
                values = re.findall(r"--registry-mirror[= \t]+[\"']?([^\s\"']+)", line.text)
                found += map(mirror_url.engine_spelling, values)
        if self.start.reader == "systemd" and self.start.argv and os.path.basename(self.start.argv[0]) != "dockerd":
            found += self.flags_now
        return [mirror for mirror in dict.fromkeys(found) if mirror not in known or mirror in coming - known]

    @property
    def stray_lines(self) -> List[Line]:
        """Each mention of the flag outside of ``flags``."""
        known = [(place.path, place.line) for place in self.flags if place.present]
        return [line for line in self.lines_with([FLAG]) if (line.path, line.number) not in known]

    # -- other flags ---------------------------------------------------------------------------------------------------

    def lines_with(self, flags: Sequence[str]) -> List[Line]:
        """Return the lines that mention one of these flags."""
        pattern = setting_table.flag_pattern(flags)
        return [line for line in self.code if re.search(pattern, line.text)]

    def settings_also_set_by_flag(self, keys: Iterable[str]) -> List[FlagOfSetting]:
        """Return those of these settings of the file that a command line has too, now or at the next start."""
        found = []
        for key in keys:
            names = setting_table.of(key).flags
            now = self._has_one(self.engine.argv if self.engine.process else (), names)
            later = self._has_one(self.start.argv, names)
            if now or later:
                places = [line.place for line in self.lines_with(names)]
                found.append(FlagOfSetting(key, str(now or later), now is not None, places))
        return found

    @staticmethod
    def _has_one(argv: Sequence[str], names: Sequence[str]) -> Optional[str]:
        return next((name for name in names if command_line.has_flag(argv, name)), None)

    def command_line_edits(self, ours: Iterable[str]) -> List[str]:
        """Return what someone changed of the command line since the engine started, as text for the user.

        :param ours: the settings that the change is about, whose flags do not count.
        """
        now, later = self.engine.argv, self.start.argv
        # A unit may start a script that starts the engine, and systemd fills in what begins with a percent sign.
        is_another = not later or os.path.basename(now[0] if now else "") != os.path.basename(later[0])
        if not self.engine.process or is_another or "%" in "".join(later):
            return []
        names = [name for key in ours for name in setting_table.of(key).flags]
        running, coming = (collections.Counter(command_line.flags_besides(argv, names)) for argv in (now, later))
        # An init script adds flags of its own.
        lost = [] if self.start.reader == "shell" else list((running - coming).elements())
        gained = list((coming - running).elements())
        return [
            f"the command line {verb} {' '.join(flags)}"
            for verb, flags in (("loses", lost), ("gains", gained))
            if flags
        ]

    # -- cautions ------------------------------------------------------------------------------------------------------

    def cautions(self, mirrors: Sequence[str], insecure: Sequence[str]) -> List[str]:
        """Return what must be said of mirrors that this engine uses, or will use."""
        found = cautions.of(
            mirrors,
            insecure=insecure,
            image_store=self.engine.info.image_store if self.engine.info else None,
            version=self.engine.version,
            hosts_toml=self.hosts_toml,
            login=self.login,
        )
        return [masking.mask(caution) for caution in found]


def take(
    host: Host, service: str, path: Optional[str], timeout: float, *, certificates_of: Optional[Sequence[str]] = None
) -> Snapshot:
    """Read the engine of the user who runs this, what starts it, and the files that name mirrors.

    :param path: the configuration file, None for the engine's own.
    :param certificates_of: the mirrors whose certificates are read, None for no certificates.
    :raises Refused: when there can be no service of this name, or the name is only an alias.
    :raises FileError: when a file of the service is not a file, or cannot be read.
    """
    if not services.is_name(service):
        raise Refused(f"service is {service!r}, which cannot be the name of one service", _NAME_ADVICE)
    engine = host.engine(service, timeout)
    start = host.next_start(service)
    if start.alias_of:
        # Drop-ins and messages would name a unit that is not the one that systemd starts.
        raise Refused(f"service is {service}, which is only another name of the unit {start.alias_of}", _NAME_ADVICE)
    path = path or engine.config_path
    config_file = host.file(path)
    read = dict.fromkeys([engine.config_path, *command_line.flag_values(start.argv, "--config-file")])
    parsed, problem = _parse(config_file)
    found = _editable_files(host, start)
    return Snapshot(
        engine=_with_data_root(host, engine, parsed),
        start=start,
        path=path,
        config_file=config_file,
        parsed=parsed,
        config_problem=problem,
        flags=_flag_places(start, found),
        files=found,
        code=_code(host, start),
        hosts_toml=_hosts_toml(host),
        certs=None if certificates_of is None else certificates.read(host, certificates_of),
        stop_kills_containers=host.stop_kills_containers(engine, start),
        now=host.now(),
        user=host.user(),
        read_files=[config_file.path if name == path else host.file(name).path for name in read],
        login=_login(host, engine),
    )


def _login(host: Host, engine: Engine) -> Optional[str]:
    """Return the file with a login for Docker Hub that pulls of this user send to mirrors, or None.

    Only engines with a classic image store send it to mirrors.
    """
    if engine.info is None or engine.info.image_store == "containerd":
        return None
    path = host.docker_config()
    return path if docker_login.is_in(host.text(path)) else None


def _parse(file: File) -> Tuple[Optional[DaemonJson], Optional[Union[Refused, FileError]]]:
    if file.problem:
        return None, file.problem
    try:
        return DaemonJson(file.path, file.data), None
    except Refused as exc:
        return None, exc


def _with_data_root(host: Host, engine: Engine, config: Optional[DaemonJson]) -> Engine:
    """The engine shows its data-root behind all symlinks: show the configured spelling where that leads there."""
    configured = config.settings.get("data-root") if config else None
    info = engine.info
    if info is None or not isinstance(configured, str) or "data-root" not in info.settings or "\0" in configured:
        return engine
    if not setting_table.is_same(
        "data-root", host.real_path(configured), host.real_path(str(info.settings["data-root"]))
    ):
        return engine
    return engine._replace(info=info._replace(settings={**info.settings, "data-root": configured}))


# -- files of the service --------------------------------------------------------------------------------------------


def _editable_files(host: Host, start: Start) -> Dict[str, File]:
    paths = [path for path, _text in start.unit_files] + start.options_files
    if start.reader == "systemd":
        paths.append(start.own_drop_in)
    return {path: host.file(path) for path in dict.fromkeys(paths)}


def _flag_places(start: Start, found: Mapping[str, File]) -> List[FlagPlace]:
    """Return the places that make the next command line: the options file that assigns each of its variables last, and
    the ``ExecStart`` that counts.

    :raises FileError: when one of them cannot be read.
    """
    places: List[FlagPlace] = []
    for variable in start.variables:
        places += [options_file(start, found, path, variable) for path in assigning(start, found, variable)[-1:]]
    command = unit_text.command(start.unit_files)
    if command and command.path == start.own_drop_in:
        places.append(drop_in(start, found))
    elif command:
        places.append(UnitFile(command.path, _data(found[command.path]) or b"", command))
    return places


def assigning(start: Start, found: Mapping[str, File], variable: str) -> List[str]:
    """Return the options files that assign a variable, in the order in which they are read.

    :raises FileError: when one of them cannot be read.
    """
    return [
        path
        for path in start.options_files
        if options_text.assignments(_text_of(found[path]), variable, shell=start.reader == "shell")
    ]


def options_file(start: Start, found: Mapping[str, File], path: str, variable: str) -> OptionsFile:
    """Return an options file, as the service's init system reads it.

    :raises FileError: when it cannot be read.
    """
    return OptionsFile(path, _data(found[path]), variable, shell=start.reader == "shell")


def drop_in(start: Start, found: Mapping[str, File]) -> DropIn:
    """Return the drop-in of this collection, whether it exists or not.

    :raises FileError: when it cannot be read.
    """
    path = start.own_drop_in
    others = [(other, text) for other, text in start.unit_files if other != path]
    return DropIn(path, _data(found[path]), unit_text.command(others))


def _data(file: File) -> Optional[bytes]:
    if file.unreadable:
        raise file.unreadable
    return file.data


def _text_of(file: File) -> str:
    return (_data(file) or b"").decode(errors="replace")


def _code(host: Host, start: Start) -> List[Line]:
    texts = [*start.unit_files, *((path, host.text(path)) for path in start.files[len(start.unit_files) :])]
    return [line for path, text in texts for line in _lines(path, text)]


def _lines(path: str, text: str) -> List[Line]:
    """Return the lines of a file that are not comments."""
    lines = enumerate(text.splitlines(), 1)
    return [Line(path, number, line) for number, line in lines if not line.lstrip().startswith(("#", ";"))]


def _hosts_toml(host: Host) -> Optional[certs_d.HostsToml]:
    """Return what the ``hosts.toml`` that the engine reads for images of Docker Hub changes.

    The engine reads ``_default`` only where no ``docker.io`` exists, not even an empty one (seen on 28.5.2).
    """
    folder = host.certs_folder()
    hub = os.path.join(folder, certs_d.HUB)
    path = os.path.join(hub if host.exists(hub) else os.path.join(folder, "_default"), "hosts.toml")
    return certs_d.hosts_toml(path, host.file(path).data or b"")
