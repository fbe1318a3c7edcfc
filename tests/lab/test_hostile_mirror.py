# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hostile mirrors and a hostile proxy on real engines: time, memory, results, and every line in the terminal.

Each kind of poison is tried on one engine, and the next kind on the next one. WHOLE=yes tries each kind on each engine.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import re

import hostile_server
import pytest

from hostile_server import ALL_TEXTS, FORGED, KINDS, OVER_TLS, PORTS, SCRIPT, SECRET
from test_canary import forget
from test_health import role
from test_restart import restart

import conftest

from conftest import ENGINES, each, run_playbook, wait_until

SERVER = pathlib.Path(hostile_server.__file__)
MEASURE = SERVER.with_name("measure.py")
FOLDER = "/run/hostile"
METADATA = "169.254.169.254/32"
PROXY_DROP_IN = "/etc/systemd/system/docker.service.d/hostile.conf"
NEW = "https://new.example"
TIMEOUT = 2
MEGABYTES = 100
"""The most memory of the largest process of a module."""
ON_EACH = {"test_a_reload_that_a_mirror_calls_refused_is_kept", "test_no_redirect_leads_into_the_host"}
"""Tests that run on every engine. The engines write different logs, and the hosts have different versions of Python."""


def pytest_generate_tests(metafunc):
    if "kind" in metafunc.fixturenames:
        turns = [(name, kind) for number, kind in enumerate(KINDS) for name in in_turn(number)]
        metafunc.parametrize(("host", "kind"), turns, indirect=["host"])
    elif "host" in metafunc.fixturenames:
        names = ENGINES if metafunc.function.__name__ in ON_EACH else in_turn(len(KINDS))
        metafunc.parametrize("host", names, indirect=True)


def in_turn(number):
    return ENGINES if conftest.WHOLE else [ENGINES[number % len(ENGINES)]]


@pytest.fixture(scope="module")
def engines(lab, tmp_path_factory):
    """Yield one host of each engine, with the modules installed and with hostile mirrors at its own address."""
    hosts = conftest.with_modules(lab, tmp_path_factory)

    def prepare(host):
        for path in (SERVER, MEASURE):
            host.write(f"/opt/lab/{path.name}", path.read_bytes())
        host.run("rm", "-rf", FOLDER)
        # The trap listens there too. Without the address, a probe could reach a real metadata service.
        host.run("ip", "address", "add", METADATA, "dev", "lo")

    each(prepare, hosts)
    with contextlib.ExitStack() as servers:
        for host in hosts:
            command = ["python3", f"/opt/lab/{SERVER.name}", host.address, FOLDER]
            servers.enter_context(conftest.running(host, *command))
        for host in hosts:
            wait_until(lambda host=host: lines(host, "ready"))
        yield hosts
    each(lambda host: host.run("ip", "address", "delete", METADATA, "dev", "lo"), hosts)


@pytest.fixture
def host(request, engines):
    return next(host for host in engines if host.name == request.param)


def lines(host, name):
    """Return the lines of a file that the hostile mirrors of a host write."""
    return host.run("sh", "-c", 'cat "$0" 2>/dev/null || true', f"{FOLDER}/{name}").decode().split()


def urls_of(host, kind):
    """Return the URL of each mirror of a kind, by place."""
    return {
        place: f"{'https' if place == OVER_TLS else 'http'}://{host.address}:{PORTS[kind, place]}"
        for place in KINDS[kind]
    }


def certificates_of(host, kind):
    ports = [PORTS[kind, place] for place in KINDS[kind] if place == OVER_TLS]
    return {f"{host.address}:{port}": host.run("cat", f"{FOLDER}/{port}.crt").decode() for port in ports}


def call(host, name="registry_mirrors_health_info", **options):
    """Run a module on the host, and return its result, and the seconds and megabytes that it took."""
    under = ["timeout", "60", "python3", f"/opt/lab/{MEASURE.name}", f"{FOLDER}/measured"]
    result = host.execute(name, under=under, **options)
    return result, json.loads(host.run("cat", f"{FOLDER}/measured"))


def check_cost(host, cost):
    """Check what a call took. The machine may be busy, so a call that asks no mirror may take three times as long."""
    _result, usual = call(host, mirrors=[])
    assert cost["seconds"] < TIMEOUT + 1 + 3 * usual["seconds"], (cost, usual)
    assert cost["megabytes"] < MEGABYTES, cost


