# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""One look at a host: the engine, what it will be started with, and every place that names mirrors. It changes nothing.

Private to the collection C(pullthrough.docker): it may change at any time, without notice.
"""

from __future__ import annotations

import collections
import os
import re

from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils import (
    _certs,
    _engine,
    _file,
    _host,
    _mirror_url,
    _options_text,
    _service,
    _sources,
    _unit_text,
    _use,
)


class Look(NamedTuple):
    """What one look sees. C(flags) are the places that the next start takes C(--registry-mirror) from."""

    engine: _engine.Engine
    start: _service.Start
    path: str
    flags: List[_sources.FlagSource]

    @property
    def in_force(self) -> Optional[List[str]]:
        """The mirrors that the engine uses, None when no engine runs."""
        return self.engine.info.mirrors if self.engine.info else None

    @property
    def flags_now(self) -> List[str]:
        """The mirrors on the command line of the engine that runs."""
        return _mirror_url.engine_list(_engine.flag_values(self.engine.argv, _sources.FLAG)) if self.engine.process else []

    @property
    def flags_later(self) -> List[str]:
        """The mirrors on the command line of its next start; without a service, there is none but the one that runs."""
        if self.start.reader is None:
            return self.flags_now
        return _mirror_url.engine_list([*_engine.flag_values(self.start.argv, _sources.FLAG), *self.stray_mirrors])

    @property
    def stray_mirrors(self) -> List[str]:
        """Mirrors that the next start names outside of C(flags), so that they cannot be edited: in the C(Environment) of a unit, say.

        A script may add flags of its own, and so may any other program that starts the engine: there, what the engine that runs
        was started with.
        """
        if self.start.reader is None:
            return self.flags_now
        known = collections.Counter(_mirror_url.engine_spelling(mirror) for place in self.flags for mirror in place.listed)
        coming = collections.Counter(map(_mirror_url.engine_spelling, _engine.flag_values(self.start.argv, _sources.FLAG)))
        found = list(coming - known)
        if self.start.script:
            code = "\n".join(line for _number, line in _code_of(self.start.script))
            found += map(_mirror_url.engine_spelling, re.findall(rf"{_sources.FLAG}[= \t]+[\"']?([^\s\"']+)", code))
        if self.start.reader == "systemd" and self.start.argv and os.path.basename(self.start.argv[0]) != "dockerd":
            found += self.flags_now
        return [mirror for mirror in dict.fromkeys(found) if mirror not in known or mirror in coming - known]

    @property
    def stray_places(self) -> List[Tuple[str, int]]:
        """File and line of each mention of the flag outside of C(flags)."""
        known = [(place.path, place.line) for place in self.flags if place.present]
        pattern = _sources.flag_pattern([_sources.FLAG])
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
        names = [name for key in ours for name in _sources.flags_of(key)]
        running, coming = (collections.Counter(_engine.flags_besides(argv, names)) for argv in (now, later))
        lost = [] if _is_shell(self.start) else list((running - coming).elements())  # An init script adds flags of its own.
        gained = list((coming - running).elements())
        return [f"the command line {verb} {' '.join(flags)}" for verb, flags in (("loses", lost), ("gains", gained)) if flags]

    def beside_flags(self, keys: Iterable[str]) -> List[SetByFlag]:
        """Those of these settings of the file that a command line has too, now or later."""
        argvs = [self.engine.argv if self.engine.process else (), self.start.argv]
        found = []
        for key in keys:
            names = _sources.flags_of(key)
            now, later = (tuple(name for name in names if _engine.has_flag(argv, name)) for argv in argvs)
            if now or later:
                pattern = _sources.flag_pattern(names)
                places = [place for path in self.start.files for place in lines_with(pattern, path)]
                found.append(SetByFlag(key, (now or later)[0], bool(now), places))
        return found


class SetByFlag(NamedTuple):
    """A setting of the file that a command line has too: that of the engine that runs (C(now)), or that of its next start.

    C(places) are file and line of each mention that was found.
    """

    setting: str
    flag: str
    now: bool
    places: List[str]


def look(service: str, path: Optional[str], timeout: float) -> Look:
    """Look at the engine of the user who runs this, and at what starts it.

    :param path: the configuration file, None for the engine's own.
    :raises _file.FileError: when a place cannot be read.
    """
    engine = _engine.look(service, timeout)
    start = _service.next_start(service)
    return Look(engine, start, path or engine.config_path, _flag_sources(start))


def _flag_sources(start: _service.Start) -> List[_sources.FlagSource]:
    """The places that make the next command line: the options file that assigns each of its variables last, and the C(ExecStart)."""
    found: List[_sources.FlagSource] = []
    for variable in start.variables:
        assigning = [path for path in start.options_files if _options_text.assignments(_host.text_of(path), variable, shell=_is_shell(start))]
        found += [options_file(start, path, variable) for path in assigning[-1:]]
    command = _unit_text.command(start.unit_files)
    if command and command.path == start.own_drop_in:
        found.append(drop_in(start))
    elif command:
        found.append(_sources.UnitFile(command.path, _file.read(command.path) or b"", command))
    return found


def options_file(start: _service.Start, path: str, variable: str) -> _sources.OptionsFile:
    """An options file, as the service's init system reads it."""
    return _sources.OptionsFile(path, _file.read(_file.resolve(path)), variable, shell=_is_shell(start))


def _is_shell(start: _service.Start) -> bool:
    return start.reader == "shell"


def drop_in(start: _service.Start) -> _sources.DropIn:
    """The drop-in of this collection, whether it exists or not."""
    path = start.own_drop_in
    others = [(other, text) for other, text in start.unit_files if other != path]
    return _sources.DropIn(path, _file.read(path), _unit_text.command(others))


