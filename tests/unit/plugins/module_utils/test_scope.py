# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose engine it is, and the folders of that user."""

from __future__ import annotations

import os

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._host import (
    scope,
    services,
)

SYSTEM = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
]

USER = ["/etc/systemd/user", "/run/systemd/user", "/usr/lib/systemd/user"]


@pytest.mark.parametrize(
    ("user", "config", "folders"),
    [
        (0, None, SYSTEM),
        (1000, None, ["/home/me/.config/systemd/user", *USER]),
        (1000, "/c", ["/c/systemd/user", *USER]),
    ],
)
def test_where_units_and_our_drop_in_lie(monkeypatch, user, config, folders):
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    if config:
        monkeypatch.setenv("XDG_CONFIG_HOME", config)
    assert scope.unit_folders() == folders
    assert (
        services.Start("docker", None, (), [], [], [], None).own_drop_in
        == f"{folders[0]}/docker.service.d/zz-pullthrough-docker.conf"
    )


def test_whose_engine_it_is(monkeypatch):
    for user, is_root, options in ((0, True, []), (1000, False, ["--user"])):
        monkeypatch.setattr(os, "geteuid", lambda user=user: user)
        assert (scope.user_id(), scope.is_root(), scope.systemctl_scope()) == (user, is_root, options)
        assert [scope.is_trusted(other) for other in (0, 1000, 1001)] == [True, user == 1000, False]


def test_the_data_folder_of_the_user(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert scope.user_data() == "/home/me/.local/share"
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert scope.user_data() == "/data"
