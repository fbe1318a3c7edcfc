# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What a plan must not do, whatever it is for.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: it touches nothing.
"""

from __future__ import annotations

from typing import List, Optional, Sequence

from ansible_collections.pullthrough.docker.plugins.module_utils._change.model import Options, Plan
from ansible_collections.pullthrough.docker.plugins.module_utils._change.places import FLAG
from ansible_collections.pullthrough.docker.plugins.module_utils._change.refusal import Refused
from ansible_collections.pullthrough.docker.plugins.module_utils._change.snapshots import FlagOfSetting, Snapshot
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import (
    activation,
    mirror_url,
    setting_table,
    versions,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._text import command_line, masking

_CONSENT = "keep_containers: false"


# -- the snapshot ----------------------------------------------------------------------------------------------------


def refuse_unclear_engine(snapshot: Snapshot, options: Options) -> None:
    """Refuse to change an engine of which it is not known what it does.

    :raises Refused: for an engine in one of these states, and where only root has an engine and the task is a user's.
    """
    engine = snapshot.engine
    if options.path is None:  # A user who names the file does not mean an engine of their own.
        refuse_roots_engine(snapshot)
    if engine.state in ("unreachable", "ambiguous", "starting"):
        raise Refused(
            f"The Docker Engine is {engine.state}: {engine.reason}",
            "Make sure that `docker system info` answers, then run this again.",
        )


def refuse_roots_engine(snapshot: Snapshot) -> None:
    """Refuse a task about a user's own engine where only root has one."""
    if snapshot.engine.is_roots:
        raise Refused(
            f"The task does not run as root: {snapshot.engine.reason}",
            "If this user needs a rootless engine, install it first (dockerd-rootless-setuptool.sh install).",
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


def refuse_by_version(plan: Plan, engines: Sequence[Optional[versions.Version]]) -> None:
    """Refuse what engines of these versions would refuse, and ``dockerd --validate`` does not find.

    :param engines: versions of the running engine and of the installed one, None for what holds for all versions.
    :raises Refused: with file and line where the file has it already.
    """
    plan.after.check_keys(engines)
    listed = plan.snapshot.config.listed
    old_flags = command_line.flag_values(plan.snapshot.start.argv, FLAG)
    new_flags = [mirror for mirror in command_line.flag_values(plan.argv, FLAG) if mirror not in old_flags]
    for mirror in [*plan.after.listed, *new_flags]:
        for version in engines:
            try:
                mirror_url.check(mirror, version)
            except mirror_url.MirrorUrlError as exc:
                why = str(exc).rstrip(".")
                if mirror in listed:
                    plan.snapshot.config.refuse_mirror(mirror, why)
                raise Refused(why) from exc


# -- consent ---------------------------------------------------------------------------------------------------------


def refuse_without_consent(plan: Plan, options: Options) -> List[str]:
    """Refuse a change that needs a restart which would stop containers, or apply what others left in the file.

    :returns: warnings.
    :raises Refused: with how to allow it.
    """
    info = plan.snapshot.engine.info
    if plan.activation.pending == "none" or info is None:
        return []
    edits = _edits_of_others(plan)
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
        running = info.containers_running
        if activation.restart_stops_containers(containers_running=running, live_restore=info.live_restore):
            raise Refused(
                f"Only a restart brings this into force ({reasons}), and it would stop {running} running container(s)",
                f"Allow it with {_CONSENT}, or keep them through it with live-restore: true "
                "in the engine's configuration.",
            )
    return []


def _edits_of_others(plan: Plan) -> List[str]:
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
    place = plan.after.place
    return [masking.mask(f"{place(key)}: {key} is {file}, and the engine uses {used}") for key, file, used in edits]
