# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a change needs a reload or a restart, and what else the reload or restart would apply."""

from __future__ import annotations

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._rules import activation

A, B = "https://a.example/", "https://b.example/"

KEY, INSECURE, ARTIFACTS = "registry-mirrors", "insecure-registries", "allow-nondistributable-artifacts"
BOTH = {KEY: [A], INSECURE: ["r.example"]}

NONE = ("none", [])
LOSES = "Docker Engine 23.0.0 to 23.0.6 and 24.0.0 lose insecure registries at a reload with mirrors"
LOOPBACK = "since Docker Engine 29.10 only a start restores the built-in trust of loopback"
PLUGIN = "the engine has --authorization-plugin on its command line, and a reload would drop that plugin"
STORE = "the engine chooses its image store only at its start"
BUILD = (
    "Docker Engine before 25.0 uses the new mirrors for docker pull immediately, "
    "and for docker build only after its next restart."
)


def reload(*keys):
    return "reload", [f"{', '.join(keys)}: not in force, and a reload brings it into force"]


def restart(*reasons):
    return "restart", list(reasons)


def at_start(key):
    return f"the engine reads {key} only at its start"


def kept(key):
    return f"a reload keeps the old value of {key} when the key is missing"


def resets(flag, key):
    return (
        f"The engine has {flag} on its command line and {key} is not in its configuration file: "
        "a reload sets it to the default until the next restart."
    )


CASES = [
    # what is special, wanted, version, flags, settings of the file -> pending, reasons
    ("all is in force", {}, (28, 5, 2), [], {}, NONE),
    ("mirrors", {KEY: [A]}, (26, 1, 5), [], {KEY: [A]}, reload(KEY)),
    ("no mirrors", {KEY: None}, (26, 1, 5), [], {}, reload(KEY)),
    ("version unknown", {KEY: [A]}, None, [], BOTH, reload(KEY)),
    ("with insecure registries, before", {KEY: [A]}, (20, 10, 24), [], BOTH, reload(KEY)),
    ("with insecure registries, first bad", {KEY: [A]}, (23, 0, 0), [], BOTH, restart(LOSES)),
    ("with insecure registries, last bad", {KEY: [A]}, (23, 0, 6), [], BOTH, restart(LOSES)),
    ("with insecure registries, fixed", {KEY: [A]}, (23, 0, 7), [], BOTH, reload(KEY)),
    ("with insecure registries, bad again", {INSECURE: ["r.example"]}, (24, 0, 0), [], BOTH, restart(LOSES)),
    ("with insecure registries, fixed again", {KEY: [A]}, (24, 0, 1), [], BOTH, reload(KEY)),
    ("another key on a bad one", {"debug": True}, (24, 0, 0), [], BOTH, reload("debug")),
    ("no insecure registries on a bad one", {KEY: [A]}, (24, 0, 0), [], {KEY: [A]}, reload(KEY)),
    ("no mirrors left on a bad one", {KEY: None}, (24, 0, 0), [], {INSECURE: ["r.example"]}, reload(KEY)),
    ("the last insecure registry goes", {INSECURE: None}, (29, 9, 9), [], {}, reload(INSECURE)),
    ("the last insecure registry goes, since 29.10", {INSECURE: None}, (29, 10, 0), [], {}, restart(LOOPBACK)),
    ("an insecure registry goes, since 29.10", {INSECURE: ["r"]}, (29, 10, 0), [], {INSECURE: ["r"]}, reload(INSECURE)),
    ("plugin by flag", {KEY: [A]}, (28, 5, 2), ["dockerd", "--authorization-plugin=p"], {}, restart(PLUGIN)),
    (
        "plugin by flag, two words",
        {KEY: [A]},
        (28, 5, 2),
        ["dockerd", "--authorization-plugin", "p"],
        {},
        restart(PLUGIN),
    ),
    ("plugin by flag and all in force", {}, (28, 5, 2), ["dockerd", "--authorization-plugin=p"], {}, NONE),
    ("plugin in the file", {KEY: [A]}, (28, 5, 2), ["dockerd"], {"authorization-plugins": ["p"]}, reload(KEY)),
    ("a key that is read at the start", {"log-level": "debug"}, (28, 5, 2), [], {}, restart(at_start("log-level"))),
    ("one of each", {"debug": True, "bip": "10.0.0.1/24"}, (28, 5, 2), [], {}, restart(at_start("bip"))),
    ("a key that keeps its value goes", {"debug": None}, (28, 5, 2), [], {}, reload("debug")),
    (
        "a key that goes back to its default goes",
        {"max-concurrent-downloads": None},
        (28, 5, 2),
        [],
        {},
        reload("max-concurrent-downloads"),
    ),
    (
        "a key that keeps a value nobody knows goes",
        {"default-runtime": None},
        (28, 5, 2),
        [],
        {},
        restart(kept("default-runtime")),
    ),
    ("a key of old engines, there", {"cluster-store": "x"}, (20, 10, 24), [], {}, reload("cluster-store")),
    ("a key of old engines, later", {"cluster-store": "x"}, (23, 0, 0), [], {}, restart(at_start("cluster-store"))),
    ("a key of new engines, before", {"nri-opts": {}}, (29, 1, 9), [], {}, restart(at_start("nri-opts"))),
    ("a key of new engines, there", {"nri-opts": {}}, (29, 2, 0), [], {}, reload("nri-opts")),
    ("a key of new engines, version unknown", {"nri-opts": {}}, None, [], {}, restart(at_start("nri-opts"))),
    ("two keys", {"debug": True, KEY: [A]}, (28, 5, 2), [], {}, reload("debug", KEY)),
    (
        "two reasons",
        {"bip": "10.0.0.1/24", "mtu": 9},
        (28, 5, 2),
        ["--authorization-plugin=p"],
        {},
        restart(at_start("bip"), at_start("mtu"), PLUGIN),
    ),
    (
        "plugin by flag and in the file",
        {KEY: [A]},
        (28, 5, 2),
        ["dockerd", "--authorization-plugin=p"],
        {"authorization-plugins": ["q"]},
        reload(KEY),
    ),
    ("a key that lost its reload, before", {ARTIFACTS: ["x"]}, (27, 9, 9), [], {}, reload(ARTIFACTS)),
    ("a key that lost its reload", {ARTIFACTS: ["x"]}, (28, 0, 0), [], {}, restart(at_start(ARTIFACTS))),
    ("a key that lost its reload, version unknown", {ARTIFACTS: ["x"]}, None, [], {}, restart(at_start(ARTIFACTS))),
]


