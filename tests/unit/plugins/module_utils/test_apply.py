# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table "reload or restart", row by row."""

from __future__ import annotations

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._apply import Wanted, is_same, pending_edits, restart_stops_containers, way_to, way_to_flags
from ansible_collections.pullthrough.docker.plugins.module_utils._json_text import Number

A, B = "https://a.example/", "https://b.example/"

KEY, INSECURE = "registry-mirrors", "insecure-registries"
BOTH = {KEY: [A], INSECURE: ["r.example"]}

CASES = [
    # what is special, wanted, version, flags, settings of the file -> pending
    ("all is in force", {}, (28, 5, 2), [], {}, "none"),
    ("mirrors", {KEY: [A]}, (26, 1, 5), [], {KEY: [A]}, "reload"),
    ("no mirrors", {KEY: None}, (26, 1, 5), [], {}, "reload"),
    ("version unknown", {KEY: [A]}, None, [], BOTH, "reload"),
    ("with insecure registries, before", {KEY: [A]}, (20, 10, 24), [], BOTH, "reload"),
    ("with insecure registries, first bad", {KEY: [A]}, (23, 0, 0), [], BOTH, "restart"),
    ("with insecure registries, last bad", {KEY: [A]}, (23, 0, 6), [], BOTH, "restart"),
    ("with insecure registries, mended", {KEY: [A]}, (23, 0, 7), [], BOTH, "reload"),
    ("with insecure registries, bad again", {INSECURE: ["r.example"]}, (24, 0, 0), [], BOTH, "restart"),
    ("with insecure registries, mended again", {KEY: [A]}, (24, 0, 1), [], BOTH, "reload"),
    ("another key on a bad one", {"debug": True}, (24, 0, 0), [], BOTH, "reload"),
    ("no insecure registries on a bad one", {KEY: [A]}, (24, 0, 0), [], {KEY: [A]}, "reload"),
    ("no mirrors left on a bad one", {KEY: None}, (24, 0, 0), [], {INSECURE: ["r.example"]}, "reload"),
    ("the last insecure registry goes", {INSECURE: None}, (29, 9, 9), [], {}, "reload"),
    ("the last insecure registry goes, since 29.10", {INSECURE: None}, (29, 10, 0), [], {}, "restart"),
    ("an insecure registry goes, since 29.10", {INSECURE: ["r"]}, (29, 10, 0), [], {INSECURE: ["r"]}, "reload"),
    ("plugin by flag", {KEY: [A]}, (28, 5, 2), ["dockerd", "--authorization-plugin=p"], {}, "restart"),
    ("plugin by flag, two words", {KEY: [A]}, (28, 5, 2), ["dockerd", "--authorization-plugin", "p"], {}, "restart"),
    ("plugin by flag and all in force", {}, (28, 5, 2), ["dockerd", "--authorization-plugin=p"], {}, "none"),
    ("plugin in the file", {KEY: [A]}, (28, 5, 2), ["dockerd"], {"authorization-plugins": ["p"]}, "reload"),
    ("a key that is read at the start", {"log-level": "debug"}, (28, 5, 2), [], {}, "restart"),
    ("one of each", {"debug": True, "bip": "10.0.0.1/24"}, (28, 5, 2), [], {}, "restart"),
    ("a key that keeps its value goes", {"debug": None}, (28, 5, 2), [], {}, "reload"),
    ("a key that goes back to its default goes", {"max-concurrent-downloads": None}, (28, 5, 2), [], {}, "reload"),
    ("a key that keeps a value nobody knows goes", {"default-runtime": None}, (28, 5, 2), [], {}, "restart"),
    ("a key of old engines, there", {"cluster-store": "x"}, (20, 10, 24), [], {}, "reload"),
    ("a key of old engines, later", {"cluster-store": "x"}, (23, 0, 0), [], {}, "restart"),
    ("a key of new engines, before", {"nri-opts": {}}, (29, 1, 9), [], {}, "restart"),
    ("a key of new engines, there", {"nri-opts": {}}, (29, 2, 0), [], {}, "reload"),
    ("a key of new engines, version unknown", {"nri-opts": {}}, None, [], {}, "restart"),
]


