# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of findings in the report of a fleet.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

from typing import Dict, NamedTuple

WILL_NOT_START = frozenset({"conflict", "unreadable"})
"""Kinds of findings that keep an engine from starting."""


class Kind(NamedTuple):
    """A kind of finding: its title in the report, and what to do. ``{host}`` is replaced by the host."""

    title: str
    advice: str


_RUN = "ansible-playbook -i INVENTORY pullthrough.docker.configure --limit {host}"

KINDS: Dict[str, Kind] = {
    "unreachable": Kind(
        "host not reached",
        "Check that it is up, and its address and port in the inventory: ansible-inventory -i INVENTORY --host {host}",
    ),
    "failed": Kind("not checked", "Fix what the message names, then run the audit again."),
    "engine_down": Kind(
        "engine down or unclear",
        "Fix the cause in the message or in the engine's log (journalctl -u docker -n 50). If the service does not "
        "run, start it.",
    ),
    "mirror_breaks_pulls": Kind(
        "mirror breaks pulls",
        "Pulls of this engine fail although Docker Hub has the image. Fix the mirror, or remove it from the host: "
        f"{_RUN} -e docker_mirror_state=absent",
    ),
    "conflict": Kind(
        "conflict",
        "An engine that runs keeps its settings, but will not start again. Before its next restart, remove the setting "
        "from all places but one. For mirrors, this moves them to daemon.json, and restarts the engine if necessary: "
        f"{_RUN} -e docker_mirror_migrate=true",
    ),
    "unreadable": Kind(
        "file unusable",
        "Fix the file at the line in the message. Until then, an engine that runs keeps its settings, "
        "but will not start again.",
    ),
    "drift": Kind(
        "drift",
        "What is configured takes effect at the next reload or restart, wanted or not. To configure the wanted mirrors "
        f"and bring them into force by a reload: {_RUN} (other mirrors in the file stay, unless you add "
        "-e docker_mirror_exclusive=true)",
    ),
    "mirror_unusable": Kind(
        "mirror not usable",
        "Fix the mirror, or the network path to it from this host. Until then pulls may wait for it, "
        "and continue without it.",
    ),
    "mirror_unknown": Kind(
        "mirror not known",
        "The check could not find out whether the engine can use the mirror. Pull an image to test it, as "
        "docker_mirror_canary_images does.",
    ),
    "caution": Kind(
        "bypassed or not verified",
        "Fix what the message names. The mirror is in force, but that is not enough here.",
    ),
    "mirror_unused": Kind("mirror not used", f"To bring the wanted mirrors into force by a reload: {_RUN}"),
    "certificate_ends": Kind(
        "certificate expires",
        "Renew it on the mirror, or tell the operator of the mirror. Once it has expired, pulls continue without the "
        "mirror.",
    ),
    "old_engine": Kind(
        "old engine",
        "Upgrade Docker Engine: this one gets no fixes, and builds images with new mirrors only after a restart.",
    ),
    "engine_stopped": Kind(
        "engine not started",
        "Start it if it should run (check with systemctl is-enabled docker). It then reads the file as it is.",
    ),
    "no_engine": Kind("no engine", "Nothing to do, unless the host should have one."),
}
"""The kinds of findings, the most serious first."""


def advice(kind: str, host: str) -> str:
    """Return what to do about a kind of finding on a host."""
    return KINDS[kind].advice.replace("{host}", host)
