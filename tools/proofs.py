# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print what a molecule scenario proved, with the values that it measured, and fail when a proof is missing for a host: proofs.py SCENARIO."""

from __future__ import annotations

import json
import pathlib
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[1]
DEFAULT = [
    "check mode changed nothing",
    "mirrors in force",
    "SHA-256 of the rest of daemon.json",
    "requests for layers of alpine, by path, before and after the pull",
    "an image that the cache does not hold",
    "a pull with the cache stopped",
    "container without restart policy, after converge",
    "drift healed, file right and engine not",
    "drift healed, key gone and engine has mirrors",
    "a mirror that the engine refuses is put back",
    "absent",
    "container without restart policy, to the end",
]

# One host of each engine is enough.
EACH_ENGINE = [
    "a restart where only a restart helps",
    "a container through a restart with live-restore",
    "a restart that fails is put back",
    "a flag that only the next start has is refused",
    "three places with a conflict, moved to daemon.json",
    "pulled through a mirror of the options file",
    "a drop-in of ours follows the unit",
    "absent from every place",
    "a move that fails is put back",
    "settings by a reload, and back",
    "a setting that the engine refuses is put back",
    "settings by a restart, with the mirrors",
    "pulled through a cache made as the guide says",
    "settings that are refused after the mirrors changed",
    "without become, registry_mirrors",
    "dead mirror, no level",
    "dead mirror, warning",
]

# Every host that the scenario uses the role on, and then what only some are there for.
WAYS = [
    "check mode changed nothing",
    "mirrors in force",
    "SHA-256 of the rest of the file",
    "requests for layers of alpine, by path, and who made them",
    "absent, as check mode said",
]
BY_INIT = [
    "a stopped engine stays stopped",
    "a restart where only a restart helps",
    "a restart that fails is put back",
    "mirrors as flags, pulled through, and moved to the file and back",
]
PRIVATE = ["pulled through a mirror with a CA of its own"]
HOSTS_TOML = ["hosts.toml, a host in _default", "hosts.toml, a host in docker.io"]
BESIDE = ["left alone while the other engine of its host changed there and back"]
REQUIRED = {
    "default": {"": [*DEFAULT, *EACH_ENGINE], "engine-28.5-bare": DEFAULT},
    "ways": {
        "": WAYS,
        "sysvinit-20.10": [*WAYS, *BY_INIT, *PRIVATE],
        "openrc-26.1": [*WAYS, *BY_INIT],
        "rootless-26.1": [*WAYS, *BY_INIT, *BESIDE],
        "moved-26.1": [*WAYS, "moved between a flag and a file elsewhere", *PRIVATE],
        "containerd-26.1": [*WAYS, *PRIVATE, *HOSTS_TOML],
        "containerd-28.5": [*WAYS, *PRIVATE, *HOSTS_TOML],
        "beside-rootless-26.1": ["check mode changed nothing", "as it was while the other engine of its host changed", *BESIDE],
    },
    "crash": {
        "": [],
        "reloads-26.1": ["killed: one file, by a reload"],
        "stopped-26.1": ["killed: no file yet, engine stopped"],
        "moves-26.1": ["killed: DOCKER_OPTS to daemon.json and back"],
    },
}

scenario = sys.argv[1]
inventory = yaml.safe_load((ROOT / f"extensions/molecule/{scenario}/hosts.yml").read_text())
group = inventory["all"]["children"]["engines"]
engines = {host: {**group["vars"], **variables} for host, variables in group["hosts"].items()}
file = ROOT / f"build/proofs-{scenario}.json"
proofs = json.loads(file.read_text()) if file.exists() else {}
missing = []
for host in engines:
    print(f"\n{host} (Docker Engine {engines[host]['lab_version']})")
    found = proofs.get(host, {})
    required = REQUIRED[scenario].get(host, REQUIRED[scenario][""])
    for name in [*required, *(name for name in found if name not in required)]:
        if name in found:
            print(f"  {name}: {json.dumps(found[name])}")
        else:
            missing.append(f"{host}: {name}")
print(f"\nStored in {file.relative_to(ROOT)}")
if missing:
    sys.exit("Missing proofs:\n  " + "\n  ".join(missing))
