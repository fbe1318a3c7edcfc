# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The play lacks become: the login user has no engine, and root's engine runs. Nothing is written for that user."""

from __future__ import annotations

import json
import re

import pytest

import conftest

from conftest import ENGINES, GCR, Host, each, playbook

USER = "plain"
FILE = f"/home/{USER}/.config/docker/daemon.json"
REFUSED = {
    # module: options
    "registry_mirrors": {"mirrors": [GCR]},
    "daemon_config": {"settings": {"debug": True}},
    "registry_mirrors_canary": {"images": ["alpine"]},
    "registry_mirrors_health_info": {},
}


@pytest.fixture(scope="module")
def engines(lab):
    hosts = [Host(lab, name) for name in ENGINES]
    each(lambda host: host.run("useradd", "--create-home", "--shell", "/bin/bash", USER), hosts)
    yield hosts
    each(lambda host: host.run("userdel", "--force", "--remove", USER), hosts)


@pytest.fixture(autouse=True)
def nothing_changes(engines):
    def snapshot(host):
        return [
            host.state(),
            host.mirrors(),
            host.run("ls", "-A", f"/home/{USER}", f"/home/{USER}/.config", check=False),
        ]

    for host in engines:
        host.run("rm", "-rf", f"/home/{USER}/.config", f"/home/{USER}/.ansible")
    before = each(snapshot, engines)
    yield
    for host in engines:
        host.run("rm", "-rf", f"/home/{USER}/.ansible")
    assert each(snapshot, engines) == before


def as_user(hosts, name, *flags, **options):
    """Call a module on all hosts at once as that user."""
    arguments = ["-a", json.dumps(options)] if options else []
    login = ["-e", f"ansible_user={USER}", "-m", f"pullthrough.docker.{name}"]
    return conftest.ansible("ansible", ",".join(host.name for host in hosts), *login, *arguments, *flags)


@pytest.mark.parametrize("name", REFUSED)
def test_each_module_refuses_and_names_the_remedy(engines, prove, name):
    code, out = as_user(engines, name, **REFUSED[name])
    messages = re.findall(r'"msg": "(The task does not run as root.*)"', out)
    assert code == 2 and len(messages) == len(engines), out
    for host, message in zip(engines, messages):
        assert "this host's engine is root's: add become: true." in message
        assert ("Nothing was changed" in message) is (name in ("registry_mirrors", "daemon_config")), message
        prove(host.name, f"without become, {name}", message)


def test_check_mode_refuses_as_well(engines):
    code, out = as_user(engines, "registry_mirrors", "--check", **REFUSED["registry_mirrors"])
    assert code == 2 and out.count('"msg": "The task does not run as root') == len(engines), out


def test_the_info_module_does_not_fail_and_gives_the_reason(engines):
    code, out = as_user(engines, "registry_mirrors_info")
    assert code == 0 and out.count('"state": "absent"') == len(engines), out
    assert len(re.findall('"reason": "user .* add become: true"', out)) == len(engines), out
    assert "[WARNING]: The task does not run as root" in out, out


def test_named_mirrors_can_be_checked(engines):
    code, out = as_user(engines, "registry_mirrors_health_info", mirrors=[GCR])
    assert code == 0 and out.count('"usable": true') == len(engines), out


def test_the_role_writes_nothing(engines, tmp_path):
    names = [host.name for host in engines]
    role = [{"hosts": names, "gather_facts": False, "roles": ["pullthrough.docker.docker_mirror"]}]
    code, counts, out = playbook(tmp_path / "play.yml", role, "-e", f"ansible_user={USER}")
    assert code == 2 and all(count["failed"] == 1 and count["changed"] == 0 for count in counts.values()), out
    assert out.count("add become: true") >= len(engines), out


def test_a_named_file_is_written(engines):
    """With path, the module does not need an engine of the user. It leaves the file and the lock, and nothing else."""
    home = f"/home/{USER}"
    code, out = as_user(engines, "registry_mirrors", mirrors=[GCR], path=f"{home}/daemon.json")
    read = "cd $0 && cat daemon.json && rm daemon.json .config/pullthrough-docker.lock && rmdir .config"
    written = each(lambda host: host.run("sh", "-c", read, home), engines)
    assert code == 0, out
    assert [json.loads(text) for text in written.values()] == [{"registry-mirrors": [GCR]}] * len(engines)
