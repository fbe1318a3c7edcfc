# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers of the engine, and answers that no engine gives."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import time
import tracemalloc

import pytest

from fake_engines import GCR, GOOD, USER, answering, chunked, http

from ansible_collections.pullthrough.docker.plugins.module_utils._host import (
    engine_api,
    engines,
)

pytestmark = pytest.mark.usefixtures("in_time")

GOOD_INFO = engine_api.Info(
    "28.5.2", [GCR], False, False, 2, False, "graphdriver", {"registry-mirrors": [GCR], "insecure-registries": []}
)


def test_what_is_asked(host, answer):
    engine = answer(http(json.dumps(GOOD).encode()))
    (host / "docker.sock").unlink()
    with answering(host / "docker.sock", http(json.dumps(GOOD).encode())) as asked:
        assert engine_api.ask_info(engine, time.monotonic() + 10) == GOOD_INFO
    assert asked == [b"GET /info HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: identity\r\n\r\n"]


@pytest.mark.parametrize(
    ("answer", "proxies"),
    [
        ({}, {}),
        ({"HttpProxy": "", "HttpsProxy": None, "NoProxy": 7}, {}),
        (
            {"HttpProxy": "http://a", "HttpsProxy": "http://b", "NoProxy": "c"},
            {"http": "http://a", "https": "http://b", "no": "c"},
        ),
    ],
)
def test_proxies_that_the_engine_shows(answer, proxies):
    info = engine_api._parse_info(json.dumps({"ServerVersion": "28.5.2", **answer}).encode(), "/nowhere")
    assert info.proxies == proxies


def stream(*lines):
    return chunked(b"".join(json.dumps(line).encode() + b"\r\n" if isinstance(line, dict) else line for line in lines))


PULLS = {
    # name: (the engine's answer, whether something is new, the problem)
    "new": (
        stream({"status": "Pulling from a"}, {"status": "Status: Downloaded newer image for alpine:latest"}),
        True,
        None,
    ),
    "there": (stream({"status": "Status: Image is up to date for alpine:latest"}), False, None),
    "failed on the way": (
        stream({"status": "x"}, {"errorDetail": {"message": "no"}, "error": "no, see https://a:b@c.example"}),
        False,
        "no, see https://***@c.example",
    ),
    "failed at once, at length": (stream({"error": "y" * 600}), False, f"{'y' * 499}…"),
    "odd lines": (stream(b"[]\n", b"{\n", {"status": 7}), False, None),
    "refused": (http(b'{"message":"no such image"}', "404 Not Found"), False, "no such image"),
    "refused oddly": (http(b"no", "500 x"), False, "the answer on {0}/docker.sock is HTTP 500: b'no'"),
}  # fmt: skip


@pytest.mark.parametrize(("said", "new", "problem"), PULLS.values(), ids=PULLS)
def test_a_pull(host, answer, said, new, problem):
    engine = answer(http(json.dumps(GOOD).encode()))
    (host / "docker.sock").unlink()
    with answering(host / "docker.sock", said) as asked:
        found = engine_api.pull(engine, "library/alpine", "sha256:1", time.monotonic() + 10)
    assert found == (new, problem and problem.format(host))
    assert asked[0].split(b"\r\n")[0] == b"POST /images/create?fromImage=library%2Falpine&tag=sha256%3A1 HTTP/1.1"


def test_a_pull_that_says_too_much_or_nothing(host, answer, monkeypatch):
    engine = answer(http(json.dumps(GOOD).encode()))
    (host / "docker.sock").unlink()
    monkeypatch.setattr(engine_api, "PULL_LIMIT", 10)
    with answering(host / "docker.sock", stream({"status": "x" * 20}, {"status": "y"})), pytest.raises(
        engine_api.Unreachable, match="too large"
    ):
        engine_api.pull(engine, "a/b", "latest", time.monotonic() + 10)
    (host / "docker.sock").unlink()
    with answering(host / "docker.sock", []), pytest.raises(engine_api.Unreachable, match="timed out"):
        engine_api.pull(engine, "a/b", "latest", time.monotonic() + 0.2)


