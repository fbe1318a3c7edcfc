# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What the init system will start the engine with: the unit, its drop-ins, options files. It starts nothing.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import glob
import json
import os
import re

from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._host import files, programs, scope
from ansible_collections.pullthrough.docker.plugins.module_utils._text import options_text, unit_text

OWN_DROP_IN = "zz-pullthrough-docker.conf"
"""The drop-in of this collection; drop-ins apply in the order of their names, so it comes last."""

_SCRIPT_FOLDER = "/etc/init.d"


class Start(NamedTuple):
    """What the init system will start the engine with, which is not what runs where a file was changed since.

    C(reader) is who reads the options files, C(systemd) or C(shell) (an init script), or None where no service was found.
    C(argv) are the words of the command line. C(variables) are those that the command line takes from C(options_files).
    C(fault) says, with file and line, why the engine will not start with them. C(script) is what starts the engine where the init
    system runs no dockerd itself, and may add flags of its own.
    """

    service: str
    reader: Optional[str]
    argv: Tuple[str, ...]
    unit_files: List[unit_text.UnitFile]
    options_files: List[str]
    variables: List[str]
    fault: Optional[str]
    needs_daemon_reload: bool = False
    script: Optional[str] = None

    @property
    def files(self) -> List[str]:
        """All files that may name flags."""
        return [path for path, _text in self.unit_files] + self.options_files + ([self.script] if self.script else [])

    @property
    def own_drop_in(self) -> str:
        """Where a drop-in of this collection lies, or would."""
        return os.path.join(scope.unit_folders()[0], f"{self.service}.service.d", OWN_DROP_IN)


def name_of(service: str) -> str:
    """The name without C(.service)."""
    return service[: -len(".service")] if service.endswith(".service") else service


def has_systemd() -> bool:
    """Whether systemd is the init system that runs."""
    return os.path.isdir("/run/systemd/system")


def systemctl(*words: str) -> Tuple[int, str]:
    """Run systemctl for the system, or for the user who is not root."""
    user = [] if os.geteuid() == 0 else ["--user"]
    return programs.run(["systemctl", *user, *words], timeout=30)


def unit(name: str) -> Dict[str, Any]:
    """What systemd says of the unit; empty where systemd does not run or does not answer.

    C(Argv), C(Environment) and C(EnvironmentFiles) are exact lists of strings, with quotes and continued lines resolved and
    variables unexpanded. They are missing where only C(systemctl show) answers, which joins words by blanks in C(ExecStart).
    """
    if not has_systemd():
        return {}
    return _unit_over_dbus(name) or _unit_by_systemctl(name)


def _unit_over_dbus(name: str) -> Dict[str, Any]:
    """What systemd says over D-Bus; empty where there is no message bus, or a busctl that prints no JSON (before systemd 240)."""
    user = [] if os.geteuid() == 0 else ["--user"]
    label = "".join(char if char.isascii() and char.isalnum() else f"_{ord(char):02x}" for char in f"{name}.service")
    call = ["org.freedesktop.systemd1", f"/org/freedesktop/systemd1/unit/{label}", "org.freedesktop.DBus.Properties", "GetAll", "s", ""]
    code, out = programs.run(["busctl", *user, "--json=short", "call", *call], timeout=30)
    try:
        said = {key: value["data"] for key, value in json.loads(out)["data"][0].items()} if code == 0 else {}
        shown: Dict[str, Any] = {key: said[key] for key in ("LoadState", "ActiveState", "FragmentPath")}
        shown["MainPID"] = str(said["MainPID"])
        shown["DropInPaths"] = " ".join(said["DropInPaths"])
        shown["NeedDaemonReload"] = "yes" if said["NeedDaemonReload"] else "no"
        shown["Environment"] = list(said["Environment"])
        shown["EnvironmentFiles"] = [path for path, _optional in said["EnvironmentFiles"]]
        if len(said["ExecStart"]) == 1:
            shown["Argv"] = list(said["ExecStart"][0][1])
    except (ValueError, KeyError, TypeError, IndexError):
        return {}
    return shown


def _unit_by_systemctl(name: str) -> Dict[str, Any]:
    properties = "LoadState,ActiveState,MainPID,FragmentPath,DropInPaths,ExecStart,NeedDaemonReload"
    code, out = systemctl("show", "--property", properties, "--", f"{name}.service")
    return dict(line.split("=", 1) for line in out.splitlines() if "=" in line) if code == 0 else {}


