# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every system call of a change can fail, also on the way back. What the module then says is true."""

from __future__ import annotations

import errno
import os

import pytest

GCR = "https://mirror.gcr.io"
OWN = "https://cache.example:5000"
FLAG = f"--registry-mirror={OWN}"
WITH_GCR = f'{{"registry-mirrors": ["{GCR}"]}}'

KINDS = {
    # name: (text of daemon.json, mirrors in force, options)
    "absent": (WITH_GCR, [GCR], {"mirrors": GCR, "state": "absent"}),
    "absent, and no file": (None, [GCR], {"mirrors": GCR, "state": "absent"}),
    "present": ("{}", [], {"mirrors": GCR}),
    "present, and no file": (None, [], {"mirrors": GCR}),
    "refused by the engine": ("{}", [OWN], {"mirrors": GCR}),
    "migrate": (WITH_GCR, [OWN], {"mirrors": GCR, "migrate": True, "backup": True}),
}
CALLS = ["rename", "unlink", "fsync", "chown", "chmod", "open"]
ERRORS = {
    "no space": errno.ENOSPC,
    "input or output": errno.EIO,
    "read-only": errno.EROFS,
    "not permitted": errno.EPERM,
}


class Failing:
    """A call of the operating system that fails from the n-th time on, or only then, within one folder."""

    def __init__(self, call, number, first, only):
        self.call = call
        self.number = number
        self.first = first
        self.only = only
        self.times = 0

    def __call__(self, target, *more, **named):
        if isinstance(target, int) or os.fsdecode(target).startswith(self.folder):
            self.times += 1
            if self.times == self.first or (self.times > self.first and not self.only):
                raise OSError(
                    self.number, os.strerror(self.number), os.fsdecode(target) if not isinstance(target, int) else None
                )
        return self.honest(target, *more, **named)

    def put_in(self, patch, folder):
        self.folder, self.honest = str(folder), getattr(os, self.call)
        patch.setattr(os, self.call, self)


def files_below(folder):
    """What lies there, with modes and owners, besides folders."""
    found = {}
    for root, _folders, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            with open(path, encoding="utf-8") as file:
                found[path] = (file.read(), os.stat(path).st_mode)
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("number", ERRORS.values(), ids=ERRORS)
def test_what_is_said_is_true(engine, run, daemon_json, systemd, tmp_path, monkeypatch, kind, call, number):
    """Whatever fails: not changed means that file and engine are as they were, and otherwise each is named."""
    text, in_force, options = KINDS[kind]
    failed = 0
    for only in (False, True):
        for first in range(1, 40):
            daemon_json.parent.mkdir(exist_ok=True)
            for path in [*files_below(daemon_json.parent), *files_below(systemd.options.parent)]:
                os.unlink(path)
            if text is not None:
                daemon_json.write_text(text)
            systemd.options.write_text(f'DOCKER_OPTS="{FLAG}"\n' if kind == "migrate" else "")
            engine.texts.clear()
            engine.mirrors, engine.argv = [f"{mirror}/" for mirror in in_force], ("/usr/sbin/dockerd",)
            engine.refuses = "gcr" if kind == "refused by the engine" else None
            if kind == "migrate":
                engine.argv += (FLAG,)
            before, mirrors = files_below(tmp_path), list(engine.mirrors)
            failing = Failing(call, number, first, only)
            with monkeypatch.context() as patch:
                failing.put_in(patch, tmp_path)
                result = run("registry_mirrors", keep_containers=False, **options)
            after = files_below(tmp_path)
            if failing.times < first:
                break
            if not result.get("failed"):
                assert result["in_force"] == engine.mirrors
                continue
            failed += 1
            changed = [path for path in {*before, *after} if before.get(path) != after.get(path)]
            if not result["changed"]:
                assert not changed and engine.mirrors == mirrors, (first, only, result["msg"], changed)
                continue
            message = result["msg"]
            assert "Nothing was changed" not in message and "Going back did not succeed: " in message, message
            for path in changed:
                if path.endswith("~"):
                    assert path in message, message
                elif ".pullthrough-docker-" in path or before.get(path, ("",))[0] == after.get(path, ("",))[0]:
                    assert (
                        f"{path}: cannot be removed" in message
                        or f"{path}: its owner and mode cannot be put back" in message
                    ), message
                else:
                    states = ("is neither as before nor as wanted", "is as wanted", "is not known")
                    assert (
                        any(f"{path} {state}" in message for state in states) and f"{path} is as before" not in message
                    ), message
            if engine.mirrors != mirrors:
                assert "the engine is as wanted" in message or "the engine is neither" in message, message
            if kind == "refused by the engine" and engine.texts:
                assert "invalid mirror: gcr" in message, message
    assert failed or call in ("chown", "unlink", "chmod"), "nothing was tried"