DESCRIBED = {
    "a digest": (http(b'{"Descriptor": {"digest": "sha256:1"}}'), ("sha256:1", None)),
    "a digest at length": (http(json.dumps({"Descriptor": {"digest": "y" * 200}}).encode()), (f"{'y' * 99}…", None)),
    "no digest": (http(b"{}"), (None, "its answer names no digest")),
    "refused at length": (http(json.dumps({"message": "y" * 600}).encode(), "500 x"), (None, f"{'y' * 499}…")),
}


@pytest.mark.parametrize(("said", "described"), DESCRIBED.values(), ids=DESCRIBED)
def test_what_a_registry_tells_the_engine(host, answer, said, described):
    engine = answer(http(json.dumps(GOOD).encode()))
    (host / "docker.sock").unlink()
    with answering(host / "docker.sock", said):
        assert engine_api.describe(engine, "a.example/b:c", time.monotonic() + 10) == described


def test_a_long_error_is_not_copied_to_be_shown():
    """The text of bytes that cannot be printed is four times as long as they are."""
    body = bytes(4 * 1024 * 1024)
    tracemalloc.start()
    shown = str(engine_api._Answered("/run/docker.sock", 500, body))
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(shown) < 300
    assert peak < len(body)


def test_a_long_version_is_shown_in_part(host, answer):
    engine = answer(http(json.dumps(GOOD).encode()))
    facts = engine._replace(info=GOOD_INFO._replace(version="1" * 200)).facts()
    assert facts["version"] == f"{'1' * 99}…"


def test_a_listener_that_accepts_nobody_is_not_waited_for(tmp_path):
    path = str(tmp_path / "docker.sock")
    with contextlib.ExitStack() as sockets:
        server = sockets.enter_context(socket.socket(socket.AF_UNIX))
        server.bind(path)
        server.listen(0)
        with contextlib.suppress(BlockingIOError):
            while True:  # Until its queue is full.
                waiting = sockets.enter_context(socket.socket(socket.AF_UNIX))
                waiting.setblocking(False)
                waiting.connect(path)
        assert engine_api.listener(path) is None


def test_how_many_pulls(host, answer, monkeypatch):
    engine = answer(http(json.dumps(GOOD).encode()))
    monkeypatch.setattr(time, "time", lambda: 1000.5)
    (host / "docker.sock").unlink()
    with answering(host / "docker.sock", http(b'{"Type":"image"}\n{"Type":"image"}\n')) as asked:
        assert engine_api.pulls(engine, 999.25, time.monotonic() + 10) == 2
    filters = "%7B%22type%22%3A%20%5B%22image%22%5D%2C%20%22event%22%3A%20%5B%22pull%22%5D%7D"
    assert asked[0].split()[1].decode() == f"/events?since=999.250000000&until=1000.501000000&filters={filters}"


@pytest.mark.parametrize(("events", "has_reloaded"), [(b'{"Type":"daemon"}\n', True), (b"", False)])
def test_whether_it_has_reloaded(host, answer, monkeypatch, events, has_reloaded):
    engine = answer(http(json.dumps(GOOD).encode()))
    monkeypatch.setattr(time, "time", lambda: 1000.5)
    (host / "docker.sock").unlink()
    with answering(host / "docker.sock", http(events)) as asked:
        assert engine_api.has_reloaded(engine, 999.25, time.monotonic() + 10) is has_reloaded
    filters = "%7B%22type%22%3A%20%5B%22daemon%22%5D%2C%20%22event%22%3A%20%5B%22reload%22%5D%7D"
    assert asked[0].split()[1].decode() == f"/events?since=999.250000000&until=1000.501000000&filters={filters}"


