# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure the role, a ping and the play written by hand, in runs that change nothing, over SSH with pipelining.

The plays take turns, so other work of the machine slows all of them. Prints a table of medians and ranges.
"""

from __future__ import annotations

import os
import pathlib
import re
import resource
import statistics
import subprocess
import sys
import time

FOLDER = pathlib.Path(__file__).resolve().parent
INVENTORY = FOLDER.parents[1] / "extensions/molecule/default/hosts.yml"
HOST = "engine-26.1"
PLAYS = {
    "one ping": FOLDER / "ping.yml",
    "the role docker_mirror": FOLDER / "role.yml",
    "the play written by hand": FOLDER / "by_hand.yml",
}


def run(playbook: pathlib.Path) -> tuple[float, float, int]:
    """Return the seconds of wall time, the seconds of processor time on the controller, and the number of changes."""
    command = [pathlib.Path(sys.executable).with_name("ansible-playbook"), "-i", INVENTORY, "--limit", HOST, playbook]
    environment = dict(os.environ, ANSIBLE_PIPELINING="true", ANSIBLE_HOST_KEY_CHECKING="false", ANSIBLE_NOCOLOR="true")
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, int(re.search(r"changed=(\d+)", done.stdout).group(1))


def main() -> None:
    rounds = int(sys.argv[1])
    for playbook in PLAYS.values():  # Afterwards there is nothing left to change.
        run(playbook)
    run(PLAYS["the play written by hand"])
    times = {name: [] for name in PLAYS}
    for _round in range(rounds):
        for name, playbook in PLAYS.items():
            wall, cpu, changed = run(playbook)
            if changed:
                sys.exit(f"{name} changed something, so this measures nothing")
            times[name].append((wall, cpu))
    print(
        f"Changes nothing; one host, SSH with pipelining, no facts; {rounds} runs each, taking turns; "
        "whole process on the controller."
    )
    print("| play | wall, median (range) | processor, median |")
    print("|---|---|---|")
    for name, pairs in times.items():
        walls, cpus = zip(*pairs)
        print(
            f"| {name} | {statistics.median(walls):.2f} s ({min(walls):.2f} to {max(walls):.2f}) "
            f"| {statistics.median(cpus):.2f} s |"
        )


if __name__ == "__main__":
    main()
