# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mirrors as flags of engines that the system's systemd does not start: used, and moved to the file and back."""

from __future__ import annotations

import json

import pytest

import conftest
import ways

from conftest import GCR, Host, wait_until

VENDOR = f'# As the vendor writes it\nDOCKER_OPTS="${{DOCKER_OPTS}} --registry-mirror={GCR[:-1]}"\n'
DROP_IN = f"{ways.USER_UNITS}/docker.service.d/zz-pullthrough-docker.conf"


def place_of(host):
    return DROP_IN if host.name == ways.ROOTLESS else ways.OPTIONS


def text_of(host, path):
    return (ways.content(host, path) or b"").decode()


def pulls_through_the_cache(lab, host):
    """Pull the image, and return how many requests for it the cache got from this host."""

    def request_count():
        return len(lab.requests("cache", r'"(GET|HEAD) /v2/library/alpine/', host.address))

    before = request_count()
    ways.forget(host, "alpine")
    host.pull("alpine")
    wait_until(lambda: request_count() > before)
    return request_count() - before


@pytest.fixture
def hosts(lab):
    hosts = ways.hosts_of(lab, ways.OTHER_INITS)
    with ways.restored_afterwards(hosts, ways.OPTIONS, DROP_IN):
        for host in hosts:
            # root owns the folder if a test has created it.
            host.run("sh", "-c", 'rmdir "${0%/*}" 2>/dev/null || true', DROP_IN)
            host.write(host.file, b'{"max-concurrent-uploads": 4}\n')
            if host.name != ways.ROOTLESS:
                host.write(ways.OPTIONS, VENDOR.encode())
        ways.each(ways.restart, hosts)
        yield hosts


def test_kept_as_flags_and_moved_to_the_file_and_back(lab, hosts, tmp_path, prove):
    by_shell = [host for host in hosts if host.name != ways.ROOTLESS]
    rootless = [host for host in hosts if host.name == ways.ROOTLESS]

    # The vendor describes this: the options file, which a shell expands, and a restart by the init script.
    reports = conftest.modules(by_shell, "registry_mirrors_info")
    for host in by_shell:
        report = reports[host.name]
        assert host.mirrors() == report["in_force"] == report["mirrors"] == [GCR] and report["drift"] is False
        assert report["sources"][1:] == [
            {"source": "options_file", "path": ways.OPTIONS, "line": 2, "mirrors": [GCR], "reason": None}
        ]
    code, counts, out = ways.role(tmp_path, by_shell, urls=[GCR], source="options_file")
    assert code == 0 and all(count["changed"] == 0 for count in counts.values()), out
    for result in conftest.modules(by_shell, mirrors=[GCR]).values():
        assert result["failed"] and f"{ways.OPTIONS}, line 2" in result["msg"], result["msg"]
    # A rootless engine gets its flags from a drop-in of its user.
    code, counts, out = ways.role(tmp_path, rootless, urls=[GCR], source="systemd_drop_in")
    assert code == 0, out
    assert all(host.mirrors() == [GCR] and f"--registry-mirror={GCR}" in text_of(host, DROP_IN) for host in rootless)

    pulled = {host.name: pulls_through_the_cache(lab, host) for host in hosts}
    before = ways.each(ways.snapshot, hosts)
    code, counts, out = ways.role(tmp_path, hosts, urls=[GCR], migrate=True)
    assert code == 0, out
    for host in hosts:
        assert host.mirrors() == [GCR] and "--registry-mirror" not in text_of(host, place_of(host))
        assert (
            b'"registry-mirrors": ["https://mirror.gcr.io' in host.daemon_json()
            and host.engine_pid() != before[host.name]["engine"]
        )
        if host in by_shell:
            assert text_of(host, ways.OPTIONS) == VENDOR.replace(f" --registry-mirror={GCR[:-1]}", "")
    code, counts, out = ways.role(tmp_path, hosts, urls=[GCR], migrate=True)
    assert code == 0 and all(count["changed"] == 0 for count in counts.values()), out

    code, counts, out = ways.role(tmp_path, by_shell, urls=[GCR], migrate=True, source="options_file")
    assert code == 0, out
    for host in by_shell:
        assert host.mirrors() == [GCR] and host.daemon_json() == b'{"max-concurrent-uploads": 4}\n'
        ways.stop(host)
        ways.start(host)
        assert host.mirrors() == [GCR], "stop, then start"
    for host in hosts:
        prove(
            host.name,
            "mirrors as flags, pulled through, and moved to the file and back",
            {"requests at the cache": pulled[host.name]},
        )


def test_moved_between_a_flag_and_a_file_elsewhere(lab, tmp_path, prove):
    host = Host(lab, ways.MOVED)
    unread = text_of(host, "/etc/docker/daemon.json")
    with ways.restored_afterwards([host], ways.OPTIONS):
        before = host.daemon_json()
        for source, named in (("options_file", ways.OPTIONS), ("daemon_json", host.file)):
            host.run("systemctl", "reset-failed", "docker.service", "docker.socket")
            code, _counts, out = ways.role(tmp_path, [host], urls=[GCR], source=source, migrate=True)
            assert code == 0, out
            assert host.mirrors()[-1] == GCR
            assert [path for path in (ways.OPTIONS, host.file) if "mirror.gcr.io" in text_of(host, path)] == [named]
        assert {**json.loads(host.daemon_json()), "registry-mirrors": None} == {
            **json.loads(before),
            "registry-mirrors": None,
        }
        assert text_of(host, "/etc/docker/daemon.json") == unread
        prove(
            host.name,
            "moved between a flag and a file elsewhere",
            {"in force": host.mirrors(), "requests at the cache": pulls_through_the_cache(lab, host)},
        )
