# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stopped engine stays stopped under every init system, even if another engine runs on its host."""

from __future__ import annotations

import conftest
import ways

from conftest import Host


def test_a_stopped_engine_stays_stopped_and_its_next_start_reads_the_file(lab, tmp_path, prove):
    hosts, beside = ways.hosts_of(lab, ways.OTHER_INITS), Host(lab, ways.BESIDE)
    neighbour = ways.snapshot(beside)
    with ways.restored_afterwards(hosts):
        ways.each(ways.stop, hosts)
        infos = conftest.modules(hosts, "registry_mirrors_info")
        predicted = conftest.modules(hosts, mirrors=[ways.NEW], check=True)
        done = conftest.modules(hosts, mirrors=[ways.NEW])
        for host in hosts:
            engine = infos[host.name]["engine"]
            assert engine["state"] == "stopped" and infos[host.name]["in_force"] is None, engine
            assert ways.predictable(predicted[host.name]) == ways.predictable(done[host.name])
            assert (
                done[host.name]["changed"]
                and done[host.name]["pending"] == "none"
                and done[host.name]["in_force"] is None
            )
            assert f'"{ways.NEW}"'.encode() in host.daemon_json()
            assert not ways.runs(host)
        role = {"role": "pullthrough.docker.docker_mirror", "docker_mirror_urls": [ways.NEW]}
        plays = [{"hosts": [host.name for host in hosts], "gather_facts": False, "roles": [role]}]
        code, counts, out = conftest.playbook(tmp_path / "play.yml", plays)
        assert code == 0 and all(count["changed"] == 0 for count in counts.values()), out
        for host in hosts:
            assert f"{host.name}: nothing in force, as Docker is stopped; configured " in out, out
            assert not ways.runs(host)
        assert ways.snapshot(beside) == neighbour
        ways.each(ways.start, hosts)
        for host in hosts:
            assert f"{ways.NEW}/" in host.mirrors(), "the next start reads it"
            prove(
                host.name,
                "a stopped engine stays stopped",
                {"state": infos[host.name]["engine"]["state"], "in force after its next start": host.mirrors()},
            )
