# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The line about a host at the end of a run."""

from __future__ import annotations

import jinja2.nativetypes
import pytest
import yaml

from ansible_collections.pullthrough.docker.plugins.filter import mirror_status
from ansible_collections.pullthrough.docker.tests.unit.role_fleet import (
    ABSENT,
    ADDED,
    ENGINE,
    GCR,
    OWN,
    SAME,
    STOPPED,
)

RESTART = {**SAME, "pending": "restart", "in_force": [OWN]}
RESTARTED = {"in_force": [GCR], "engine": {**ENGINE, "pid": 8}}
OTHER = "https://other.example/"
LINES = {
    # name: (result, options, lines without the host)
    "nothing to do": (SAME, {}, []),
    "another after it": ({**SAME, "in_force": [GCR, OWN], "mirrors": [GCR, OWN]}, {}, []),
    "another before it, nothing changed": ({**SAME, "in_force": [OWN, GCR], "mirrors": [OWN, GCR]}, {}, []),
    "added": (ADDED, {}, [f"in force {GCR} (was: none); reloaded, nothing restarted; engine 26.1.5"]),
    "added after another": (
        {**ADDED, "in_force": [OWN, GCR], "mirrors": [OWN, GCR]},
        {},
        [
            f"in force {OWN} {GCR} (was: none); reloaded, nothing restarted; engine 26.1.5; "
            f"not in docker_mirror_urls: {OWN}",
            f"Docker asks {OWN} before mirrors in docker_mirror_urls. If it should not, set "
            f"docker_mirror_exclusive: true, or run once with docker_mirror_state: absent and "
            f"docker_mirror_urls: [{OWN}]",
        ],
    ),
    "another stays after it": (
        {**ADDED, "in_force": [GCR, OWN], "mirrors": [GCR, OWN]},
        {},
        [
            f"in force {GCR} {OWN} (was: none); reloaded, nothing restarted; engine 26.1.5; "
            f"not in docker_mirror_urls: {OWN}"
        ],
    ),
    "restarted": (
        RESTART,
        {"info": RESTARTED},
        [f"in force {GCR} (was: {OWN}); restarted, containers stopped: 3; engine 26.1.5"],
    ),
    "restarted with live-restore": (
        {**RESTART, "engine": {**ENGINE, "live_restore": True}},
        {"info": RESTARTED},
        [f"in force {GCR} (was: {OWN}); restarted, containers stopped: 0; engine 26.1.5"],
    ),
    "restarted for other settings": (
        SAME,
        {"settings": {**SAME, "pending": "restart"}, "info": RESTARTED},
        [f"in force {GCR} (as before); restarted, containers stopped: 3; engine 26.1.5"],
    ),
    "other settings reloaded": (
        SAME,
        {"settings": {**SAME, "changed": True, "reloaded": True}},
        [f"in force {GCR} (as before); reloaded, nothing restarted; engine 26.1.5"],
    ),
    "other settings skipped": (SAME, {"settings": {"skipped": True, "changed": False}}, []),
    "certificates written": (
        {**SAME, "changed": True},
        {},
        [f"in force {GCR} (as before); files written, nothing restarted; engine 26.1.5"],
    ),
    "lost from the file": (
        {**SAME, "changed": True, "previous_mirrors": []},
        {},
        [
            f"in force {GCR} (as before); files written, nothing restarted; engine 26.1.5",
            f"something else removed {GCR} from /etc/docker/daemon.json after Docker had read it. If another task "
            "writes this file, it does so in each run: put its settings into docker_mirror_daemon_settings, and "
            "remove that task",
        ],
    ),
    "stopped": (
        STOPPED,
        {},
        [
            "nothing in force, as Docker is stopped; "
            f"configured {GCR} (as before) in /etc/docker/daemon.json; "
            "if Docker should run, start it (service docker), and it uses them"
        ],
    ),
    "no Docker": (
        ABSENT,
        {},
        [f"nothing in force, as Docker is not installed; configured {GCR} (was: none) in /etc/docker/daemon.json"],
    ),
    "no Docker, in check mode": (
        ABSENT,
        {"check": True},
        [
            "nothing in force, as Docker is not installed; "
            f"check mode, would be configured {GCR} (was: none) in /etc/docker/daemon.json"
        ],
    ),
    "a reload, in check mode": (
        {**ADDED, "in_force": []},
        {"check": True},
        [f"check mode: in force none, would become {GCR}; would reload; engine 26.1.5"],
    ),
    "a restart, in check mode": (
        RESTART,
        {"check": True},
        [f"check mode: in force {OWN}, would become {GCR}; would restart; engine 26.1.5"],
    ),
    "absent": ({**SAME, "mirrors": [], "previous_mirrors": [], "in_force": []}, {"state": "absent"}, []),
    "absent, removed": (
        {
            **ADDED,
            "mirrors": [OWN],
            "in_force": [OWN],
            "diff": [{"before_header": "engine", "before": f"{GCR}\n{OWN}\n"}],
        },
        {"state": "absent"},
        [f"in force {OWN} (was: {GCR} {OWN}); reloaded, nothing restarted; engine 26.1.5"],
    ),
    "absent, and others are in force": (
        {**SAME, "mirrors": [OWN, OTHER], "previous_mirrors": [OWN, OTHER], "in_force": [OWN, OTHER]},
        {"state": "absent"},
        [
            f"in force {OWN} {OTHER} (as before); nothing changed; engine 26.1.5",
            f"nothing was removed: no mirror in use is in docker_mirror_urls ({GCR}). To remove {OWN} {OTHER}, name it "
            "there, or set docker_mirror_exclusive: true to remove all mirrors",
        ],
    ),
}


@pytest.mark.parametrize(("result", "options", "lines"), LINES.values(), ids=LINES)
def test_the_lines_of_a_host(result, options, lines):
    for urls in ([GCR], "https://mirror.gcr.io"):
        assert mirror_status.mirror_status(result, "web", urls, **options) == [f"web: {line}" for line in lines]


def test_its_example():
    (task,) = yaml.safe_load(mirror_status.EXAMPLES)
    environment = jinja2.nativetypes.NativeEnvironment()
    environment.filters["pullthrough.docker.mirror_status"] = mirror_status.mirror_status
    template = environment.from_string(task["ansible.builtin.debug"]["msg"])
    lines = template.render(inventory_hostname="web", result=ADDED)
    assert lines == yaml.safe_load(mirror_status.RETURN)["_value"]["sample"]
