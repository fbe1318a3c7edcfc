# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The place where mirrors must be kept, and the other places that name mirrors.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: it touches nothing.
"""

from __future__ import annotations

import os

from typing import List, Optional, Sequence, Union

from ansible_collections.pullthrough.docker.plugins.module_utils._change import guards, snapshots
from ansible_collections.pullthrough.docker.plugins.module_utils._change.daemon_file import DaemonJson
from ansible_collections.pullthrough.docker.plugins.module_utils._change.places import DropIn, FlagPlace, UnitFile
from ansible_collections.pullthrough.docker.plugins.module_utils._change.refusal import Refused
from ansible_collections.pullthrough.docker.plugins.module_utils._change.snapshots import Snapshot
from ansible_collections.pullthrough.docker.plugins.module_utils._host.services import OWN_DROP_IN, Start
from ansible_collections.pullthrough.docker.plugins.module_utils._text import unit_text

Place = Union[DaemonJson, FlagPlace]

_ADVICE = "Keep the mirrors in daemon.json (source: daemon_json)."

_USUAL_VARIABLES = ("DOCKER_OPTS", "OPTIONS", "other_args")
"""The variables of Debian and of Red Hat that are there for the administrator's own flags."""

_VOLATILE = ("/run/", "/var/run/")
"""Folders whose files are written anew at each start, such as /run/docker/runtimes.env of Amazon Linux."""


def chosen_place(
    seen: Snapshot, source: str, service: str, *, path: Optional[str] = None, variable: Optional[str] = None
) -> Place:
    """Return the place where the mirrors must be kept.

    :param path: the options file that the user names.
    :param variable: the variable that the user names.
    :raises Refused: when the host has no such place.
    """
    if source == "systemd_drop_in":
        _refuse_drop_in(seen.start, service)
        return snapshots.drop_in(seen.start, seen.files)
    if source == "options_file":
        _refuse_options_file(seen.start, service, path, variable)
        variable = variable or _usual_variable(seen.start)
        path = path or _usual_options_file(seen, variable)
        return snapshots.options_file(seen.start, seen.files, path, variable)
    return seen.config


def other_places(seen: Snapshot, chosen: Place) -> List[Place]:
    """Return the other places that name mirrors. Our drop-in repeats the command line of a unit without its mirrors, so
    that unit does not count beside it."""
    overruled = UnitFile if isinstance(chosen, DropIn) else ()
    places: List[Place] = [seen.config, *seen.flags]
    return [
        place for place in places if place.path != chosen.path and place.present and not isinstance(place, overruled)
    ]


# -- a drop-in -------------------------------------------------------------------------------------------------------


def _refuse_drop_in(start: Start, service: str) -> None:
    if start.reader != "systemd":
        raise Refused(f"source is systemd_drop_in, and systemd has no unit {service} here", _ADVICE)
    for path, text in start.unit_files:
        commands = [setting for setting in unit_text.settings(path, text) if setting.key == "ExecStart"]
        if commands and path.endswith(".conf") and os.path.basename(path) > OWN_DROP_IN:
            raise Refused(
                f"{path}, line {commands[-1].line}: this drop-in applies after {start.own_drop_in} and also sets the "
                "command line",
                "Give it a name that sorts before.",
            )
    guards.refuse_other_program(start)


# -- an options file -------------------------------------------------------------------------------------------------


def _refuse_options_file(start: Start, service: str, path: Optional[str], variable: Optional[str]) -> None:
    """Refuse what the service does not read, or reads from a file that does not last."""
    if start.reader is None:
        raise Refused(f"source is options_file, and this host has no service {service} that could read one", _ADVICE)
    if not start.options_files or not start.variables:
        raise Refused(
            f"source is options_file, and the unit of {service} reads none: its ExecStart uses no variable of an "
            "EnvironmentFile, as with Docker's own packages",
            _ADVICE,
        )
    if path and path not in start.options_files:
        raise Refused(f"{service} does not read {path}: it reads {' and '.join(start.options_files)}")
    if variable and variable not in start.variables:
        raise Refused(f"{service} does not use {variable}: it uses {' and '.join(start.variables)}")
    if not _lasting([path] if path else start.options_files):
        raise Refused(f"{path or start.options_files[-1]} is written anew at each start of the host", _ADVICE)


def _usual_variable(start: Start) -> str:
    return next((name for name in start.variables if name in _USUAL_VARIABLES), start.variables[-1])


def _usual_options_file(seen: Snapshot, variable: str) -> str:
    """Return the file that assigns the variable last, else the one that is called like the service, else the last.

    :raises Refused: when a file that does not last overwrites the variable.
    """
    assigning = snapshots.assigning(seen.start, seen.files, variable)
    if assigning and not _lasting(assigning[-1:]):
        raise Refused(f"{assigning[-1]} is written anew at each start of the host, and it sets {variable}", _ADVICE)
    lasting = _lasting(seen.start.options_files)
    named = [path for path in lasting if os.path.basename(path) == seen.start.service]
    return (assigning or named or lasting)[-1]


def _lasting(paths: Sequence[str]) -> List[str]:
    return [path for path in paths if not path.startswith(_VOLATILE)]
