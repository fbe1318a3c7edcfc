# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Caches: what is refused, the files that are written, what must be done, and when it must wait."""

from __future__ import annotations

import copy
import json

import pytest
import yaml

from ansible_collections.pullthrough.docker.plugins.module_utils._cache import (
    certificate,
    model,
    plan,
    snapshots,
    task,
    texts,
    wishes,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._change.refusal import Refused
from ansible_collections.pullthrough.docker.plugins.module_utils._host.listeners import Listener

HUB, GHCR = "docker.io", "ghcr.io"
NOW = 1_800_000_000.0
DAY = 86400
OPTIONS = {
    "ports": {HUB: 5000},
    "name": "cache.example.com",
    "certificate": "/etc/ssl/cache.crt",
    "key": "/etc/ssl/cache.key",
    "plain_http": False,
    "data": "/var/lib/registry-cache",
    "max_size": "80%",
    "credentials": [],
    "private": False,
    "metrics": "127.0.0.1:5050",
    "settings": {},
    "check_images": {},
}
ACCOUNT = [{"key": HUB, "value": {"username": "ci", "password": "hush"}}]


def wish(**options):
    return wishes.of({**copy.deepcopy(OPTIONS), **options}, "host.example.com")


# -- what is refused -------------------------------------------------------------------------------------------------

REFUSED = {
    "no registry": ({"ports": {}}, "names no registry"),
    "a URL": ({"ports": {"https://docker.io": 5000}}, "https://docker.io is not a registry"),
    "a path": ({"ports": {"docker.io/../x": 5000}}, "is not a registry"),
    "a port that is text": ({"ports": {HUB: "5000"}}, "docker.io has no port"),
    "a large port": ({"ports": {HUB: 65536}}, "docker.io has no port"),
    "one port twice": ({"ports": {HUB: 5000, GHCR: 5000}}, "declared for the cache of docker.io and for the cache of"),
    "the port of the metrics": ({"ports": {HUB: 5000, GHCR: 5051}}, "for the metrics of ghcr.io"),
    "metrics without a port": ({"metrics": "localhost"}, "registry_cache_metrics: localhost is not an address"),
    "no certificate": ({"certificate": ""}, "registry_cache_plain_http: true"),
    "no key": ({"key": None}, "The cache has no certificate"),
    "http with a certificate": ({"plain_http": True}, "Remove one of both"),
    "a path with a space": ({"certificate": "/etc/my cert"}, "registry_cache_certificate: /etc/my cert is not"),
    "a specifier of systemd": ({"data": "/srv/%h"}, "registry_cache_data: /srv/%h is not"),
    "a home": ({"data": "/home/ann/cache"}, "the service cannot use /home/ann/cache"),
    "a name with a port": ({"name": "cache/x"}, "registry_cache_name: cache/x"),
    "no size": ({"max_size": "lots"}, "registry_cache_max_size: lots is not a size"),
    "an account": ({"credentials": ACCOUNT}, "set registry_cache_private: true"),
    "an account of another": (
        {"credentials": ACCOUNT, "ports": {GHCR: 5000}, "private": True},
        "docker.io has no cache in registry_cache_ports",
    ),
    "a descriptor cache": ({"settings": {"storage": {"cache": {"blobdescriptor": "inmemory"}}}}, "an empty layer"),
    "deletion": ({"settings": {"storage": {"delete": {"enabled": True}}}}, "storage.delete.enabled must not be set"),
    "no storage": ({"settings": {"storage": None}}, "storage must not be set"),
    "an empty storage": ({"settings": {"storage": {}}}, "storage must not be set"),
    "another driver": ({"settings": {"storage": {"s3": {"bucket": "x"}}}}, "storage.s3.bucket must not be set"),
    "a proxy": ({"settings": {"proxy": {"remoteurl": "https://x"}}}, "set registry_cache_ports"),
    "an address": ({"settings": {"http": {"addr": ":1"}}}, "http.addr must not be set"),
    "a certificate": ({"settings": {"http": {"tls": {"letsencrypt": {}}}}}, "set registry_cache_certificate"),
}


@pytest.mark.parametrize(("options", "text"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_work_is_refused(options, text):
    with pytest.raises(Refused) as refused:
        wish(**options)
    assert text in str(refused.value) and "hush" not in str(refused.value)


def test_the_name_of_the_host_is_the_default():
    assert wish(name="").name == "host.example.com"


# -- the files -------------------------------------------------------------------------------------------------------


def configuration(registry=HUB, **options):
    made = wish(**options)
    return texts.of_wish(made, "")[model.configuration_of(registry)].decode()


def test_a_configuration_is_yaml_without_what_breaks_caches():
    shown = yaml.safe_load(configuration())
    assert shown == texts.parse(configuration())
    assert shown["storage"] == {"filesystem": {"rootdirectory": "/var/lib/registry-cache/docker.io"}}
    assert shown["proxy"] == {"remoteurl": "https://registry-1.docker.io"}
    assert shown["http"]["host"] == "https://cache.example.com:5000"
    assert shown["http"]["tls"]["key"] == "/run/registry-cache/docker.io/tls.key"


def test_further_settings_are_merged():
    shown = texts.parse(configuration(settings={"log": {"level": "warn"}, "http": {"headers": {"X": ["y"]}}}))
    assert shown["log"] == {"level": "warn", "accesslog": {"disabled": False}}
    assert shown["http"]["addr"] == ":5000" and shown["http"]["headers"] == {"X": ["y"]}


def test_each_cache_has_its_own_port_metrics_upstream_and_folder():
    shown = texts.parse(configuration(GHCR, ports={HUB: 5000, GHCR: 5001}))
    assert (shown["http"]["addr"], shown["http"]["debug"]["addr"]) == (":5001", "127.0.0.1:5051")
    assert shown["proxy"]["remoteurl"] == "https://ghcr.io"
    assert shown["storage"]["filesystem"]["rootdirectory"].endswith("/ghcr.io")


def test_without_metrics_and_without_tls():
    shown = texts.parse(configuration(metrics="", plain_http=True, certificate="", key=""))
    assert not shown["http"].keys() & {"debug", "tls"} and shown["http"]["host"].startswith("http://")


def test_a_password_is_in_the_configuration_of_its_registry_only():
    files = texts.of_wish(wish(credentials=ACCOUNT, private=True, ports={HUB: 5000, GHCR: 5001}), "")
    assert [path for path, data in files.items() if b"hush" in data] == [model.configuration_of(HUB)]


def test_a_file_of_others_is_not_parsed():
    assert texts.parse("version: 0.1\n") == texts.parse("") == texts.parse(texts.HEADER + "[]") == {}


def test_the_units():
    files = {path: data.decode() for path, data in texts.of_wish(wish(ports={HUB: 5000, GHCR: 5001}), "").items()}
    unit, trim = files[model.UNIT], files[model.TRIM_SERVICE]
    assert "Restart=on-failure\n" in unit and "StartLimitIntervalSec=0\n" in unit
    assert "tls.key=/etc/ssl/cache.key" in unit and "NoNewPrivileges=yes" in unit
    assert "trim 80%% /var/lib/registry-cache/docker.io /var/lib/registry-cache/ghcr.io\n" in trim
    assert "CAP_NET_BIND_SERVICE" in unit and "CAP_NET_BIND_SERVICE" not in trim


# -- what must be done -----------------------------------------------------------------------------------------------


class Machine(snapshots.CacheHost):
    """A host on which caches run as they are declared, until a test changes something."""

    def __init__(self, declared):
        self.files = {**texts.of_wish(declared, "keeper")}
        self.files.update({"/etc/ssl/cache.crt": b"certificate", "/etc/ssl/cache.key": b"key"})
        self.units = {registry: self._started(declared, registry) for registry in declared.ports}
        self.timer, self.installed, self.silent = True, "2.8.3", {}
        self.listening = [Listener(5000, 10, "docker-registry")]
        self.valid = certificate.Certificate(NOW - DAY, NOW + 90 * DAY)

    def _started(self, declared, registry):
        sources = {name: path.replace("%i", registry) for name, path in declared.staged().items()}
        return snapshots.Unit("active", 10, True, False, {name: self.files[path] for name, path in sources.items()})

    def unit(self, registry):
        return self.units.get(registry, snapshots.Unit())

    def change(self, registry=HUB, **values):
        self.units[registry] = self.units[registry]._replace(**values)

    def remove(self):
        self.files = {path: data for path, data in self.files.items() if path.startswith("/etc/ssl")}
        self.units, self.timer, self.installed, self.listening = {}, False, None, []

    def now(self):
        return NOW

    def read(self, path):
        return self.files.get(path)

    def exists(self, path):
        return path in self.files

    def names(self, folder):
        return sorted(path.rpartition("/")[2] for path in self.files if path.rpartition("/")[0] == folder)

    def keeper(self):
        return "keeper"

    def is_active(self, unit):
        return self.timer

    def listeners(self):
        return self.listening

    def version(self):
        return self.installed

    def certificate(self, path, key, name):
        return self.valid

    def silence(self, url, proxies):
        return self.silent.get(url)


@pytest.fixture
def machine():
    return Machine(wish())


def test_a_host_as_declared_has_no_work_and_asks_no_upstream(machine):
    machine.silent = {"https://registry-1.docker.io/": "no answer"}
    decision = task.decide(machine, wish())
    assert not decision.has_work and not decision.held and not decision.warnings
    assert decision.result()["pending"] == "none"


def reasons(machine, **options):
    return [(start.registry, start.reasons) for start in task.decide(machine, wish(**options)).plan.starts]


def test_a_new_configuration(machine):
    decision = task.decide(machine, wish(settings={"log": {"level": "warn"}}))
    assert list(decision.plan.writes) == [model.configuration_of(HUB)]
    assert decision.plan.starts[0].reasons == ["its configuration changed"] and not decision.plan.starts_timer


def test_a_certificate_that_was_renewed(machine):
    machine.files["/etc/ssl/cache.crt"] = b"new"
    assert reasons(machine) == [(HUB, ["its certificate changed"])]


def test_a_run_that_was_killed_before_the_restart(machine):
    """The files are as declared, but the cache started with others."""
    machine.change(staged={**machine.units[HUB].staged, "config.yml": b"old"})
    assert reasons(machine) == [(HUB, ["its configuration changed"])]


def test_a_run_that_was_killed_before_the_proof(machine):
    machine.files[model.PREVIOUS] = snapshots.previous_text(snapshots.Previous({"/a": b"\xff", "/b": None}, [HUB]))
    decision = task.decide(machine, wish())
    assert decision.has_work and not decision.plan.starts
    assert decision.plan.previous == snapshots.Previous({"/a": b"\xff", "/b": None}, [HUB])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"state": "inactive"}, "it does not run"),
        ({"state": "activating"}, "it does not run"),
        ({"is_outdated": True}, "its program was upgraded"),
        ({"is_enabled": False}, "it would not start at a boot"),
    ],
)
def test_a_cache_that_must_restart(machine, change, reason):
    machine.change(**change)
    assert reasons(machine) == [(HUB, [reason])]