@pytest.mark.parametrize(
    ("wanted", "version", "flags", "settings", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_way(wanted, version, flags, settings, expected):
    missing = {key: activation.Wanted(value, value is not None) for key, value in wanted.items()}
    way = activation.needed_for(missing, version=version, flags=flags, settings=settings)
    assert (way.pending, way.reasons) == expected


def test_the_image_store_is_chosen_at_the_start():
    missing = {"features": activation.Wanted({"containerd-snapshotter": True}, True)}
    assert activation.needed_for(missing, version=(28, 5, 2), flags=[], settings={}).pending == "reload"
    assert activation.needed_for(
        missing, version=(28, 5, 2), flags=[], settings={}, switches_store=True
    ) == activation.Activation("restart", [STORE], [])


@pytest.mark.parametrize(
    ("now", "later", "named"),
    [
        ([A], [A], None),
        ([], [], None),
        ([A], [], (A, "no mirror")),
        ([], [A], ("no mirror", A)),
        ([A, B], [B, A], (f"{A} {B}", f"{B} {A}")),
    ],
)
def test_way_to_flags(now, later, named):
    reason = "the engine reads its command line only at its start: it has {}, and will have {}"
    assert activation.for_flags(now, later) == (
        None if named is None else activation.Activation("restart", [reason.format(*named)], [])
    )


DOWNLOADS = resets("--max-concurrent-downloads", "max-concurrent-downloads")


@pytest.mark.parametrize(
    ("version", "flags", "settings", "warnings"),
    [
        ((25, 0, 0), [], {}, []),
        (None, [], {}, []),
        ((24, 0, 9), [], {}, [BUILD]),
        ((28, 5, 2), ["--max-concurrent-downloads=7"], {}, [DOWNLOADS]),
        ((28, 5, 2), ["--max-concurrent-downloads=7"], {"max-concurrent-downloads": 3}, []),
        (
            (20, 10, 24),
            ["--max-download-attempts", "2"],
            {},
            [resets("--max-download-attempts", "max-download-attempts"), BUILD],
        ),
        ((28, 5, 2), ["--feature=x=true"], {}, [resets("--feature", "features")]),
    ],
)
def test_warnings_of_a_reload(version, flags, settings, warnings):
    way = activation.needed_for({KEY: activation.Wanted([A], True)}, version=version, flags=flags, settings=settings)
    assert way == activation.Activation(*reload(KEY), warnings)


def test_only_a_reload_warns():
    flags = ["--max-concurrent-downloads=7"]
    assert activation.needed_for({}, version=(24, 0, 0), flags=flags, settings=BOTH) == activation.Activation(*NONE, [])
    assert activation.needed_for(
        {KEY: activation.Wanted([A], True)}, version=(24, 0, 0), flags=flags, settings=BOTH
    ) == activation.Activation(*restart(LOSES), [])
    assert activation.needed_for(
        {"debug": activation.Wanted(True, True)}, version=(24, 0, 0), flags=flags, settings=BOTH
    ) == activation.Activation(*reload("debug"), [DOWNLOADS])


@pytest.mark.parametrize(
    ("running", "live_restore", "stops"), [(0, False, False), (1, False, True), (3, False, True), (3, True, False)]
)
def test_restart_stops_containers(running, live_restore, stops):
    assert activation.restart_stops_containers(containers_running=running, live_restore=live_restore) is stops


SHOWN = {
    "data-root": "/var/lib/docker",
    "storage-driver": "overlay2",
    "log-driver": "json-file",
    "live-restore": False,
    "debug": False,
    "labels": None,
}

EDITS = {
    # name: (way, settings, shown besides, ours, containerd store, what the file says)
    "none": ("restart", {}, {}, [], False, {}),
    "same": ("restart", {"data-root": "/var/lib/docker/", "labels": [], "debug": False}, {}, [], False, {}),
    "data root": ("restart", {"data-root": "/mnt/new"}, {}, [], False, {"data-root": "/mnt/new"}),
    "data root, user namespaces": (
        "restart",
        {"data-root": "/var/lib/docker"},
        {"data-root": "/var/lib/docker/1000.1000"},
        [],
        False,
        {},
    ),
    "a sibling is another folder": (
        "restart",
        {"data-root": "/var/lib/docker"},
        {"data-root": "/var/lib/docker2"},
        [],
        False,
        {"data-root": "/var/lib/docker"},
    ),
    "data root at a reload": ("reload", {"data-root": "/mnt/new"}, {}, [], False, {}),
    "data root, which is what changes": ("restart", {"data-root": "/mnt/new"}, {}, ["data-root"], False, {}),
    "drivers": (
        "restart",
        {"storage-driver": "vfs", "log-driver": "local"},
        {},
        [],
        False,
        {"storage-driver": "vfs", "log-driver": "local"},
    ),
    "storage driver with the other store": (
        "restart",
        {"storage-driver": "overlay2"},
        {"storage-driver": "overlayfs"},
        [],
        True,
        {},
    ),
    "at a reload": (
        "reload",
        {"debug": True, "live-restore": True, "labels": ["a=b"]},
        {},
        [],
        False,
        {"live-restore": True, "debug": True, "labels": ["a=b"]},
    ),
    "labels in another order": ("reload", {"labels": ["a", "b"]}, {"labels": ["b", "a"]}, [], False, {}),
}


@pytest.mark.parametrize(("way", "settings", "besides", "ours", "containerd", "left"), EDITS.values(), ids=EDITS)
def test_what_someone_else_left_in_the_file(way, settings, besides, ours, containerd, left):
    shown = {**SHOWN, **besides}
    edits = activation.pending_edits(
        way, version=(28, 5, 2), settings=settings, shown=shown, ours=ours, containerd=containerd
    )
    assert edits == [activation.PendingEdit(key, value, shown[key]) for key, value in left.items()]


@pytest.mark.parametrize(("version", "applied"), [((20, 10, 24), True), ((23, 0, 0), False), (None, False)])
def test_what_a_reload_applies_depends_on_the_version(version, applied):
    edits = activation.pending_edits(
        "reload",
        version=version,
        settings={"cluster-store": "a"},
        shown={"cluster-store": "b"},
        ours=[],
        containerd=False,
    )
    assert bool(edits) is applied