@pytest.mark.parametrize(
    ("maker", "is_believed"), [("engine", True), (0, True), (1, True), (2, False), ("other", False), ("systemd", True)]
)
def test_only_the_engine_and_the_init_system_are_believed(host, process, other, texts, monkeypatch, maker, is_believed):
    pids = {"engine": process.pid, "other": other.pid, "systemd": other.pid}
    if maker == "systemd":
        texts[f"/proc/{other.pid}/comm"] = "systemd\n"
    monkeypatch.setattr(engine_api, "_maker_of", lambda sock: pids.get(maker, maker))
    with answering(host / "docker.sock", http(json.dumps(GOOD).encode())):
        engine = engines.look("docker", 10)
    assert engine.info == (GOOD_INFO if is_believed else None)


@pytest.mark.parametrize(
    ("user", "group", "is_believed"),
    [(0, USER, True), (os.geteuid(), USER, True), (1, 0, False), (USER, 0, False)],
    ids=["root", "the one who asks", "daemon", "of the group of root"],
)
def test_only_root_and_the_user_are_believed(host, process, monkeypatch, user, group, is_believed):
    monkeypatch.setattr(engine_api, "_credentials", lambda sock: (process.pid, user, group))
    with answering(host / "docker.sock", http(json.dumps(GOOD).encode())):
        assert engines.look("docker", 10).info == (GOOD_INFO if is_believed else None)


def test_an_answer_of_another_process_is_not_believed(host, process):
    with answering(host / "docker.sock", http(json.dumps(GOOD).encode())):
        engine = engines.look("docker", 10)
    assert engine.state == "unreachable"
    assert (
        engine.reason == f"the socket {host}/docker.sock belongs to process {os.getpid()} of user {os.geteuid()}, "
        f"not to the engine's process {process.pid}"
    )


def test_a_socket_of_others(host, process, monkeypatch):
    def refuse(_connection):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(engine_api._Connection, "connect", refuse)
    engine = engines.look("docker", 10)
    assert engine.state == "unreachable"
    assert (
        engine.reason
        == f"no right to connect to {host}/docker.sock; run the task as the engine's own user (become: true)"
    )


NOT_AN_ENGINE = "the answer on SOCKET is not a Docker Engine's: "

NOT_STRINGS = NOT_AN_ENGINE + "its mirrors are not a list of strings"

