# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a snapshot says about flags, places and hosts.toml. The report about a whole host is tested with its module."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._change import places, snapshots
from ansible_collections.pullthrough.docker.plugins.module_utils._host import engines, host, processes, services
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import certs_d

FLAG = "--registry-mirror"
A, B = "https://a.example/", "https://b.example/"


def a_snapshot(*, now=None, later=None, files=()):
    """Return a snapshot with these words on the command lines of the running engine and of the next start.

    Without ``now`` no engine runs; without ``later`` there is no service.
    """
    process = None if now is None else processes.Process(4711, "1", tuple(now), None)
    argv = ("dockerd", *(["--debug", f"{FLAG}=https://gone.example"] if now is None else now))
    engine = engines.Engine(
        "docker", "running", None, process, None, argv, None, "/nowhere/daemon.json", "/nowhere/docker.sock"
    )
    start = services.Start(
        "docker", None if later is None else "systemd", ("dockerd", *(later or ())), [], list(files), [], None
    )
    code = [line for path in files for line in lines_of(path)]
    empty = host.File("/nowhere/daemon.json")
    return snapshots.Snapshot(engine, start, empty.path, empty, None, None, [], {}, code, None, None, False, 0.0, 0, [])


def lines_of(path):
    """Return the lines of a file that are not comments."""
    text = pathlib.Path(path).read_text()
    return [
        snapshots.Line(path, number, line)
        for number, line in enumerate(text.splitlines(), 1)
        if not line.startswith("#")
    ]


FLAGS = {
    # name: (words now, words of the next start, mirrors now, mirrors later)
    "nothing": ([], [], [], []),
    "the same": ([f"{FLAG}={A}"], [FLAG, A[:-1]], [A], [A]),
    "one now, another later": ([f"{FLAG}={A}", f"{FLAG}={A[:-1]}"], [f"{FLAG}={B}", f"{FLAG}={B}"], [A], [B]),
    "no service": ([f"{FLAG}={A}"], None, [A], [A]),
    "no engine": (None, [f"{FLAG}={B}"], [], [B]),
    "neither": (None, None, [], []),
}


@pytest.mark.parametrize(("now", "later", "mirrors_now", "mirrors_later"), FLAGS.values(), ids=FLAGS)
def test_mirrors_on_command_lines(now, later, mirrors_now, mirrors_later):
    snapshot = a_snapshot(now=now, later=later)
    assert (snapshot.flags_now, snapshot.flags_later) == (mirrors_now, mirrors_later)


BESIDE = {
    # name: (words now, words of the next start, (setting, flag, whether it is there now) of debug, ipv6 and log-level)
    "now": (["-D"], [], [("debug", "-D", True)]),
    "later": ([], ["--debug"], [("debug", "--debug", False)]),
    "now and later, spelled in two ways": (["-D"], ["--debug"], [("debug", "-D", True)]),
    "with a value": ([], ["--log-level=info"], [("log-level", "--log-level", False)]),
    "two settings": (["-lwarn"], ["-D"], [("debug", "-D", False), ("log-level", "-l", True)]),
    "another setting": (["--icc=false"], ["--icc=false"], []),
    "no engine": (None, [], []),
}


@pytest.mark.parametrize(("now", "later", "found"), BESIDE.values(), ids=BESIDE)
def test_settings_on_command_lines(tmp_path, now, later, found):
    """In the files, each mention counts, whatever its spelling."""
    options, unit = tmp_path / "options", tmp_path / "unit"
    options.write_text("# --debug\nX=-D\nY=--debug-not\n")
    unit.write_text("--debug\n--log-level\n")
    mentions = {"debug": [f"{options}, line 2", f"{unit}, line 1"], "log-level": [f"{unit}, line 2"]}
    snapshot = a_snapshot(now=now, later=later, files=[str(options), str(unit)])
    assert snapshot.settings_also_set_by_flag(["debug", "ipv6", "log-level"]) == [
        snapshots.FlagOfSetting(*flag, mentions[flag[0]]) for flag in found
    ]