def test_a_timer_that_does_not_run(machine):
    machine.timer = False
    decision = task.decide(machine, wish())
    assert decision.has_work and decision.plan.starts_timer and not decision.plan.starts


def test_a_new_host(machine):
    machine.remove()
    decision = task.decide(machine, wish())
    assert decision.plan.installs and decision.plan.starts == [plan.Start(HUB, ["it does not run"], True)]
    assert decision.plan.previous.running == [] and set(decision.plan.previous.files.values()) == {None}


def test_a_registry_that_is_not_declared_any_more():
    machine = Machine(wish(ports={HUB: 5000, GHCR: 5001}))
    decision = task.decide(machine, wish())
    assert decision.plan.stops == [GHCR] and decision.plan.writes[model.configuration_of(GHCR)] is None
    assert decision.plan.previous.running == [HUB, GHCR]


def test_no_cache_is_declared(machine):
    machine.files[f"{model.CONFIGURATIONS}/config.yml"] = b"version: 0.1\n"
    decision = task.decide(machine, None)
    assert decision.plan.stops == [HUB] and not decision.plan.starts and not decision.plan.installs
    assert set(decision.plan.writes.values()) == {None}
    assert f"{model.CONFIGURATIONS}/config.yml" not in decision.plan.writes


def test_a_port_that_is_taken(machine):
    machine.listening.append(Listener(5050, 77, "exporter"))
    with pytest.raises(Refused, match=r"Port 5050 is used by exporter \(pid 77\).* another port in registry_cache_met"):
        task.decide(machine, wish())


