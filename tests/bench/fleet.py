# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure the playbook configure on simulated fleets when there is nothing to do: fleet.py FORKS SIZES [REVISION]...

SIZES are numbers of hosts, separated by commas. Each REVISION (a tag or a commit) is measured beside this checkout.

Each host is this machine under another name (connection: local). The hosts' work therefore counts as the controller's,
and no network is involved. Nothing changes, because the play removes a mirror that no host has.
"""

from __future__ import annotations

import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

from revisions import collection_paths

PLAYBOOK = pathlib.Path(sys.executable).with_name("ansible-playbook")
DECLARED = ("docker_mirror_state=absent", "docker_mirror_urls=https://none.example", "docker_mirror_service=none-such")


def run(folder: pathlib.Path, collections: pathlib.Path, hosts: int, forks: int) -> tuple[float, float]:
    """Return the seconds of wall time and of processor time."""
    inventory = folder / "hosts"
    inventory.write_text("".join(f"host-{number:05}\n" for number in range(hosts)))
    command = [
        PLAYBOOK,
        "-i",
        inventory,
        "-c",
        "local",
        "-f",
        str(forks),
        "pullthrough.docker.configure",
        "-e",
        f"configure_left_file={folder}/left",
    ]
    command += [word for declared in DECLARED for word in ("-e", declared)]
    command += ["-e", f"ansible_python_interpreter={sys.executable}"]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "ANSIBLE_PIPELINING": "true", "ANSIBLE_COLLECTIONS_PATH": str(collections)},
        check=False,
    )
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0 or f"unchanged {hosts}, " not in done.stdout:
        sys.exit(f"The run failed:\n{done.stdout[-3000:]}")
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    forks, paths = int(sys.argv[1]), collection_paths(sys.argv[3:])
    print(f"hosts  seconds  of processors  a host  ({forks} forks, {os.cpu_count()} processors)")
    with tempfile.TemporaryDirectory() as folder:
        for hosts in map(int, sys.argv[2].split(",")):
            for name, path in paths.items():
                seconds, processors = run(pathlib.Path(folder), path, hosts, forks)
                print(f"{hosts:5}  {seconds:7.1f}  {processors:13.1f}  {processors / hosts:6.2f}  {name}", flush=True)
    print(f"The largest process held {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024} MiB.")


if __name__ == "__main__":
    main()
