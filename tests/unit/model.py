# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A model of a host: an engine that reloads as real ones do, and its service. Modules run against it in this process.

The engine has its own table of the rules of a reload. The collection's table must not be asked here: a mistake there
would then be a mistake of the engine as well, and no test would fail.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import glob
import importlib
import io
import json
import re
import shutil
import tempfile

from pathlib import Path
from unittest import mock

import pytest

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pullthrough.docker.plugins.module_utils._host import (
    engine_api,
    engines,
    files,
    processes,
    scope,
    services,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._host.host import Host
from ansible_collections.pullthrough.docker.plugins.module_utils._text import options_text
from ansible_collections.pullthrough.docker.tests.unit.module_args import patch_module_args

COLLECTION = "ansible_collections.pullthrough.docker"
MODULES = [
    "daemon_config",
    "registry_mirrors",
    "registry_mirrors_canary",
    "registry_mirrors_health_info",
    "registry_mirrors_info",
]

KEPT = object()
"""A reload keeps the value of a key that is missing in the file."""

RELOADED = {
    # key: (first version that reloads it, first version that no longer does, its value when the key is missing)
    "allow-nondistributable-artifacts": ((0,), (28,), KEPT),
    "authorization-plugins": ((0,), None, []),
    "cluster-advertise": ((0,), (23,), KEPT),
    "cluster-store": ((0,), (23,), KEPT),
    "cluster-store-opts": ((0,), (23,), KEPT),
    "debug": ((0,), None, KEPT),
    "default-cgroupns-mode": ((0,), None, KEPT),
    "default-ipc-mode": ((0,), None, KEPT),
    "default-runtime": ((0,), None, KEPT),
    "default-shm-size": ((0,), None, KEPT),
    "features": ((0,), None, {}),
    "insecure-registries": ((0,), None, KEPT),
    "labels": ((0,), None, KEPT),
    "live-restore": ((0,), None, KEPT),
    "max-concurrent-downloads": ((0,), None, 3),
    "max-concurrent-uploads": ((0,), None, 5),
    "max-download-attempts": ((20, 10), None, 5),
    "network-diagnostic-port": ((0,), None, KEPT),
    "nri-opts": ((29, 2), None, KEPT),
    "registry-mirrors": ((0,), None, KEPT),
    "runtimes": ((0,), None, KEPT),
    "shutdown-timeout": ((0,), None, KEPT),
}
"""The settings that a reload brings into force, seen on engines or read in moby's daemon/reload.go, 20.10.24 to 29.7.2.
All others wait for a start."""


def shown_mirrors(mirrors):
    """Return a list of mirrors as ``/info`` shows it: each once, with one final slash in place of one or none."""
    return list(dict.fromkeys(f"{mirror.removesuffix('/')}/" for mirror in mirrors))


class ModelEngine:
    """An engine that reloads by the rules of ``RELOADED`` and refuses what a test tells it to refuse."""

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
        return engine_api.Info(
            version=self.version,
            mirrors=list(self.mirrors),
            rootless=False,
            live_restore=self.live_restore,
            containers_running=self.containers_running,
            swarm_active=self.swarm,
            image_store=self.store,
            settings={"registry-mirrors": list(self.mirrors), "live-restore": self.live_restore, **self.settings},
            proxies=self.proxies,
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
        """Read the file; return None when ``in_force`` holds afterwards, else why not. Tests may replace it."""
        self.reloads.append((engine.service, timeout, event))
        text = self.config_path.read_bytes()
        self.texts.append(text)
        found = json.loads(text.decode("utf-8-sig").strip() or "{}")
        listed = self._reloaded("registry-mirrors", found, self.mirrors) or []
        if self.refuses and any(self.refuses in mirror for mirror in listed):
            return f'level=error msg="Error reconfiguring the daemon: invalid mirror: {self.refuses}"'
        self.mirrors = shown_mirrors(listed)
        self.live_restore = self._reloaded("live-restore", found, self.live_restore)
        self.settings.update({key: self._reloaded(key, found, value) for key, value in self.settings.items()})
        return None if in_force(self.info) else "it did not take them"

    def _reloaded(self, key, found, used):
        """Return the value of a setting after a reload of a file."""
        since, until, missing = RELOADED.get(key, (None, None, KEPT))
        version = tuple(int(number) for number in re.findall(r"\d+", self.version)[:3])
        if since is None or version < since or (until is not None and version >= until):
            return used
        return found.get(key, used if missing is KEPT else missing)


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

    def next_start(self, service):
        """Return what systemd starts, read by the collection's reader of units."""

        class Start(services.Start):
            own_drop_in = str(self.own)

        name, unit = services.name_of(service), str(self.unit)
        shown = {"FragmentPath": unit, "NeedDaemonReload": self.needs_daemon_reload}
        drop_ins = sorted(glob.glob(f"{self.drop_ins.parent}/{name}.service.d/*.conf"))
        unit_files = [(path, files.text_of(path)) for path in [unit, *drop_ins]]
        loaded = services._loaded(shown, unit_files)
        assignments = services._assignments(loaded, unit, unit_files)
        variables = [word[1:] for word in loaded.words if re.fullmatch(r"\$\w+", word)]
        values = {key: assignment.value for key, assignment in assignments.items()}
        return Start(
            service=name,
            reader="systemd",
            argv=tuple(options_text.words_of_systemd(loaded.words, values)),
            unit_files=unit_files,
            options_files=loaded.options_files,
            variables=variables,
            fault=services._fault_of_variables(variables, assignments)
            or services._fault_of_unit(name, shown, unit_files),
            needs_daemon_reload=self.needs_daemon_reload == "yes",
        )

    def systemctl(self, *words):
        assert words == ("daemon-reload",)
        self.daemon_reloads += 1
        self.needs_daemon_reload = "no"
        return 0, ""


@functools.lru_cache(maxsize=None)
def lock_folder():
    """Return a folder for the lock. Tests that run at once must not wait for each other."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    return folder


class Machine:
    """What a model host answers from: an engine, its service or None, and the folder of certificates."""

    def __init__(self, engine, certs):
        self.engine = engine
        self.certs = certs
        self.service = None

    def stand_in(self, patch):
        """Let the modules find this machine in place of the one that the tests run on. Nothing else is replaced."""
        patch.setattr(scope, "lock_folder", lock_folder)
        for name in MODULES:
            module = importlib.import_module(f"{COLLECTION}.plugins.modules.{name}")
            patch.setattr(module, "Host", lambda module: ModelHost(module, self))

    def next_start(self, service):
        if self.service is not None:
            return self.service.next_start(service)
        return services.Start(services.name_of(service), None, (), [], [], [], None)


class ModelHost(Host):
    """The host of a machine. Its files are real ones, in the folder of a test."""

    def __init__(self, module, machine):
        super().__init__(module)
        self._machine = machine

    def engine(self, service, timeout):
        return self._machine.engine.look(service, timeout)

    def next_start(self, service):
        return self._machine.next_start(service)

    def reload(self, engine, is_done, timeout, *, needs_event):
        return self._machine.engine.reload(engine, is_done, timeout, event=needs_event)

    def has_ended(self, engine):
        return engine.process is None or self._machine.engine.has_ended

    def systemctl(self, *words):
        return self._machine.service.systemctl(*words)

    def certs_folder(self):
        return str(self._machine.certs)

    def docker_config(self):
        return str(Path(self._machine.certs).parent / "config.json")


def run_module(name, check=False, **options):
    """Run a module of the collection; what it returns, with its warnings."""
    warnings = []
    module = importlib.import_module(f"{COLLECTION}.plugins.modules.{name}")
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
