# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""A snapshot of the host: the engine, its next start, and every place that names mirrors.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import collections
import os
import re

from typing import Iterable, List, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._change import daemon_file, places
from ansible_collections.pullthrough.docker.plugins.module_utils._host import engines, files, scope, services
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import cautions, certs_d, mirror_url, setting_table
from ansible_collections.pullthrough.docker.plugins.module_utils._text import command_line, masking, options_text, unit_text


class Snapshot(NamedTuple):
    """What one look sees. C(flags) are the places that the next start takes C(--registry-mirror) from."""

    engine: engines.Engine
    start: services.Start
    path: str
    flags: List[places.FlagSource]

    @property
    def in_force(self) -> Optional[List[str]]:
        """The mirrors that the engine uses, None when no engine runs."""
        return self.engine.info.mirrors if self.engine.info else None

    @property
    def flags_now(self) -> List[str]:
        """The mirrors on the command line of the engine that runs."""
        return mirror_url.engine_list(command_line.flag_values(self.engine.argv, daemon_file.FLAG)) if self.engine.process else []

    @property
    def flags_later(self) -> List[str]:
        """The mirrors on the command line of its next start; without a service, there is none but the one that runs."""
        if self.start.reader is None:
            return self.flags_now
        return mirror_url.engine_list([*command_line.flag_values(self.start.argv, daemon_file.FLAG), *self.stray_mirrors])

    @property
    def stray_mirrors(self) -> List[str]:
        """Mirrors that the next start names outside of C(flags), so that they cannot be edited: in the C(Environment) of a unit, say.

        A script may add flags of its own, and so may any other program that starts the engine: there, what the engine that runs
        was started with.
        """
        if self.start.reader is None:
            return self.flags_now
        known = collections.Counter(mirror_url.engine_spelling(mirror) for place in self.flags for mirror in place.listed)
        coming = collections.Counter(map(mirror_url.engine_spelling, command_line.flag_values(self.start.argv, daemon_file.FLAG)))
        found = list(coming - known)
        if self.start.script:
            code = "\n".join(line for _number, line in _code_of(self.start.script))
            found += map(mirror_url.engine_spelling, re.findall(rf"{daemon_file.FLAG}[= \t]+[\"']?([^\s\"']+)", code))
        if self.start.reader == "systemd" and self.start.argv and os.path.basename(self.start.argv[0]) != "dockerd":
            found += self.flags_now
        return [mirror for mirror in dict.fromkeys(found) if mirror not in known or mirror in coming - known]

    @property
    def stray_places(self) -> List[Tuple[str, int]]:
        """File and line of each mention of the flag outside of C(flags)."""
        known = [(place.path, place.line) for place in self.flags if place.present]
        pattern = setting_table.flag_pattern([daemon_file.FLAG])
        found = [(path, number) for path in self.start.files for number, line in _code_of(path) if re.search(pattern, line)]
        return [place for place in found if place not in known]

    def flags_edited(self, ours: Iterable[str]) -> List[str]:
        """What someone changed of the command line since the engine started, as text for the user; nothing where nothing is known.

        :param ours: the settings that the change is about, whose flags are no edit of someone else.
        """
        now, later = self.engine.argv, self.start.argv
        # A unit may start a script that starts the engine, and systemd fills in what begins with a percent sign.
        if not self.engine.process or not later or os.path.basename(now[0]) != os.path.basename(later[0]) or "%" in "".join(later):
            return []
        names = [name for key in ours for name in setting_table.flags_of(key)]
        running, coming = (collections.Counter(command_line.flags_besides(argv, names)) for argv in (now, later))
        lost = [] if _is_shell(self.start) else list((running - coming).elements())  # An init script adds flags of its own.
        gained = list((coming - running).elements())
        return [f"the command line {verb} {' '.join(flags)}" for verb, flags in (("loses", lost), ("gains", gained)) if flags]

    def beside_flags(self, keys: Iterable[str]) -> List[SetByFlag]:
        """Those of these settings of the file that a command line has too, now or later."""
        argvs = [self.engine.argv if self.engine.process else (), self.start.argv]
        found = []
        for key in keys:
            names = setting_table.flags_of(key)
            now, later = (tuple(name for name in names if command_line.has_flag(argv, name)) for argv in argvs)
            if now or later:
                pattern = setting_table.flag_pattern(names)
                mentions = [place for path in self.start.files for place in lines_with(pattern, path)]
                found.append(SetByFlag(key, (now or later)[0], bool(now), mentions))
        return found


