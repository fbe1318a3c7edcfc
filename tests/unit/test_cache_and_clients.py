# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run of the playbook cache_and_clients on a fleet. Stubs replace the modules."""

from __future__ import annotations

import pytest

from ansible_collections.pullthrough.docker.tests.unit.role_fleet import SAME, USABLE, Fleet

PLAYBOOK = "pullthrough.docker.cache_and_clients"
DONE = {"changed": False, "has_work": False, "pending": "none"}
URLS = {name: f"https://{name}.example.com:5000/" for name in ("c1", "c2")}
CLIENT = {"registry_mirrors": SAME, "registry_mirrors_info": {}, "registry_mirrors_health_info": USABLE}


@pytest.fixture
def fleet(tmp_path):
    caches = {name: {"registry_cache": {**DONE, "urls": {"docker.io": url}}, **CLIENT} for name, url in URLS.items()}
    return Fleet(tmp_path, {**caches, "a": CLIENT, "b": CLIENT}, caches=list(URLS))


def mirrors(fleet, host):
    return fleet.options(host, "registry_mirrors")["mirrors"]


def test_the_caches_come_first_and_the_other_hosts_share_them(fleet):
    (fleet.folder / "ca.crt").write_text("THE CA\n")
    code, counts, out = fleet.run(PLAYBOOK, cache_and_clients_ca_file=str(fleet.folder / "ca.crt"))
    assert code == 0 and set(counts) == {"a", "b", "c1", "c2"}, out
    assert [fleet.calls(host) for host in URLS] == [["registry_cache"]] * 2, "no engine of a cache is configured"
    assert sorted([mirrors(fleet, "a"), mirrors(fleet, "b")]) == sorted([[*URLS.values()], [*URLS.values()][::-1]])
    for host in ("a", "b"):
        given = fleet.options(host, "registry_mirrors")["ca_certificates"]
        assert given == {"c1.example.com:5000": "THE CA", "c2.example.com:5000": "THE CA"}


def test_the_engine_of_a_cache_can_use_it_too(fleet):
    code, _counts, out = fleet.run(PLAYBOOK, cache_and_clients_hosts="all")
    assert code == 0 and mirrors(fleet, "c1"), out
    assert fleet.options("c1", "registry_mirrors")["ca_certificates"] == {}


def test_no_host_uses_a_cache_that_is_not_proved(fleet):
    (fleet.folder / "hosts/c2/registry_cache.json").write_text('{"failed": true, "msg": "not proved"}')
    code, _counts, out = fleet.run(PLAYBOOK)
    assert code and "not proved" in out and not fleet.calls("a") + fleet.calls("b"), out


def test_a_run_without_a_cache_is_refused(fleet):
    code, _counts, out = fleet.run(PLAYBOOK, "--limit", "a,c1")
    assert code and "leaves out a cache" in out and not fleet.calls("a") + fleet.calls("c1"), out


def test_an_inventory_without_caches_is_refused(tmp_path):
    code, _counts, out = Fleet(tmp_path, {"a": CLIENT}).run(PLAYBOOK)
    assert code and "no host in the group" in out, out


def test_a_cache_of_another_registry_is_no_mirror(fleet):
    (fleet.folder / "hosts/c2/registry_cache.json").write_text(
        '{"changed": false, "has_work": false, "urls": {"ghcr.io": "https://c2/"}}'
    )
    code, _counts, out = fleet.run(PLAYBOOK)
    assert code and "registry_cache_ports has no docker.io" in out and not fleet.calls("a"), out


def test_a_misspelt_variable_is_refused(fleet):
    code, _counts, out = fleet.run(PLAYBOOK, cache_and_clients_ca_files="ca.crt")
    assert code and "did you mean cache_and_clients_ca_file?" in out and not fleet.calls("c1"), out