ANSWERS = {
    "silence": ([], "no answer on SOCKET: timed out"),
    "an end": ([b"H"], "no answer on SOCKET: H"),
    "a long word": ([b"H" * 300], f"no answer on SOCKET: {'H' * 199}…"),
    "half an answer, and silence": (
        [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", b""],
        "no answer on SOCKET: timed out",
    ),
    "no JSON": (http(b"<html>"), NOT_AN_ENGINE + "it has no ServerVersion"),
    "a list": (http(b"[]"), NOT_AN_ENGINE + "it has no ServerVersion"),
    "another object": (http(b"{}"), NOT_AN_ENGINE + "it has no ServerVersion"),
    "zero values": (http(b'{"ServerVersion": ""}'), NOT_AN_ENGINE + "it has no ServerVersion"),
    "a version of a wrong type": (http(b'{"ServerVersion": 28}'), NOT_AN_ENGINE + "it has no ServerVersion"),
    "registries of a wrong type": (
        http(b'{"ServerVersion": "1", "RegistryConfig": ["x"]}'),
        NOT_AN_ENGINE + "its RegistryConfig is not an object",
    ),
    "mirrors of a wrong type": (http(b'{"ServerVersion": "1", "RegistryConfig": {"Mirrors": "x"}}'), NOT_STRINGS),
    "a mirror of a wrong type": (http(b'{"ServerVersion": "1", "RegistryConfig": {"Mirrors": ["x", 1]}}'), NOT_STRINGS),
    "an error": (
        http(b'{"message": "http://u:pw@x"}', "500 Oops"),
        'the answer on SOCKET is HTTP 500: b\'{"message": "http://***@x"}\'',
    ),
    "a long error": (http(b"y" * 300, "500 Oops"), f"the answer on SOCKET is HTTP 500: b'{'y' * 197}…"),
    "an error in chunks": (
        chunked(b'{"message": "http://u:pw@x"}', "500 Oops"),
        'the answer on SOCKET is HTTP 500: b\'{"message": "http://***@x"}\'',
    ),
    "too large": ([b"HTTP/1.1 200 OK\r\n\r\n"] + [b"x" * (1024 * 1024)] * 6, "the answer on SOCKET is too large"),
}


@pytest.mark.parametrize(("parts", "reason"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_that_no_engine_gives(host, answer, parts, reason):
    engine = answer(parts, 0.3 if "timed out" in reason else 10)
    assert (engine.state, engine.reason) == ("unreachable", reason.replace("SOCKET", f"{host}/docker.sock"))


def test_garbage(host, answer):
    engine = answer([b"\x00\xff" * 40 + b"\r\n\r\n"])
    assert engine.state == "unreachable" and engine.reason.startswith(f"no answer on {host}/docker.sock: ")


def test_an_answer_in_chunks(answer):
    assert answer(chunked(json.dumps(GOOD).encode())).info == GOOD_INFO


def test_a_trickle(answer):
    began = time.monotonic()
    engine = answer([b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"] + [b"x"] * 900, 0.5)
    assert engine.state == "unreachable" and re.search("too slow|timed out", engine.reason), engine.reason
    assert time.monotonic() - began < 5, "the time limit holds"


@pytest.mark.parametrize(("limit", "is_taken"), [(0, True), (-1, False)])
def test_an_answer_as_large_as_the_limit(answer, monkeypatch, limit, is_taken):
    body = json.dumps(GOOD).encode()
    monkeypatch.setattr(engine_api, "ANSWER_LIMIT", len(body) + limit)
    assert (answer(http(body)).info is not None) is is_taken


@pytest.mark.parametrize(
    ("parts", "left", "reason"),
    [
        (http(json.dumps(GOOD).encode()), 0.5, None),
        # Where not even the first part comes within the least of times, it is the socket that says so.
        (http(json.dumps(GOOD).encode()), 0, "(the answer on SOCKET is too slow|no answer on SOCKET: timed out)"),
        (ANSWERS["half an answer, and silence"][0], 0.1, "no answer on SOCKET: timed out"),
    ],
    ids=["in time", "too slow", "half"],
)
def test_an_answer_within_the_time_left(host, answer, monkeypatch, parts, left, reason):
    """By a clock that stands still, but for the time that the first part of the answer takes."""
    engine = answer(http(json.dumps(GOOD).encode()))
    (host / "docker.sock").unlink()
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock.pop() if len(clock) > 1 else clock[0])
    clock[:] = [700 - left, 100.0]
    with answering(host / "docker.sock", parts):
        if reason is None:
            assert engine_api.ask_info(engine, 700.0) == GOOD_INFO
        else:
            with pytest.raises(engine_api.Unreachable, match=f"^{reason.replace('SOCKET', engine.socket_path)}$"):
                engine_api.ask_info(engine, 700.0)


@pytest.mark.parametrize(("left", "timeout"), [(7, 7), (-1, 0.001)])
def test_the_connection_has_the_time_left(host, process, clock, monkeypatch, left, timeout):
    def fail(sock, path):
        raise OSError(f"after {sock.gettimeout():g} s")

    monkeypatch.setattr(engine_api._Socket, "connect", fail)
    with pytest.raises(engine_api.Unreachable, match=rf"docker\.sock: after {timeout:g} s$"):
        engine_api.ask_info(engines.look("docker", 0), clock[0] + left)


def test_a_stopped_engine_is_not_asked(host):
    with pytest.raises(engine_api.Unreachable, match=r"^its process has ended$"):
        engine_api.ask_info(engines.look("docker", 0), time.monotonic() + 10)


def test_an_engine_that_has_ended_is_not_asked(host, answer):
    """Whatever listens there then could be another, or could start one."""
    engine = answer(http(json.dumps(GOOD).encode()))
    (host / "docker.sock").unlink()
    with answering(host / "docker.sock", http(json.dumps(GOOD).encode())) as asked, pytest.raises(
        engine_api.Unreachable, match=r"^its process has ended$"
    ):
        engine_api.ask_info(engine._replace(process=engine.process._replace(started="1")), time.monotonic() + 10)
    assert asked == []


def settings(**more):
    return {"registry-mirrors": [], "insecure-registries": [], **more}


BARE = engine_api.Info("1", [], False, False, 0, False, "graphdriver", settings())

INFOS = {
    # name: (what /info says besides a version, what is made of it)
    "nothing": ({}, BARE),
    "nulls": (
        dict.fromkeys(
            ("RegistryConfig", "SecurityOptions", "LiveRestoreEnabled", "ContainersRunning", "Swarm", "DriverStatus")
        ),
        BARE._replace(settings=settings(**{"live-restore": None})),
    ),
    "null registries": ({"RegistryConfig": dict.fromkeys(("Mirrors", "InsecureRegistryCIDRs", "IndexConfigs"))}, BARE),
    "mirrors": (
        {"RegistryConfig": {"Mirrors": ["a", "b"]}},
        BARE._replace(mirrors=["a", "b"], settings=settings(**{"registry-mirrors": ["a", "b"]})),
    ),
    "insecure networks": (
        {"RegistryConfig": {"InsecureRegistryCIDRs": ["::1/128", "10.0.0.0/8", "127.0.0.0/8"]}},
        BARE._replace(settings=settings(**{"insecure-registries": ["10.0.0.0/8"]})),
    ),
    "insecure networks and hosts": (
        {"RegistryConfig": {"InsecureRegistryCIDRs": ["10.0.0.0/8"], "IndexConfigs": {"a:1": {"Secure": False}}}},
        BARE._replace(settings=settings(**{"insecure-registries": ["10.0.0.0/8", "a:1"]})),
    ),
    "insecure hosts": (
        {
            "RegistryConfig": {
                "IndexConfigs": {"docker.io": {"Secure": True}, "a:1": {"Secure": False}, "b": None, "c": {}}
            }
        },
        BARE._replace(settings=settings(**{"insecure-registries": ["a:1"]})),
    ),
    "rootless": ({"SecurityOptions": ["name=seccomp", "name=rootless"]}, BARE._replace(rootless=True)),
    "not rootless": ({"SecurityOptions": ["name=seccomp"]}, BARE),
    "live restore": (
        {"LiveRestoreEnabled": True},
        BARE._replace(live_restore=True, settings=settings(**{"live-restore": True})),
    ),
    "containers": ({"ContainersRunning": 3}, BARE._replace(containers_running=3)),
    "containers of a wrong type": ({"ContainersRunning": "3"}, BARE),
    "a swarm": ({"Swarm": {"LocalNodeState": "active"}}, BARE._replace(swarm_active=True)),
    "no swarm": ({"Swarm": {"LocalNodeState": "inactive"}}, BARE),
    "a swarm of a wrong type": ({"Swarm": "active"}, BARE),
    "containerd": (
        {"DriverStatus": [["x", "y"], ["driver-type", "io.containerd.snapshotter.v1"]]},
        BARE._replace(image_store="containerd"),
    ),
    "another driver": ({"DriverStatus": [["driver-type", "overlay2"]]}, BARE),
    "settings": (
        {
            "DockerRootDir": "/d",
            "Driver": "overlay2",
            "LoggingDriver": "local",
            "Debug": False,
            "Labels": ["a=b"],
            "DefaultRuntime": "runc",
        },
        BARE._replace(
            settings=settings(
                **{
                    "data-root": "/d",
                    "storage-driver": "overlay2",
                    "log-driver": "local",
                    "debug": False,
                    "labels": ["a=b"],
                    "default-runtime": "runc",
                }
            )
        ),
    ),
}


@pytest.mark.parametrize(("said", "info"), INFOS.values(), ids=INFOS)
def test_what_the_engine_says_of_itself(answer, said, info):
    assert answer(http(json.dumps({"ServerVersion": "1", **said}).encode())).info == info