def test_the_upstream_is_down_before_a_restart(machine):
    machine.silent = {"https://registry-1.docker.io/": "no route"}
    machine.files["/etc/ssl/cache.crt"] = b"new"
    decision = task.decide(machine, wish())
    assert not decision.has_work and decision.result()["pending"] == "restart"
    assert "its certificate changed" in decision.held[0] and "no route" in decision.held[0]
    assert decision.warnings == decision.held


def test_the_upstream_is_down_before_the_first_start(machine):
    machine.remove()
    machine.silent = {"https://registry-1.docker.io/": "no route"}
    with pytest.raises(Refused, match="could not start, as its upstream does not answer: no route"):
        task.decide(machine, wish())


def test_a_certificate_that_ends_soon(machine):
    machine.valid = certificate.Certificate(NOW - DAY, NOW + 29.5 * DAY)
    assert "in 29 days" in task.decide(machine, wish()).warnings[0]


@pytest.mark.parametrize(
    ("begin", "end", "text"), [(-9, -1, "expired on 2027-01-14"), (1, 9, "only from 2027-01-16 on. The clock")]
)
def test_a_certificate_that_is_not_valid_now(machine, begin, end, text):
    machine.valid = certificate.Certificate(NOW + begin * DAY, NOW + end * DAY)
    with pytest.raises(Refused, match=text):
        task.decide(machine, wish())


def test_a_certificate_that_cannot_be_used(machine):
    def refusing(*_arguments):
        raise certificate.CertificateError("it has not the name")

    machine.certificate = refusing
    with pytest.raises(Refused, match=r"it has not the name\. Check registry_cache_certificate"):
        task.decide(machine, wish())


def test_plain_http_is_warned_of():
    options = {"plain_http": True, "certificate": "", "key": ""}
    assert "insecure registry" in task.decide(Machine(wish(**options)), wish(**options)).warnings[0]


def test_the_result_shows_no_password(machine):
    decision = task.decide(machine, wish(credentials=ACCOUNT, private=True))
    assert decision.has_work and "hush" not in json.dumps(decision.result())
