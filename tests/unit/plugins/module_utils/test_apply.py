# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table "reload or restart", row by row."""

from __future__ import annotations

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._apply import pending_edits, restart_stops_containers, way_to_mirrors

A, B = "https://a.example/", "https://b.example/"

CASES = [
    # what is special, wanted, in force, version, flags, keys, insecure -> pending
    ("no engine runs", [A], None, None, [], [], False, "none"),
    ("in force", [A], [A], (28, 5, 2), [], ["registry-mirrors"], False, "none"),
    ("none wanted, none in force", [], [], (28, 5, 2), [], [], False, "none"),
    ("added", [A, B], [A], (26, 1, 5), [], [], False, "reload"),
    ("reordered", [B, A], [A, B], (26, 1, 5), [], [], False, "reload"),
    ("removed", [], [A], (26, 1, 5), [], [], False, "reload"),
    ("version unknown", [A], [], None, [], [], True, "reload"),
    ("with insecure registries, before", [A], [], (20, 10, 24), [], [], True, "reload"),
    ("with insecure registries, first bad", [A], [], (23, 0, 0), [], [], True, "restart"),
    ("with insecure registries, last bad", [A], [], (23, 0, 6), [], [], True, "restart"),
    ("with insecure registries, mended", [A], [], (23, 0, 7), [], [], True, "reload"),
    ("with insecure registries, bad again", [A], [], (24, 0, 0), [], [], True, "restart"),
    ("with insecure registries, mended again", [A], [], (24, 0, 1), [], [], True, "reload"),
    ("no insecure registries on a bad one", [A], [], (24, 0, 0), [], [], False, "reload"),
    ("no mirrors left on a bad one", [], [A], (24, 0, 0), [], [], True, "reload"),
    ("plugin by flag", [A], [], (28, 5, 2), ["dockerd", "--authorization-plugin=p"], [], False, "restart"),
    ("plugin by flag, two words", [A], [], (28, 5, 2), ["dockerd", "--authorization-plugin", "p"], [], False, "restart"),
    ("plugin by flag and in force", [A], [A], (28, 5, 2), ["dockerd", "--authorization-plugin=p"], [], False, "none"),
    ("plugin in the file", [A], [], (28, 5, 2), ["dockerd"], ["authorization-plugins"], False, "reload"),
]


@pytest.mark.parametrize(("wanted", "in_force", "version", "flags", "keys", "insecure", "pending"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_way(wanted, in_force, version, flags, keys, insecure, pending):
    way = way_to_mirrors(wanted=wanted, in_force=in_force, version=version, flags=flags, file_keys=frozenset(keys), file_insecure=insecure)
    assert way.pending == pending
    assert bool(way.reasons) == (pending != "none")


@pytest.mark.parametrize(
    ("version", "flags", "keys", "words"),
    [
        ((25, 0, 0), [], [], []),
        ((24, 0, 9), [], [], ["docker build"]),
        ((28, 5, 2), ["--max-concurrent-downloads=7"], [], ["max-concurrent-downloads"]),
        ((28, 5, 2), ["--max-concurrent-downloads=7"], ["max-concurrent-downloads"], []),
        ((20, 10, 24), ["--max-download-attempts", "2"], [], ["max-download-attempts", "docker build"]),
        ((28, 5, 2), ["--feature", "x"], [], ["features"]),
    ],
)
def test_warnings_of_a_reload(version, flags, keys, words):
    way = way_to_mirrors(wanted=[A], in_force=[], version=version, flags=flags, file_keys=frozenset(keys), file_insecure=False)
    assert way.pending == "reload"
    assert len(way.warnings) == len(words)
    for word, warning in zip(words, way.warnings):
        assert word in warning


@pytest.mark.parametrize(("running", "live_restore", "stops"), [(0, False, False), (3, False, True), (3, True, False)])
def test_restart_stops_containers(running, live_restore, stops):
    assert restart_stops_containers(containers_running=running, live_restore=live_restore) is stops


SHOWN = {"data-root": "/var/lib/docker", "storage-driver": "overlay2", "log-driver": "json-file", "live-restore": False, "debug": False, "labels": None}

EDITS = {
    # name: (way, settings, shown besides, flags, containerd store, keys)
    "none": ("restart", {}, {}, [], False, []),
    "same": ("restart", {"data-root": "/var/lib/docker/", "labels": [], "debug": False}, {}, [], False, []),
    "data root": ("restart", {"data-root": "/mnt/new"}, {}, [], False, ["data-root"]),
    "data root, user namespaces": ("restart", {"data-root": "/var/lib/docker"}, {"data-root": "/var/lib/docker/1000.1000"}, [], False, []),
    "a sibling is another folder": ("restart", {"data-root": "/var/lib/docker"}, {"data-root": "/var/lib/docker2"}, [], False, ["data-root"]),
    "data root at a reload": ("reload", {"data-root": "/mnt/new"}, {}, [], False, []),
    "data root as a flag": ("restart", {"data-root": "/mnt/new"}, {}, ["dockerd", "--data-root=/var/lib/docker"], False, []),
    "drivers": ("restart", {"storage-driver": "vfs", "log-driver": "local"}, {}, [], False, ["storage-driver", "log-driver"]),
    "storage driver with the other store": ("restart", {"storage-driver": "overlay2"}, {"storage-driver": "overlayfs"}, [], True, []),
    "at a reload": ("reload", {"debug": True, "live-restore": True, "labels": ["a=b"]}, {}, [], False, ["live-restore", "debug", "labels"]),
    "labels in another order": ("reload", {"labels": ["a", "b"]}, {"labels": ["b", "a"]}, [], False, []),
}


@pytest.mark.parametrize(("way", "settings", "besides", "flags", "containerd", "keys"), EDITS.values(), ids=EDITS)
def test_what_someone_else_left_in_the_file(way, settings, besides, flags, containerd, keys):
    edits = pending_edits(way, settings=settings, shown={**SHOWN, **besides}, flags=flags, containerd=containerd)
    assert [edit.key for edit in edits] == keys