class SetByFlag(NamedTuple):
    """A setting of the file that a command line has too: that of the engine that runs (C(now)), or that of its next start.

    C(places) are file and line of each mention that was found.
    """

    setting: str
    flag: str
    now: bool
    places: List[str]


def take(service: str, path: Optional[str], timeout: float) -> Snapshot:
    """Look at the engine of the user who runs this, and at what starts it.

    :param path: the configuration file, None for the engine's own.
    :raises _file.FileError: when a place cannot be read.
    """
    engine = engines.look(service, timeout)
    start = services.next_start(service)
    return Snapshot(engine, start, path or engine.config_path, _flag_sources(start))


def _flag_sources(start: services.Start) -> List[places.FlagSource]:
    """The places that make the next command line: the options file that assigns each of its variables last, and the C(ExecStart)."""
    found: List[places.FlagSource] = []
    for variable in start.variables:
        assigning = [path for path in start.options_files if options_text.assignments(files.text_of(path), variable, shell=_is_shell(start))]
        found += [options_file(start, path, variable) for path in assigning[-1:]]
    command = unit_text.command(start.unit_files)
    if command and command.path == start.own_drop_in:
        found.append(drop_in(start))
    elif command:
        found.append(places.UnitFile(command.path, files.read(command.path) or b"", command))
    return found


def options_file(start: services.Start, path: str, variable: str) -> places.OptionsFile:
    """An options file, as the service's init system reads it."""
    return places.OptionsFile(path, files.read(files.resolve(path)), variable, shell=_is_shell(start))


def _is_shell(start: services.Start) -> bool:
    return start.reader == "shell"


def drop_in(start: services.Start) -> places.DropIn:
    """The drop-in of this collection, whether it exists or not."""
    path = start.own_drop_in
    others = [(other, text) for other, text in start.unit_files if other != path]
    return places.DropIn(path, files.read(path), unit_text.command(others))


def lines_with(pattern: str, path: str) -> List[str]:
    """File and line of each match outside of comments; a file that cannot be read has none."""
    return [f"{path}, line {number}" for number, line in _code_of(path) if re.search(pattern, line)]


def _code_of(path: str) -> List[Tuple[int, str]]:
    """The lines of a file that are no comments, with their numbers."""
    lines = enumerate(files.text_of(path).splitlines(), 1)
    return [(number, line) for number, line in lines if not line.lstrip().startswith(("#", ";"))]


def find_cautions(engine: engines.Engine, mirrors: Sequence[str], insecure: Sequence[str]) -> List[str]:
    """What is to be said of mirrors that this engine uses, or will."""
    store = engine.info.image_store if engine.info else None
    hosts = hosts_in_place_of_mirrors(scope.certs_folder())
    found = cautions.of(mirrors, insecure=insecure, image_store=store, version=engine.version, hosts_toml=hosts)
    return [masking.mask(caution) for caution in found]


_HOST_TABLE = r"""^\s*\[\s*(?:host|"host"|'host')\s*\.\s*[^\s.\]]"""
"""The header of a host table in ``hosts.toml``. Engines find hosts by these headers only: they ignore a host that is
written as an inline table or below a plain ``[host]`` (seen on 28.5.2)."""


def hosts_in_place_of_mirrors(folder: str) -> Optional[str]:
    """File and line of the first host in the ``hosts.toml`` that the engine reads for Docker Hub's images, or None.

    The engine reads ``_default`` only where there is no ``docker.io``, not even an empty one (seen on 28.5.2).

    :param folder: the engine's ``certs.d``.
    """
    hub = os.path.join(folder, certs_d.HUB)
    read = hub if os.path.exists(hub) else os.path.join(folder, "_default")
    found = lines_with(_HOST_TABLE, os.path.join(read, "hosts.toml"))
    return found[0] if found else None
