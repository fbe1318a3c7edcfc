# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A model of the engine, its reload as seen on real ones, and modules run in process against it, at a speed that allows tables."""

from __future__ import annotations

import contextlib
import importlib
import io
import json

from unittest import mock

import pytest

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args

from ansible_collections.pullthrough.docker.plugins.module_utils._host import (
    engine_api,
    engines,
    processes,
    scope,
    services,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._registry import probes
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import mirror_url, setting_table


class ModelEngine:
    """An engine that keeps the mirrors of a missing key at a reload, and refuses what a real one refuses."""

    def __init__(self, config_path):
        self.config_path = config_path
        self.state = "running"
        self.version = "28.5.2"
        self.binary = None
        self.has_ended = False
        self.is_roots = False
        self.mirrors = []
        self.argv = ("/usr/sbin/dockerd", "-H", "fd://")
        self.containers_running = 0
        self.live_restore = False
        self.swarm = False
        self.store = "graphdriver"
        self.proxies = {}
        self.settings = {}
        """What /info shows, besides mirrors and live-restore."""
        self.refuses = None
        self.texts = []
        """What the file held at each reload."""
        self.looks = []
        """Service and timeout of each look."""
        self.reloads = []
        """Service, timeout and event of each reload."""

    @property
    def info(self):
        if self.state != "running":
            return None
        shown = {"registry-mirrors": list(self.mirrors), "live-restore": self.live_restore, **self.settings}
        running = self.containers_running
        return engine_api.Info(
            self.version,
            list(self.mirrors),
            False,
            self.live_restore,
            running,
            self.swarm,
            self.store,
            shown,
            self.proxies,
        )

    def look(self, service, timeout):
        self.looks.append((service, timeout))
        return engines.Engine(
            service=service,
            state=self.state,
            reason=None if self.info else f"it is {self.state}",
            process=processes.Process(4711, "1", self.argv, None) if self.state not in ("stopped", "absent") else None,
            info=self.info,
            argv=self.argv,
            binary=self.binary,
            config_path=str(self.config_path),
            socket_path="/nowhere/docker.sock",
            is_roots=self.is_roots,
        )

    def reload(self, engine, in_force, timeout, *, event=False):
        self.reloads.append((engine.service, timeout, event))
        text = self.config_path.read_bytes()
        self.texts.append(text)
        settings = json.loads(text.decode("utf-8-sig").strip() or "{}")
        listed = settings.get("registry-mirrors", self.mirrors) or []
        if self.refuses and any(self.refuses in mirror for mirror in listed):
            return f'level=error msg="Error reconfiguring the daemon: invalid mirror: {self.refuses}"'
        self.mirrors = mirror_url.engine_list(listed)
        self.live_restore = settings.get("live-restore", self.live_restore)
        self.settings.update(
            {
                key: value
                for key, value in settings.items()
                if key in self.settings and setting_table.is_reloadable(key, None)
            }
        )
        return None if in_force(self.info) else "it did not take them"

    def stand_in(self, patch, certs):
        """Be the engine of this machine, which has no service for it, and looks for certificates in a folder of its own."""
        patch.setattr(engines, "look", self.look)
        patch.setattr(engines, "reload", self.reload)
        patch.setattr(processes, "has_ended", lambda process: process is None or self.has_ended)
        patch.setattr(scope, "certs_folder", lambda: str(certs))
        # A thread of this process sees what tests replace, as a process of its own would not see what they replace later.
        patch.setattr(probes, "_in_own_process", lambda probe: (probe.start(), probe.result)[1])
        patch.setattr(services, "has_systemd", lambda: False)
        patch.setattr(services, "_SCRIPT_FOLDER", "/nowhere")


class Systemd:
    """The files of a service under systemd, in a folder of their own."""

    def __init__(self, folder):
        self.unit = folder / "lib/docker.service"
        self.options = folder / "default/docker"
        self.drop_ins = folder / "etc/docker.service.d"
        self.own = self.drop_ins / "zz-pullthrough-docker.conf"
        self.needs_daemon_reload = "no"
        self.daemon_reloads = 0
        for path in (self.unit, self.options):
            path.parent.mkdir()
        self.drop_ins.mkdir(parents=True)
        self.start("/usr/sbin/dockerd -H fd:// $DOCKER_OPTS")

    def start(self, command):
        self.unit.write_text(f"[Service]\nEnvironmentFile=-{self.options}\nExecStart={command}\n")

    def show(self, name):
        return {"FragmentPath": str(self.unit), "DropInPaths": "", "NeedDaemonReload": self.needs_daemon_reload}

    def systemctl(self, *words):
        assert words == ("daemon-reload",)
        self.daemon_reloads += 1
        self.needs_daemon_reload = "no"
        return 0, ""

    def stand_in(self, patch):
        """Be the service of the model engine."""
        patch.setattr(services, "has_systemd", lambda: True)
        patch.setattr(services, "unit", self.show)
        patch.setattr(services, "systemctl", self.systemctl)
        patch.setattr(scope, "unit_folders", lambda: [str(self.drop_ins.parent)])


def run_module(name, check=False, **options):
    """Run a module of the collection; what it returns, with its warnings."""
    warnings = []
    module = importlib.import_module(f"ansible_collections.pullthrough.docker.plugins.modules.{name}")
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(AnsibleModule, "warn", lambda _module, warning: warnings.append(warning)))
        stack.enter_context(patch_module_args({**options, "_ansible_check_mode": check}))
        out = stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        ended = stack.enter_context(pytest.raises(SystemExit))
        module.main()
    result = json.loads(out.getvalue())
    assert result.get("failed", False) is bool(ended.value.code)
    assert "exception" not in result
    return dict(result, warnings=list(dict.fromkeys(warnings)))