def texts(value):
    """Yield every text of a result, including keys."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from (key, *texts(inner))
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value


def check_result(result):
    """Check that a result has printable text only. ``invocation`` repeats what the task was given, a diff has lines."""
    for key, value in result.items():
        for text in texts(value) if key != "invocation" else ():
            shown = text.replace("\n", "") if key == "diff" else text
            assert shown.isprintable() and SECRET not in text, text.encode("unicode_escape")


def check_mirrors(result, urls):
    """Check that there is a report for each mirror, and a reason for each one that cannot be used."""
    assert not result.get("failed") and not result["changed"], result
    assert [mirror["url"] for mirror in result["mirrors"]] == [f"{url}/" for url in urls]
    for mirror in result["mirrors"]:
        assert mirror["usable"] or (mirror["reason"] and mirror["failed_at"]), mirror
        assert all(len(text) <= 1000 for text in texts(mirror)), mirror
    check_result(result)


def check_terminal(out):
    """Check that the output has printable text only, and no line that a mirror forged."""
    bad = [character for character in out if not character.isprintable() and character != "\n"]
    assert not bad, out.encode("unicode_escape")
    assert not [line for line in out.splitlines() if line.strip().startswith((FORGED, "fatal:"))], out
    assert SECRET not in out, out


# -- only the module --------------------------------------------------------------------------------------------------


def test_each_kind_of_poison_in_each_place(host, kind, prove):
    urls, certificates = urls_of(host, kind), certificates_of(host, kind)
    result, cost = call(
        host, mirrors=[*urls.values()], images=["alpine"], ca_certificates=certificates, timeout=TIMEOUT
    )
    assert {str(PORTS[kind, place]) for place in urls} <= set(lines(host, "asked")), "each mirror was asked"
    check_mirrors(result, urls.values())
    check_cost(host, cost)
    prove(host.name, f"hostile mirrors: {kind}", {"mirrors": len(urls), **cost})


def test_no_redirect_leads_into_the_host(host):
    """The redirect to the trap at the mirror's own address shows that the trap works."""
    host.run("rm", "-f", f"{FOLDER}/trapped")
    result, _cost = call(host, mirrors=[*urls_of(host, "redirects").values()], timeout=TIMEOUT)
    assert set(lines(host, "trapped")) == {host.address}
    usable = [place for place, mirror in zip(KINDS["redirects"], result["mirrors"]) if mirror["usable"]]
    assert usable == ["to the trap at its own address"]


@contextlib.contextmanager
def behind_proxy(host):
    """Restart the engine with the hostile proxy."""
    address = f"http://{host.address}:{hostile_server.PROXY_PORT}"
    host.write(PROXY_DROP_IN, f"[Service]\nEnvironment=HTTPS_PROXY={address} HTTP_PROXY={address}\n".encode())
    try:
        restart(host)
        yield address
    finally:
        host.write(PROXY_DROP_IN, None)
        restart(host)


def test_each_answer_of_a_hostile_proxy(host, prove):
    urls = [hostile_server.url_behind_proxy(number) for number in range(len(hostile_server.CONNECTS))]
    with behind_proxy(host) as proxy:
        result, cost = call(host, mirrors=urls, timeout=TIMEOUT)
        check_cost(host, cost)
    check_mirrors(result, urls)
    for answer, mirror in zip(hostile_server.CONNECTS, result["mirrors"]):
        assert not mirror["usable"] and mirror["proxy"].startswith(proxy), mirror
        assert mirror["failed_at"] in (("tls",) if answer.startswith("tunnel") else ("proxy", "tls")), (answer, mirror)
    prove(host.name, "hostile answers of a proxy", {"answers": len(urls), **cost})


# -- a reload ----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def pulling(host):
    """Pull through the forging mirror again and again, so that the engine writes the forged refusal to its log."""
    url = f"http://{host.address}:{hostile_server.FORGER_PORT}"
    with conftest.as_they_were([host]):
        host.write_daemon_json(json.dumps({"registry-mirrors": [url]}).encode())
        host.run("systemctl", "reload", "docker")
        wait_until(lambda: host.mirrors() == [f"{url}/"])
        before = forged(host)
        loop = "while :; do docker pull --quiet no/such; done"
        host.run("systemd-run", "--unit=lab-pull", "sh", "-c", loop)
        try:
            wait_until(lambda: forged(host) > before)
            yield url
        finally:
            host.run("systemctl", "stop", "lab-pull")