def test_runtimes_are_merged():
    assert a_snapshot(now=["--add-runtime=x=/x", "--runtimes"], later=[]).settings_also_set_by_flag(["runtimes"]) == []


STRAY = {
    # name: (program and words of the next start, text of its script, words of the engine that runs, stray mirrors)
    "none": (["/usr/bin/dockerd", "--debug"], None, [], []),
    "a flag that stands in no place that is edited": (["/usr/bin/dockerd", f"{FLAG}={A}"], None, None, [A]),
    "one that stands there and once more elsewhere": (
        ["/usr/bin/dockerd", f"{FLAG}={B}", f"{FLAG}={B[:-1]}"],
        None,
        [],
        [B],
    ),
    "one that stands there": (["/usr/bin/dockerd", f"{FLAG}={B}"], None, [f"{FLAG}={B}"], []),
    "a script": (["{script}"], f'exec dockerd "{FLAG}={A}"\n# {FLAG}={B}\n', None, [A]),
    "another program": (["/usr/bin/snap", "run"], None, [f"{FLAG}={A}"], [A]),
    "an engine whose flag was taken out since": (["/usr/bin/dockerd"], None, [f"{FLAG}={A}"], []),
}


@pytest.mark.parametrize(("words", "script", "now", "mirrors"), STRAY.values(), ids=STRAY)
def test_mirrors_that_stand_in_no_place_that_is_edited(tmp_path, words, script, now, mirrors):
    path, options = tmp_path / "start", tmp_path / "options"
    path.write_text(script or "")
    options.write_text(f"X={FLAG}={B}\nY={FLAG}={A}\n")
    place = places.OptionsFile(str(options), options.read_bytes(), "X", shell=False)
    argv = tuple(word.format(script=path) for word in words)
    snapshot = a_snapshot(now=now, later=[], files=[str(options), *([str(path)] if script else [])])
    start = snapshot.start._replace(argv=argv, script=str(path) if script else None)
    snapshot = snapshot._replace(start=start, flags=[place])
    assert snapshot.stray_mirrors == mirrors
    assert set(snapshot.flags_later) == {*mirrors, *(B for word in words if B[:-1] in word)}
    found = [(line.path, line.number) for line in snapshot.stray_lines]
    assert found == [(str(options), 2)] + [(str(path), 1)] * bool(script)


class LocalHost(host.Host):
    """This machine, with a ``certs.d`` of its own."""

    def __init__(self, folder):
        super().__init__(None)
        self.certs = folder

    def certs_folder(self):
        return str(self.certs)


HOST = '[host."https://a.example"]\n'


@pytest.mark.parametrize("folder", ["docker.io", "_default"])
def test_a_host_in_hosts_toml(tmp_path, folder):
    path = tmp_path / folder / "hosts.toml"
    path.parent.mkdir()
    assert snapshots._hosts_toml(LocalHost(tmp_path)) is None
    path.write_bytes(b"# \xff\n")
    assert snapshots._hosts_toml(LocalHost(tmp_path)).effect is certs_d.Effect.INVALID
    path.write_text(f'server = "x"\n{HOST}')
    assert snapshots._hosts_toml(LocalHost(tmp_path)) == (f"{path}, line 2", certs_d.Effect.HOST)


def test_a_hosts_toml_that_cannot_be_read(tmp_path):
    (tmp_path / "docker.io/hosts.toml").mkdir(parents=True)
    assert snapshots._hosts_toml(LocalHost(tmp_path)) is None


@pytest.mark.parametrize(("text", "place"), [(HOST, "docker.io/hosts.toml, line 1"), ("a = 1\n", None), (None, None)])
def test_a_folder_of_docker_hub_ends_the_default(tmp_path, text, place):
    for folder in ("docker.io", "_default"):
        (tmp_path / folder).mkdir()
    (tmp_path / "_default/hosts.toml").write_text(HOST)
    if text is not None:
        (tmp_path / "docker.io/hosts.toml").write_text(text)
    found = snapshots._hosts_toml(LocalHost(tmp_path))
    assert (found and found.place) == (f"{tmp_path}/{place}" if place else None)