def unit_argv(shown: Dict[str, Any]) -> Tuple[str, ...]:
    """The words of the unit's C(ExecStart), with variables unexpanded; without D-Bus, split at each blank."""
    if "Argv" in shown:
        return tuple(shown["Argv"])
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
    unit_files = [(path, files.text_of(path)) for path in [shown["FragmentPath"], *_drop_ins(name, shown)]]
    needs_daemon_reload = shown.get("NeedDaemonReload") == "yes"
    command = unit_text.command(unit_files)
    environment = unit_text.in_effect("Environment", unit_files)
    assigned = [(setting, word) for setting in environment for word in options_text.words_of(unit_text.on_one_line(setting.value))]
    assignments = [word for _setting, word in assigned]
    if "Argv" in shown and not needs_daemon_reload:
        # What systemd has loaded is what it starts. The texts only say where a word comes from.
        words, assignments, options_files = unit_argv(shown), shown["Environment"], shown["EnvironmentFiles"]
    else:
        words = tuple(options_text.words_of(unit_text.on_one_line(command.value))) if command else unit_argv(shown)
        options_files = [setting.value.lstrip("-") for setting in unit_text.in_effect("EnvironmentFile", unit_files)]
    options_files = [path for pattern in options_files for path in _matching(pattern)]
    values: Dict[str, options_text.Value] = {}
    places: Dict[str, str] = {}
    origins = {word.partition("=")[0]: setting for setting, word in assigned}
    for assignment in assignments:
        key, _equals, text = assignment.partition("=")
        line = origins[key].line if key in origins else 1
        values[key], places[key] = options_text.Value(text, line), origins[key].path if key in origins else shown["FragmentPath"]
    for path in options_files:
        for key, value in options_text.read_as_systemd(files.text_of(path)).items():
            values[key], places[key] = value, path
    variables = [word[1:] for word in words if re.fullmatch(r"\$\w+", word)]
    fault = _fault_of_unit(name, shown, unit_files)
    for key in variables:
        if key in values and re.search(r"(?:^|\s)\$", values[key].text or ""):
            fault = (
                f"{places[key]}, line {values[key].line}: {key} refers to a variable, which systemd does not expand; the engine gets it "
                "as a word and does not start. Write the whole value there"
            )
    argv = tuple(options_text.words_of_systemd(words, values))
    script = argv[0] if argv and files.text_of(argv[0], limit=2) == "#!" else None
    return Start(name, "systemd", argv, unit_files, options_files, variables, fault, needs_daemon_reload, script)


def _matching(pattern: str) -> List[str]:
    """The files of an C(EnvironmentFile=), which may be a pattern (systemd.exec(5))."""
    return sorted(glob.glob(pattern)) if re.search(r"[*?\[]", pattern) else [pattern]


def _fault_of_unit(name: str, shown: Dict[str, Any], unit_files: List[unit_text.UnitFile]) -> Optional[str]:
    """Why systemd will not start the unit, with file and line, or None. One that runs goes on until it is stopped."""
    commands = unit_text.in_effect("ExecStart", unit_files)
    kinds = unit_text.in_effect("Type", unit_files)
    if len(commands) > 1 and not (kinds and kinds[-1].value == "oneshot"):
        second = commands[1]
        return (
            f"{second.path}, line {second.line}: a second ExecStart=, which systemd refuses in a service. "
            "Put an empty ExecStart= in the line before it"
        )
    if shown.get("LoadState") in ("bad-setting", "error") and shown.get("NeedDaemonReload") != "yes":
        return (
            f"{shown['FragmentPath']}: systemd cannot load this unit (LoadState={shown['LoadState']}). "
            f"`systemd-analyze verify {name}.service` says why"
        )
    return None


def _drop_ins(name: str, shown: Dict[str, str]) -> List[str]:
    """The drop-ins as the next C(daemon-reload) or boot finds them, which systemd may not have seen yet; of one name, the first."""
    found: Dict[str, str] = {}
    for folder in scope.unit_folders():
        for path in glob.glob(f"{glob.escape(folder)}/{glob.escape(name)}.service.d/*.conf"):
            found.setdefault(os.path.basename(path), path)
    for path in shown.get("DropInPaths", "").split():  # Those of other folders, such as transient ones.
        if os.path.exists(path):
            found.setdefault(os.path.basename(path), path)
    return [found[key] for key in sorted(found)]


def _start_of_script(name: str) -> Start:
    """What an init script starts: Debian's and those of OpenRC source an options file; those of older Red Hats another."""
    script_path = os.path.join(_SCRIPT_FOLDER, name)
    script = files.text_of(script_path)
    if not script:
        return Start(name, None, (), [], [], [], None)
    path, variable = f"/etc/default/{name}", "DOCKER_OPTS"
    if re.match("#!.*openrc-run", script):
        path = f"/etc/conf.d/{name}"
    elif "/etc/sysconfig/" in script:
        path, variable = f"/etc/sysconfig/{name}", "other_args" if "$other_args" in script else "OPTIONS"
    value = options_text.read_as_shell(files.text_of(path)).get(variable)
    words = options_text.words_of_shell(value) if value else []
    return Start(name, "shell", ("dockerd", *words), [], [path], [variable], None, script=script_path)