def forged(host):
    """Return how many lines of the engine's log quote the forged refusal."""
    out = host.run("journalctl", "--no-pager", "-q", "-o", "cat", "-u", "docker.service").decode(errors="replace")
    return sum("forged" in line for line in out.splitlines())


def test_a_reload_that_a_mirror_calls_refused_is_kept(host, prove):
    """The forged lines also arrive between the signal and the proof, because the pulls do not stop."""
    with pulling(host) as url:
        before, pid = forged(host), host.engine_pid()
        for state in ("present", "absent") * 2:
            result = host.execute("registry_mirrors", mirrors=[NEW], state=state)
            expected = [f"{url}/", *([f"{NEW}/"] if state == "present" else [])]
            assert result.get("in_force") == expected and result["reloaded"], result
            assert host.mirrors() == expected and host.engine_pid() == pid
            check_result(result)
            count = forged(host)
            wait_until(lambda count=count: forged(host) > count)
        prove(host.name, "reloads while a mirror forges refusals", {"reloads": 4, "forged": forged(host) - before})


# -- role and playbooks ------------------------------------------------------------------------------------------------


@pytest.fixture
def hostile_urls(engines):
    """Yield mirrors with all texts at once, one for each place, and restore the engines at the end."""
    with conftest.as_they_were(engines):
        yield [*urls_of(engines[0], ALL_TEXTS).values()]


def check_added(engines, urls):
    for host in engines:
        assert set(host.mirrors()) >= {f"{url}/" for url in urls}, host.name


def test_the_terminal_shows_no_poison(engines, hostile_urls, tmp_path, prove):
    """The role, both playbooks, and a module at the highest usual verbosity."""
    half = len(hostile_urls) // 2
    results = conftest.modules(
        engines, "registry_mirrors_health_info", mirrors=hostile_urls, images=["alpine"], timeout=5 * TIMEOUT
    )
    for result in results.values():
        check_terminal(result["output"])
        check_mirrors({key: value for key, value in result.items() if key != "output"}, hostile_urls)

    forget(engines, "alpine")
    code, counts, out = role(tmp_path, engines, urls=hostile_urls[:half], health="report", canary_images=["alpine"])
    assert code == 0 and all(counts[host.name]["changed"] for host in engines), out
    check_terminal(out)
    check_added(engines, hostile_urls[:half])
    used = re.findall(r"alpine: (\w+)\. ", out)
    assert len(used) >= len(engines) and "served" not in used, out

    variables = {
        "docker_mirror_urls": hostile_urls[half:],
        "docker_mirror_health": "report",
        "configure_left_file": str(tmp_path / "left"),
        "configure_waves": ["100%"],
    }
    limit = ["--limit", ",".join(host.name for host in engines)]
    code, counts, out = run_playbook("pullthrough.docker.configure", *limit, "-e", json.dumps(variables))
    assert code == 0 and not (tmp_path / "left").exists(), out
    check_terminal(out)
    check_added(engines, hostile_urls)

    code, counts, out = run_playbook("pullthrough.docker.audit", *limit, "-e", f"audit_folder={tmp_path}/out")
    assert code == 0, out
    check_terminal(out)
    check_report(tmp_path / "out", engines, hostile_urls)
    for host in engines:
        prove(host.name, "hostile mirrors in force, without a trace in the terminal", len(hostile_urls))


def check_report(folder, engines, urls):
    """Check the report of the playbook audit. All mirrors are in it, and the page has no script of theirs."""
    report = json.loads((folder / "report.json").read_text())
    check_result(report)
    assert {mirror["url"] for mirror in report["mirrors"]} >= {f"{url}/" for url in urls}
    assert {host["name"] for host in report["hosts"]} == {host.name for host in engines}
    page = (folder / "report.html").read_text()
    assert SCRIPT not in page and page.count("<script") == 1, "the only script is the page's own"
    assert any("script" in text and "window.ran" in text for text in texts(report)), "the poison was in the results"
    assert not [character for character in page if not character.isprintable() and character not in "\n\t"]
