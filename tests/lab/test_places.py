# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host with mirrors in all three places, one of them in conflict.

The conflict is reported and refused. The mirrors move from place to place, are put back if the engine does not start,
and are removed everywhere. All engines run at once.
"""

from __future__ import annotations

import json
import re

import pytest

import conftest

from conftest import ENGINES, GCR, Host, each, playbook, wait_until

ROLE = "pullthrough.docker.docker_mirror"
FILE = "/etc/docker/daemon.json"
OPTIONS = "/etc/default/docker"
MACHINE = "/etc/systemd/system/docker.service.d/10-machine.conf"
OURS = "/etc/systemd/system/docker.service.d/zz-pullthrough-docker.conf"
FIRST, SECOND, THIRD = (f"https://{name}.example" for name in ("first", "second", "third"))

FILE_TEXT = f'{{\n\t"registry-mirrors": ["{FIRST}"],\n\t"max-concurrent-uploads": 4\n}}'
OPTIONS_TEXT = f'# Options of the engine\nDOCKER_OPTS="--registry-mirror={SECOND} --max-concurrent-downloads 4"\n'
MACHINE_TEXT = (
    "# As docker-machine writes it\n[Service]\nExecStart=\n"
    "ExecStart=/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock \\\n"
    f"  --registry-mirror {THIRD} \\\n  $DOCKER_OPTS\n"
)


def may_start_again(host):
    """Reset the start limit of systemd, which is three starts a minute."""
    host.run("systemctl", "reset-failed", "docker.service", "docker.socket")


def restart(host):
    may_start_again(host)
    host.run("systemctl", "daemon-reload")
    host.run("systemctl", "restart", "docker.service")
    with host.sdk() as client:
        wait_until(client.ping)


def text_of(host, path):
    return host.run("sh", "-c", 'cat "$0" 2>/dev/null || true', path).decode()


def snapshot(host):
    """Return everything that a refusal must not change."""
    return {
        "texts": [text_of(host, path) for path in (FILE, OPTIONS, MACHINE, OURS)],
        "in force": host.mirrors(),
        "engine": host.engine_pid(),
    }


def leftovers(host):
    """Return backups and the files that a killed run leaves."""
    return host.run(
        "sh",
        "-c",
        "ls -A /etc/docker /etc/default /etc/systemd/system/docker.service.d 2>/dev/null "
        "| grep -E '~$|^\\.pull' || true",
    )


def role(path, hosts, *arguments, **variables):
    """Run the role on all of these hosts with restarts allowed, and return exit code, recap by host and output."""
    each(may_start_again, hosts)
    variables = {f"docker_mirror_{name}": value for name, value in {"keep_containers": False, **variables}.items()}
    plays = [{"hosts": [host.name for host in hosts], "gather_facts": False, "vars": variables, "roles": [ROLE]}]
    return playbook(path / "play.yml", plays, *arguments)


@pytest.fixture
def hosts(lab):
    """Return one host of each engine."""
    return [Host(lab, name) for name in ENGINES]


@pytest.fixture
def places(hosts):
    """Start the engines with two of the three places, then write the third one, which conflicts with them."""
    saved = {host.name: (host.daemon_json(), text_of(host, OPTIONS)) for host in hosts}

    def make(host):
        host.write(FILE, b"{}\n")
        host.write(OPTIONS, OPTIONS_TEXT.encode())
        host.write(MACHINE, MACHINE_TEXT.encode())
        restart(host)
        host.write(FILE, FILE_TEXT.encode())
        assert host.mirrors() == [f"{THIRD}/", f"{SECOND}/"]

    def unmake(host):
        data, options = saved[host.name]
        for path in (MACHINE, OURS):
            host.write(path, None)
        host.write(OPTIONS, options.encode())
        host.write(FILE, data)
        restart(host)
        with host.sdk() as client:
            client.containers.get("witness").start()

    try:
        each(make, hosts)
        yield hosts
    finally:
        each(unmake, hosts)


def test_mirrors_move_from_three_places_to_one_and_are_removed(places, lab, tmp_path, prove):
    hosts = places
    before = each(snapshot, hosts)

    # The conflict is reported.
    reports = conftest.modules(hosts, "registry_mirrors_info")
    for host in hosts:
        report = reports[host.name]
        (conflict,) = report["conflicts"]
        assert conflict["setting"] == "registry-mirrors"
        assert conflict["places"] == [f"{FILE}, line 2", f"{MACHINE}, line 5", f"{OPTIONS}, line 2"], conflict
        assert [(place["source"], place["path"], place["mirrors"]) for place in report["sources"]] == [
            ("daemon_json", FILE, [f"{FIRST}/"]),
            ("options_file", OPTIONS, [f"{SECOND}/"]),
            ("systemd_drop_in", MACHINE, [f"{THIRD}/"]),
        ]
        assert report["in_force"] == [f"{THIRD}/", f"{SECOND}/"] and report["drift"] is None

    # A change is refused, and nothing changes.
    for check in (True, False):
        for host, result in conftest.modules(hosts, mirrors=[GCR], check=check).items():
            assert result["failed"] and not result["changed"], host
            for word in (f"{OPTIONS}, line 2", f"{MACHINE}, line 4", f"{FILE}, line 2", "migrate: true"):
                assert word in result["msg"], result["msg"]
    assert each(snapshot, hosts) == before

    # The mirrors move to the file, as check mode predicts.
    wanted = [f"{FIRST}/", f"{SECOND}/", f"{THIRD}/", GCR]
    predicted = conftest.modules(hosts, mirrors=[GCR], migrate=True, keep_containers=False, check=True)
    assert each(snapshot, hosts) == before
    code, counts, out = role(tmp_path, hosts, urls=[GCR], migrate=True)
    assert code == 0, out
    for host in hosts:
        assert (
            host.mirrors() == wanted == predicted[host.name]["mirrors"] and predicted[host.name]["pending"] == "restart"
        )
        assert text_of(host, OPTIONS) == OPTIONS_TEXT.replace(f"--registry-mirror={SECOND} ", "")
        assert text_of(host, MACHINE) == MACHINE_TEXT.replace(f" \\\n  --registry-mirror {THIRD}", "")
        names = ", ".join(f'"{mirror}"' for mirror in (FIRST, SECOND, THIRD, GCR))
        assert text_of(host, FILE) == FILE_TEXT.replace(f'"{FIRST}"', names) and leftovers(host) == b""
        value = {
            "before": before[host.name]["in force"],
            "after": host.mirrors(),
            "engine": [before[host.name]["engine"], host.engine_pid()],
        }
        prove(host.name, "three places with a conflict, moved to daemon.json", value)
    again = each(snapshot, hosts)
    code, counts, out = role(tmp_path, hosts, urls=[GCR], migrate=True)
    assert code == 0 and all(count["changed"] == 0 for count in counts.values()) and each(snapshot, hosts) == again, out

    # The mirror moves to the options file, and serves a pull. Unreachable mirrors are removed, so the engine asks the
    # cache first.
    code, counts, out = role(tmp_path, hosts, urls=[GCR], exclusive=True, source="options_file", migrate=True)
    assert code == 0, out
    for host in hosts:
        assert host.mirrors() == [GCR] and "registry-mirrors" not in text_of(host, FILE)
        assert f"--max-concurrent-downloads 4 --registry-mirror={GCR}" in text_of(host, OPTIONS), text_of(host, OPTIONS)

        def request_count(host=host):
            return len(lab.requests("cache", r'"(GET|HEAD) /v2/library/alpine/', host.address))

        count = request_count()
        host.pull("alpine")
        wait_until(lambda request_count=request_count, count=count: request_count() > count)
        value = {"requests at the cache": request_count() - count}
        prove(host.name, "pulled through a mirror of the options file", value)

    # The mirror moves to our drop-in, which follows a change of the unit.
    code, counts, out = role(tmp_path, hosts, urls=[GCR], source="systemd_drop_in", migrate=True)
    assert code == 0, out
    for host in hosts:
        assert host.mirrors() == [GCR] and text_of(host, OURS).endswith(f"$DOCKER_OPTS --registry-mirror={GCR}\n")
        assert text_of(host, OPTIONS) == OPTIONS_TEXT.replace(f"--registry-mirror={SECOND} ", "")
        host.write(MACHINE, text_of(host, MACHINE).replace("fd://", "fd:// --label lab=new").encode())
    for report in conftest.modules(hosts, "registry_mirrors_info").values():
        assert report["drift"] is True and OURS in report["drift_reasons"][0]
    code, counts, out = role(tmp_path, hosts, urls=[GCR], source="systemd_drop_in")
    assert code == 0 and all(count["changed"] == 1 for count in counts.values()), out
    for host in hosts:
        assert (
            f"--label lab=new --containerd=/run/containerd/containerd.sock $DOCKER_OPTS --registry-mirror={GCR}"
            in text_of(host, OURS)
        )
        prove(host.name, "a drop-in of ours follows the unit", {"in force": host.mirrors()})

    # The mirror is removed from every place.
    code, counts, out = role(tmp_path, hosts, urls=[GCR], state="absent")
    assert code == 0, out
    for host in hosts:
        assert host.mirrors() == [] and text_of(host, OURS) == "" and leftovers(host) == b""
        assert "registry-mirror" not in "".join(text_of(host, path) for path in (FILE, OPTIONS, MACHINE))
        prove(host.name, "absent from every place", {"in force": host.mirrors()})


def test_a_move_after_which_the_engine_does_not_start_is_put_back(places, tmp_path, prove):
    """No check can find the reason beforehand."""
    hosts = places
    for host in hosts:
        host.write(FILE, b"{}\n")
        host.write(
            MACHINE,
            MACHINE_TEXT.replace(
                "ExecStart=\n", f"ExecStartPre=/bin/sh -c '! grep -q {GCR} {FILE}'\nExecStart=\n"
            ).encode(),
        )
    each(restart, hosts)
    before = each(snapshot, hosts)
    code, _counts, out = role(tmp_path, hosts, urls=[GCR], migrate=True, restart_timeout=15)
    assert code != 0
    for host in hosts:
        error = re.findall(rf"^fatal: \[{re.escape(host.name)}\]: FAILED! => (.*)$", out, re.MULTILINE)[-1]
        assert "The change did not take effect" in error, error
        assert all(path in error for path in (FILE, OPTIONS, MACHINE)), error
        after = snapshot(host)
        assert {**after, "engine": None} == {**before[host.name], "engine": None}, host.name
        assert leftovers(host) == b""
        prove(
            host.name,
            "a move that fails is put back",
            {"in force": {"before": before[host.name]["in force"], "after": after["in force"]}},
        )


def test_an_options_file_that_the_unit_does_not_read_is_refused(hosts):
    """The units of Docker's own packages do not read it."""
    unit = MACHINE.replace("10-machine", "own-packages")
    for host in hosts:
        host.write(unit, b"[Service]\nExecStart=\nExecStart=/usr/sbin/dockerd -H fd://\n")
    try:
        before = each(snapshot, hosts)
        for result in conftest.modules(hosts, mirrors=[GCR], source="options_file").values():
            assert result["failed"] and "reads none" in result["msg"] and "source: daemon_json" in result["msg"]
        assert each(snapshot, hosts) == before
    finally:
        for host in hosts:
            host.write(unit, None)


def test_two_flags_and_a_file_stop_an_engine_for_real(hosts):
    """This is the reason for the refusals. It is tested on one engine, because each start takes seconds."""
    host = hosts[0]
    data, options = host.daemon_json(), text_of(host, OPTIONS)
    try:
        host.write(FILE, json.dumps({"registry-mirrors": [FIRST]}).encode())
        host.write(OPTIONS, OPTIONS_TEXT.encode())
        may_start_again(host)
        host.run("systemctl", "restart", "docker.service", check=False)
        assert host.run("systemctl", "is-active", "docker.service", check=False) != b"active\n"
    finally:
        host.write(FILE, data)
        host.write(OPTIONS, options.encode())
        restart(host)
        with host.sdk() as client:
            client.containers.get("witness").start()
