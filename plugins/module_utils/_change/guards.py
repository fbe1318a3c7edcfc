# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What a plan must not do, whatever it is for.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: it touches nothing.
"""

from __future__ import annotations

import os
import shlex

from typing import List, Optional

from ansible_collections.pullthrough.docker.plugins.module_utils._change.daemon_file import DaemonJson
from ansible_collections.pullthrough.docker.plugins.module_utils._change.model import Options, Plan
from ansible_collections.pullthrough.docker.plugins.module_utils._change.places import FLAG
from ansible_collections.pullthrough.docker.plugins.module_utils._change.refusal import Refused
from ansible_collections.pullthrough.docker.plugins.module_utils._change.snapshots import FlagOfSetting, Snapshot
from ansible_collections.pullthrough.docker.plugins.module_utils._host.engine_api import Info
from ansible_collections.pullthrough.docker.plugins.module_utils._host.services import Start
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import (
    activation,
    mirror_url,
    setting_table,
    versions,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._text import command_line, masking

_CONSENT = "keep_containers: false"
_RESTART = "restart it, which stops containers unless live-restore is on."
_UNCLEAR = {
    "unreachable": "Fix what this message or the engine's log names (journalctl -u {service} -n 50). "
    f"If the engine hangs, {_RESTART}",
    "starting": "Run this again in a minute. If the engine is still starting then, look into its log "
    f"(journalctl -u {{service}} -n 50), and {_RESTART}",
    "ambiguous": "Set service (docker_mirror_service in the role) to the service of the one that you mean.",
}
"""What to do about an engine that cannot be asked, by its state."""


# -- the snapshot ----------------------------------------------------------------------------------------------------


def refuse_unclear_engine(snapshot: Snapshot, options: Options) -> None:
    """Refuse to change an engine of which it is not known what it does.

    :raises Refused: for an engine in one of these states, and where only root has an engine and the task is a user's.
    """
    engine = snapshot.engine
    if options.path is None:  # A user who names the file does not mean an engine of their own.
        refuse_roots_engine(snapshot)
    advice = _UNCLEAR.get(engine.state)
    if advice:
        raise Refused(f"The Docker Engine is {engine.state}: {engine.reason}", advice.format(service=options.service))


def refuse_roots_engine(snapshot: Snapshot) -> None:
    """Refuse a task about a user's own engine where only root has one."""
    if snapshot.engine.is_roots:
        raise Refused(
            f"The task does not run as root: {snapshot.engine.reason}",
            "If this user needs a rootless engine, install it first (dockerd-rootless-setuptool.sh install).",
        )


def refuse_unread_file(snapshot: Snapshot) -> None:
    """Refuse a reload for a file that the engine does not read, neither now nor at its next start."""
    if snapshot.config_file.path not in snapshot.read_files:
        raise Refused(
            f"path is {snapshot.path}, but the engine reads {snapshot.engine.config_path}",
            "Take out path, or first start the engine with --config-file and this path.",
        )


def refuse_other_program(start: Start) -> None:
    """Refuse a drop-in for a unit that starts no engine, because it would add the engine's flags to another program.

    A script may start one.
    """
    if start.script or any(os.path.basename(word) == "dockerd" for word in start.argv):
        return
    starts = masking.mask(shlex.join(start.argv), 100) or "nothing"
    raise Refused(
        f"source is systemd_drop_in, and the unit {start.service}.service does not start dockerd: it starts {starts}",
        "Set service (docker_mirror_service in the role) to the unit of the engine.",
    )


# -- the plan --------------------------------------------------------------------------------------------------------


def refuse_flag_conflicts(plan: Plan, options: Options) -> List[str]:
    """Refuse settings that will be in the file and on the command line, now or at the next start.

    :returns: warnings.
    :raises Refused: with the places of both.
    """
    snapshot = plan.snapshot
    process = None if plan.needs_restart else snapshot.engine.process  # A restart ends the command line that runs.
    later = snapshot._replace(
        start=snapshot.start._replace(argv=tuple(plan.argv)), engine=snapshot.engine._replace(process=process)
    )
    for flag in later.settings_also_set_by_flag(plan.after.settings):
        _refuse_flag(plan, flag, options)
    fault = snapshot.start.fault
    if fault and plan.needs_restart:
        raise Refused(fault)
    return [f"The engine will fail at its next start. {fault}."] if fault else []


def _refuse_flag(plan: Plan, flag: FlagOfSetting, options: Options) -> None:
    process = plan.snapshot.engine.process
    who = engine_with_flag(options.service, process.pid if flag.runs and process else None)
    where = f" ({' and '.join(flag.places)})" if flag.places else ""
    raise Refused(
        f"{who} has {flag.flag} on its command line{where}. An engine that also has {flag.setting} "
        f"in {plan.snapshot.config.place(flag.setting)} does not start",
        "Remove one of the two. If you remove the flag, restart the engine. Then run this again.",
    )


