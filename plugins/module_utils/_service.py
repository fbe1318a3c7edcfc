# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What the init system starts the engine with: the unit, its drop-ins, options files. Read from the disk, started never.

Private to the collection C(pullthrough.docker): it may change at any time, without notice.
"""

from __future__ import annotations

import glob
import os
import re

from typing import Dict, List, NamedTuple, Optional, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils import _host, _options_text, _unit_text

OWN_DROP_IN = "zz-pullthrough-docker.conf"
"""The drop-in of this collection; drop-ins apply in the order of their names, so it comes last."""

_SCRIPT_FOLDER = "/etc/init.d"


class Start(NamedTuple):
    """What the init system will start the engine with, which is not what runs where a file was changed since.

    C(reader) is who reads the options files, C(systemd) or C(shell) (an init script), or None where no service was found.
    C(argv) are the words of the command line. C(variables) are those that the command line takes from C(options_files).
    C(fault) says, with file and line, why the engine will not start with them.
    """

    service: str
    reader: Optional[str]
    argv: Tuple[str, ...]
    unit_files: List[_unit_text.UnitFile]
    options_files: List[str]
    variables: List[str]
    fault: Optional[str]
    needs_daemon_reload: bool = False

    @property
    def files(self) -> List[str]:
        """All files that may name flags."""
        return [path for path, _text in self.unit_files] + self.options_files

    @property
    def own_drop_in(self) -> str:
        """Where a drop-in of this collection lies, or would."""
        return os.path.join(unit_folders()[0], f"{self.service}.service.d", OWN_DROP_IN)


def user_config() -> str:
    """The folder of configuration of the user who runs this."""
    return os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")


def unit_folders() -> List[str]:
    """Where units and drop-ins lie, the administrator's folder first (systemd.unit(5))."""
    if os.geteuid() == 0:
        return ["/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"]
    return [os.path.join(user_config(), "systemd/user"), "/etc/systemd/user", "/run/systemd/user", "/usr/lib/systemd/user"]


def name_of(service: str) -> str:
    """The name without C(.service)."""
    return service[: -len(".service")] if service.endswith(".service") else service


def has_systemd() -> bool:
    """Whether systemd is the init system that runs."""
    return os.path.isdir("/run/systemd/system")


def systemctl(*words: str) -> Tuple[int, str]:
    """Run systemctl for the system, or for the user who is not root."""
    scope = [] if os.geteuid() == 0 else ["--user"]
    return _host.run(["systemctl", *scope, *words], timeout=30)


def unit(name: str) -> Dict[str, str]:
    """What systemd says of the unit; empty where systemd does not run or does not answer."""
    if not has_systemd():
        return {}
    properties = "LoadState,ActiveState,MainPID,FragmentPath,DropInPaths,ExecStart,NeedDaemonReload"
    code, out = systemctl("show", "--property", properties, "--", f"{name}.service")
    return dict(line.split("=", 1) for line in out.splitlines() if "=" in line) if code == 0 else {}


def unit_argv(shown: Dict[str, str]) -> Tuple[str, ...]:
    """The words of the unit's C(ExecStart), as systemd prints them, with variables unexpanded."""
    _before, _start, rest = shown.get("ExecStart", "").partition("argv[]=")
    words, end, _after = rest.partition(" ; ignore_errors=")
    return tuple(words.split()) if end else ()


def next_start(service: str) -> Start:
    """Read the unit and its environment files, or without systemd the options files of the init script."""
    name = name_of(service)
    if not has_systemd():
        return _start_of_script(name)
    shown = unit(name)
    if not shown.get("FragmentPath"):
        return Start(name, None, (), [], [], [], None)
    unit_files = [(path, _host.text_of(path)) for path in [shown["FragmentPath"], *_drop_ins(name, shown)]]
    command = _unit_text.command(unit_files)
    words = tuple(_unit_text.on_one_line(command.value).split()) if command else unit_argv(shown)
    options_files = [setting.value.lstrip("-") for setting in _unit_text.in_effect("EnvironmentFile", unit_files)]
    values: Dict[str, _options_text.Value] = {}
    places: Dict[str, str] = {}
    for setting in _unit_text.in_effect("Environment", unit_files):
        for assignment in _options_text.words_of(setting.value):
            key, _equals, text = assignment.partition("=")
            values[key], places[key] = _options_text.Value(text, setting.line), setting.path
    for path in options_files:
        for key, value in _options_text.read_as_systemd(_host.text_of(path)).items():
            values[key], places[key] = value, path
    variables = [word[1:] for word in words if re.fullmatch(r"\$\w+", word)]
    fault = None
    for key in variables:
        if key in values and re.search(r"(?:^|\s)\$", values[key].text or ""):
            fault = (
                f"{places[key]}, line {values[key].line}: {key} refers to a variable, which systemd does not expand; the engine gets it "
                "as a word and does not start. Write the whole value there"
            )
    argv = tuple(_options_text.words_of_systemd(words, values))
    return Start(name, "systemd", argv, unit_files, options_files, variables, fault, shown.get("NeedDaemonReload") == "yes")


def _drop_ins(name: str, shown: Dict[str, str]) -> List[str]:
    """The drop-ins as the next C(daemon-reload) or boot finds them, which systemd may not have seen yet; of one name, the first."""
    found: Dict[str, str] = {}
    for folder in unit_folders():
        for path in glob.glob(f"{glob.escape(folder)}/{glob.escape(name)}.service.d/*.conf"):
            found.setdefault(os.path.basename(path), path)
    for path in shown.get("DropInPaths", "").split():  # Those of other folders, such as transient ones.
        if os.path.exists(path):
            found.setdefault(os.path.basename(path), path)
    return [found[key] for key in sorted(found)]


def _start_of_script(name: str) -> Start:
    """What an init script starts: Debian's and those of OpenRC source an options file; those of older Red Hats another."""
    script = _host.text_of(os.path.join(_SCRIPT_FOLDER, name))
    if not script:
        return Start(name, None, (), [], [], [], None)
    path, variable = f"/etc/default/{name}", "DOCKER_OPTS"
    if re.match("#!.*openrc-run", script):
        path = f"/etc/conf.d/{name}"
    elif "/etc/sysconfig/" in script:
        path, variable = f"/etc/sysconfig/{name}", "other_args" if "$other_args" in script else "OPTIONS"
    value = _options_text.read_as_shell(_host.text_of(path)).get(variable)
    words = _options_text.words_of_shell(value) if value else []
    return Start(name, "shell", ("dockerd", *words), [], [path], [variable], None)