def lines_with(pattern: str, path: str) -> List[str]:
    """File and line of each match outside of comments; a file that cannot be read has none."""
    return [f"{path}, line {number}" for number, line in _code_of(path) if re.search(pattern, line)]


def _code_of(path: str) -> List[Tuple[int, str]]:
    """The lines of a file that are no comments, with their numbers."""
    lines = enumerate(_host.text_of(path).splitlines(), 1)
    return [(number, line) for number, line in lines if not line.lstrip().startswith(("#", ";"))]


# -- the module registry_mirrors_info --------------------------------------------------------------------------------


def survey(service: str, path: Optional[str], timeout: float) -> Tuple[Dict[str, Any], List[str]]:
    """The returns of the module C(registry_mirrors_info), and its warnings.

    :param service: the unit or init script.
    :param path: the configuration file, None for the engine's own.
    :param timeout: seconds for the engine's answer.
    :raises _file.FileError: when a file of the service is none, or cannot be read.
    """
    return told(look(service, path, timeout))


def told(seen: Look) -> Tuple[Dict[str, Any], List[str]]:
    """What L(survey) returns of one look.

    :raises _file.FileError: as L(survey).
    """
    warnings: List[str] = []
    conflicts: List[Dict[str, Any]] = []
    places: List[Dict[str, Any]] = [{"source": "daemon_json", "path": seen.path, "line": None, "mirrors": None, "reason": None}]
    try:
        source = _sources.DaemonJson(seen.path, _file.read(_file.resolve(seen.path)))
        warnings = cautions(seen.engine, seen.in_force or [], source.insecure)
        places[0].update(line=source.line, mirrors=_mirror_url.shown_list(source.listed))
        conflicts = [_conflict(flag, source) for flag in seen.beside_flags(source.settings)]
    except (_sources.SourceError, _file.FileError) as exc:
        places[0]["reason"] = _mirror_url.mask(str(exc))
    places += [
        {
            "source": flag.name,
            "path": flag.path,
            "line": flag.line,
            "mirrors": None if flag.reason else _mirror_url.shown_list(flag.listed),
            "reason": None if flag.reason is None else _mirror_url.mask(flag.reason),
        }
        for flag in seen.flags
        if flag.present
    ]
    if seen.stray_mirrors:
        path, line = seen.stray_places[0] if seen.stray_places else (None, None)
        mirrors = _mirror_url.shown_list(seen.stray_mirrors)
        places.append({"source": "command_line", "path": path, "line": line, "mirrors": mirrors, "reason": None})
    if seen.start.fault:
        conflicts.append({"setting": "command line", "places": [seen.start.fault.partition(": ")[0]], "message": _mirror_url.mask(f"{seen.start.fault}.")})
    configured = _mirror_url.shown_list(seen.flags_later) or places[0]["mirrors"]
    in_force = None if seen.in_force is None else _mirror_url.shown_list(seen.in_force)
    if any(conflict["setting"] == _sources.KEY for conflict in conflicts):
        configured = None
    reasons = []
    if configured is not None and in_force is not None and configured != in_force:
        reasons.append(f"The engine uses {' '.join(in_force) or 'no mirror'}, and {' '.join(configured) or 'no mirror'} is configured.")
    reasons += [
        f"{flag.place()}: the unit's own command line changed since this drop-in was written, and the engine starts with the old one."
        for flag in seen.flags
        if isinstance(flag, _sources.DropIn) and flag.is_stale
    ]
    result = {
        "changed": False,
        "path": seen.path,
        "mirrors": configured,
        "in_force": in_force,
        "drift": None if configured is None or in_force is None else bool(reasons),
        "drift_reasons": reasons,
        "sources": places,
        "last_change": max((written for place in places if place["path"] for written in [_host.modified(place["path"])] if written), default=None),
        "conflicts": conflicts,
        "cautions": warnings,
        "engine": seen.engine.facts(),
    }
    if seen.engine.is_roots:
        warnings = [*warnings, f"The task does not run as root: {seen.engine.reason}."]
    return result, warnings


def cautions(engine: _engine.Engine, mirrors: Sequence[str], insecure: Sequence[str]) -> List[str]:
    """What is to be said of mirrors that this engine uses, or will."""
    store = engine.info.image_store if engine.info else None
    hosts = hosts_in_place_of_mirrors(_engine.certs_folder())
    found = _use.cautions(mirrors, insecure=insecure, image_store=store, version=engine.version, hosts_toml=hosts)
    return [_mirror_url.mask(caution) for caution in found]


_HOST_TABLE = r"""^\s*\[\s*(?:host|"host"|'host')\s*\.\s*[^\s.\]]"""
"""The header of a host table in ``hosts.toml``. Engines find hosts by these headers only: they ignore a host that is
written as an inline table or below a plain ``[host]`` (seen on 28.5.2)."""


def hosts_in_place_of_mirrors(folder: str) -> Optional[str]:
    """File and line of the first host in the ``hosts.toml`` that the engine reads for Docker Hub's images, or None.

    The engine reads ``_default`` only where there is no ``docker.io``, not even an empty one (seen on 28.5.2).

    :param folder: the engine's ``certs.d``.
    """
    hub = os.path.join(folder, _certs.HUB)
    read = hub if os.path.exists(hub) else os.path.join(folder, "_default")
    found = lines_with(_HOST_TABLE, os.path.join(read, "hosts.toml"))
    return found[0] if found else None


def _conflict(flag: SetByFlag, source: _sources.DaemonJson) -> Dict[str, Any]:
    places = [source.place(flag.setting), *(flag.places or [f"the engine's command line ({flag.flag})"])]
    return {
        "setting": flag.setting,
        "places": places,
        "message": f"An engine with {flag.setting} in more than one of {'; '.join(places)} does not start. Take it out of all but one.",
    }