def engine_with_flag(service: str, pid: Optional[int]) -> str:
    """Return which engine has a flag: the process that runs, or the service at its next start."""
    return f"The engine ({f'process {pid}' if pid else f'the service {service}, at its next start'})"


# -- what engines of these versions refuse ---------------------------------------------------------------------------


def refuse_by_version(plan: Plan, running: Optional[versions.Version], installed: Optional[versions.Version]) -> None:
    """Refuse what engines of these versions would refuse, and ``dockerd --validate`` does not find.

    :param running: the version of the engine that runs, None where none runs.
    :param installed: the version of the installed program, None where there is none: then nothing validates the file.
    :raises Refused: with file and line where the file has it already.
    """
    after, config = plan.after, plan.snapshot.config
    is_old = any(version is not None and version < versions.HAS_VALIDATE for version in (running, installed))
    if is_old:
        after.check_keys()
    if is_old or installed is None:
        after.check_types()
    if after.blank:
        raise Refused(f"{after.blank}, and no engine accepts it", "Take it out of the list.")
    old_flags = command_line.flag_values(plan.snapshot.start.argv, FLAG)
    new_flags = [mirror for mirror in command_line.flag_values(plan.argv, FLAG) if mirror not in old_flags]
    for mirror in [*after.listed, *new_flags]:
        for version in (None, running, installed):
            try:
                mirror_url.check(mirror, version)
            except mirror_url.MirrorUrlError as exc:
                why = str(exc).rstrip(".")
                if mirror in config.listed:
                    config.refuse_mirror(mirror, why)
                raise Refused(why) from exc


def refuse_generated_files(plan: Plan) -> None:
    """Refuse to edit a file that the system's own configuration makes.

    :raises Refused: with the file and what to do.
    """
    changes = {edit.path for edit in plan.edits if edit.changes}
    for file in (plan.snapshot.config_file, *plan.snapshot.files.values()):
        if file.is_generated and file.path in changes:
            raise Refused(
                f"{file.path}: the system's own configuration makes this file, and its folder is read-only",
                "Change that configuration (on NixOS: virtualisation.docker.daemon.settings) and build the system "
                "again.",
            )


# -- consent ---------------------------------------------------------------------------------------------------------


def refuse_without_consent(plan: Plan, options: Options) -> List[str]:
    """Refuse a change that needs a restart which would stop containers, or apply what others left in the file.

    :returns: warnings.
    :raises Refused: with how to allow it.
    """
    info = plan.snapshot.engine.info
    if plan.activation.pending == "none" or info is None:
        return []
    # Only a reload writes first; lines of a text that was not written would say nothing.
    edits = _edits_of_others(plan, plan.snapshot.config if plan.needs_restart else plan.after)
    if not plan.needs_restart:
        if edits and options.reload:
            return [f"The reload also applies what someone changed since the engine read the file: {'; '.join(edits)}."]
        return []
    if options.keep_containers:
        reasons = "; ".join(plan.activation.reasons)
        edits += plan.snapshot.command_line_edits({*plan.wanted, setting_table.MIRRORS})
        if edits:
            raise Refused(
                f"Only a restart brings this into force ({reasons}), and it would also apply what someone changed "
                f"since the engine read its configuration: {'; '.join(edits)}",
                f"Undo that or bring it into force first, or allow it with {_CONSENT}.",
            )
        _refuse_to_stop_containers(plan, info, f"Only a restart brings this into force ({reasons}), and it would stop")
    return []


def _refuse_to_stop_containers(plan: Plan, info: Info, what: str) -> None:
    running, seen = info.containers_running, plan.snapshot
    if activation.restart_stops_containers(containers_running=running, live_restore=info.live_restore):
        raise Refused(
            f"{what} {running} running container(s)",
            f"Allow it with {_CONSENT}, or keep them through it with live-restore: true in the engine's configuration.",
        )
    if running and seen.stop_kills_containers:
        raise Refused(
            f"{what} {running} running container(s). live-restore is on, but they run in the control group of the "
            f"service, and systemd kills all of it when it stops the service (KillMode={seen.start.kill_mode})",
            f"Allow it with {_CONSENT}, or set KillMode=process in a drop-in (systemctl edit {seen.start.service}).",
        )


def _edits_of_others(plan: Plan, lines_of: DaemonJson) -> List[str]:
    """Return what a reload or a restart would apply besides the change, as text for the user."""
    info = plan.snapshot.engine.info
    if info is None:
        return []
    edits = activation.pending_edits(
        plan.activation.pending,
        version=plan.snapshot.engine.version,
        settings=plan.after.settings,
        shown=info.settings,
        ours={*plan.wanted, setting_table.MIRRORS},
        containerd=info.image_store == "containerd",
    )
    place = lines_of.place
    return [masking.mask(f"{place(key)}: {key} is {file}, and the engine uses {used}") for key, file, used in edits]
