# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure runs that change nothing, over SSH with pipelining: bench.py ROUNDS [REVISION]...

Compares a ping, the module, the role, and the play written by hand. Each REVISION (a tag or a commit) adds its own
module and role. The plays take turns, so other work of the machine slows all of them. Prints a table of medians and
ranges.
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

from revisions import collection_paths

FOLDER = pathlib.Path(__file__).resolve().parent
INVENTORY = FOLDER.parents[1] / "extensions/molecule/default/hosts.yml"
HOST = "engine-26.1"
PING = "one ping"
OURS = {"the module registry_mirrors": FOLDER / "module.yml", "the role docker_mirror": FOLDER / "role.yml"}
BY_HAND = {"the play written by hand": FOLDER / "by_hand.yml"}


def plays(others: list[str]) -> dict[str, tuple[pathlib.Path, pathlib.Path]]:
    """Return the playbook and the collections it uses, by the name that the table shows."""
    paths = collection_paths(others)
    here = paths.pop("this checkout")
    table = {name: (playbook, here) for name, playbook in {PING: FOLDER / "ping.yml", **OURS, **BY_HAND}.items()}
    for revision, path in paths.items():
        table.update({f"{name}, {revision}": (playbook, path) for name, playbook in OURS.items()})
    return table


def run(playbook: pathlib.Path, collections: pathlib.Path) -> tuple[float, float, int]:
    """Return the seconds of wall time, the seconds of processor time on the controller, and the number of changes."""
    command = [pathlib.Path(sys.executable).with_name("ansible-playbook"), "-i", INVENTORY, "--limit", HOST, playbook]
    settings = {"ANSIBLE_PIPELINING": "true", "ANSIBLE_HOST_KEY_CHECKING": "false", "ANSIBLE_NOCOLOR": "true"}
    environment = {**os.environ, **settings, "ANSIBLE_COLLECTIONS_PATH": str(collections)}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, int(re.search(r"changed=(\d+)", done.stdout).group(1))


def main() -> None:
    rounds, table = int(sys.argv[1]), plays(sys.argv[2:])
    for playbook, collections in table.values():  # Afterwards there is nothing left to change.
        run(playbook, collections)
    for name in BY_HAND:
        run(*table[name])
    times = {name: [] for name in table}
    for _round in range(rounds):
        for name, play in table.items():
            wall, cpu, changed = run(*play)
            if changed:
                sys.exit(f"{name} changed something, so this measures nothing")
            times[name].append((wall, cpu))
    print(
        f"Changes nothing; one host, SSH with pipelining, no facts; {rounds} runs each, taking turns; "
        "whole process on the controller."
    )
    print("| play | wall, median (range) | in pings, median of rounds | processor, median |")
    print("|---|---|---|---|")
    for name, pairs in times.items():
        walls, cpus = zip(*pairs)
        pings = statistics.median(ours[0] / ping[0] for ours, ping in zip(pairs, times[PING]))
        print(
            f"| {name} | {statistics.median(walls):.2f} s ({min(walls):.2f} to {max(walls):.2f}) | {pings:.2f} "
            f"| {statistics.median(cpus):.2f} s |"
        )


if __name__ == "__main__":
    main()