@pytest.mark.parametrize(("wanted", "version", "flags", "settings", "pending"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_way(wanted, version, flags, settings, pending):
    missing = {key: Wanted(value, value is not None) for key, value in wanted.items()}
    way = way_to(missing, version=version, flags=flags, settings=settings)
    assert way.pending == pending
    assert bool(way.reasons) == (pending != "none")


def test_the_image_store_is_chosen_at_the_start():
    missing = {"features": Wanted({"containerd-snapshotter": True}, True)}
    assert way_to(missing, version=(28, 5, 2), flags=[], settings={}).pending == "reload"
    assert way_to(missing, version=(28, 5, 2), flags=[], settings={}, switches_store=True).pending == "restart"


@pytest.mark.parametrize(
    ("now", "later", "pending"), [([A], [A], None), ([], [], None), ([A], [], "restart"), ([], [A], "restart"), ([A, B], [B, A], "restart")]
)
def test_way_to_flags(now, later, pending):
    way = way_to_flags(now, later)
    assert (way.pending if way else None) == pending


@pytest.mark.parametrize(
    ("key", "configured", "used", "same"),
    [
        (KEY, ["https://a.example", "https://a.example/"], [A], True),
        (KEY, None, [], True),
        (KEY, [A, B], [B, A], False),
        (INSECURE, ["http://R.example:5000", "10.1.2.3/8"], ["10.0.0.0/8", "r.example:5000"], True),
        (INSECURE, ["a/b"], ["a"], False),
        (INSECURE, None, [], True),
        ("labels", ["b=1", "a=1"], ["a=1", "b=1"], True),
        ("debug", True, True, True),
        ("shutdown-timeout", Number("15"), Number("15"), True),
        ("default-runtime", "runc", "runsc", False),
    ],
)
def test_the_same_setting(key, configured, used, same):
    assert is_same(key, configured, used) is same


@pytest.mark.parametrize(
    ("version", "flags", "settings", "words"),
    [
        ((25, 0, 0), [], {}, []),
        ((24, 0, 9), [], {}, ["docker build"]),
        ((28, 5, 2), ["--max-concurrent-downloads=7"], {}, ["max-concurrent-downloads"]),
        ((28, 5, 2), ["--max-concurrent-downloads=7"], {"max-concurrent-downloads": 3}, []),
        ((20, 10, 24), ["--max-download-attempts", "2"], {}, ["max-download-attempts", "docker build"]),
        ((28, 5, 2), ["--feature", "x"], {}, ["features"]),
    ],
)
def test_warnings_of_a_reload(version, flags, settings, words):
    way = way_to({KEY: Wanted([A], True)}, version=version, flags=flags, settings=settings)
    assert way.pending == "reload"
    assert len(way.warnings) == len(words)
    for word, warning in zip(words, way.warnings):
        assert word in warning


@pytest.mark.parametrize(("running", "live_restore", "stops"), [(0, False, False), (3, False, True), (3, True, False)])
def test_restart_stops_containers(running, live_restore, stops):
    assert restart_stops_containers(containers_running=running, live_restore=live_restore) is stops


SHOWN = {"data-root": "/var/lib/docker", "storage-driver": "overlay2", "log-driver": "json-file", "live-restore": False, "debug": False, "labels": None}

EDITS = {
    # name: (way, settings, shown besides, ours, containerd store, keys)
    "none": ("restart", {}, {}, [], False, []),
    "same": ("restart", {"data-root": "/var/lib/docker/", "labels": [], "debug": False}, {}, [], False, []),
    "data root": ("restart", {"data-root": "/mnt/new"}, {}, [], False, ["data-root"]),
    "data root, user namespaces": ("restart", {"data-root": "/var/lib/docker"}, {"data-root": "/var/lib/docker/1000.1000"}, [], False, []),
    "a sibling is another folder": ("restart", {"data-root": "/var/lib/docker"}, {"data-root": "/var/lib/docker2"}, [], False, ["data-root"]),
    "data root at a reload": ("reload", {"data-root": "/mnt/new"}, {}, [], False, []),
    "data root, which is what changes": ("restart", {"data-root": "/mnt/new"}, {}, ["data-root"], False, []),
    "drivers": ("restart", {"storage-driver": "vfs", "log-driver": "local"}, {}, [], False, ["storage-driver", "log-driver"]),
    "storage driver with the other store": ("restart", {"storage-driver": "overlay2"}, {"storage-driver": "overlayfs"}, [], True, []),
    "at a reload": ("reload", {"debug": True, "live-restore": True, "labels": ["a=b"]}, {}, [], False, ["live-restore", "debug", "labels"]),
    "labels in another order": ("reload", {"labels": ["a", "b"]}, {"labels": ["b", "a"]}, [], False, []),
}


@pytest.mark.parametrize(("way", "settings", "besides", "ours", "containerd", "keys"), EDITS.values(), ids=EDITS)
def test_what_someone_else_left_in_the_file(way, settings, besides, ours, containerd, keys):
    edits = pending_edits(way, settings=settings, shown={**SHOWN, **besides}, ours=ours, containerd=containerd)
    assert [edit.key for edit in edits] == keys
