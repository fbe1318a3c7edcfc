# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What the init system will start the engine with: the unit, its drop-ins and options files. It starts nothing.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import glob
import json
import os
import re

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._host import files, programs, scope
from ansible_collections.pullthrough.docker.plugins.module_utils._text import options_text, unit_text

OWN_DROP_IN = "zz-pullthrough-docker.conf"
"""The drop-in of this collection. Drop-ins apply in the order of their names, so this one is the last."""

_SCRIPT_FOLDER = "/etc/init.d"

_NAME_LIMIT = 255
"""The most characters of the name of a unit (UNIT_NAME_MAX in systemd)."""

_SYSTEMD_SECONDS = 30
"""The most seconds to wait for an answer of systemd."""


class Start(NamedTuple):
    """What the init system will start the engine with. It differs from what runs when a file changed since.

    ``reader`` is who reads the options files: ``systemd``, ``shell`` (an init script), or None without a service.
    ``argv`` is the command line. ``variables`` are those that the command line takes from ``options_files``.
    ``fault`` says, with file and line, why the engine will not start. ``script`` is the script that starts the engine
    when the init system does not run ``dockerd`` itself; it may add flags of its own. ``alias_of`` is the real name of
    the unit when ``service`` is only another name of it. ``kill_mode`` is what systemd kills when it stops the service,
    where that is known (systemd.kill(5)).
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
    alias_of: Optional[str] = None
    kill_mode: Optional[str] = None

    @property
    def files(self) -> List[str]:
        """All files that may name flags."""
        return [path for path, _text in self.unit_files] + self.options_files + ([self.script] if self.script else [])

    @property
    def own_drop_in(self) -> str:
        """The path of this collection's drop-in, whether it exists or not."""
        return os.path.join(scope.unit_folders()[0], f"{self.service}.service.d", OWN_DROP_IN)


def name_of(service: str) -> str:
    """Return the name of a service without ``.service``."""
    return service[: -len(".service")] if service.endswith(".service") else service


def is_name(service: str) -> bool:
    """Return whether a service can have this name. It becomes part of paths, and systemctl takes patterns."""
    is_short = len(service) <= _NAME_LIMIT
    return is_short and re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9:_.@\\-]*", name_of(service)) is not None


def has_systemd() -> bool:
    """Return whether systemd is the running init system."""
    return os.path.isdir("/run/systemd/system")


# -- asking systemd --------------------------------------------------------------------------------------------------


def systemctl(*words: str) -> Tuple[int, str]:
    """Run ``systemctl`` for the system, or for a user who is not root; return its exit code and output."""
    return programs.run(["systemctl", *scope.systemctl_scope(), *words], timeout=_SYSTEMD_SECONDS)


def unit(name: str) -> Dict[str, Any]:
    """Return the properties of a unit; empty when systemd does not run or does not answer.

    ``Argv``, ``Environment`` and ``EnvironmentFiles`` are exact lists of strings: quotes and continued lines are
    resolved, variables are not. They are missing when only ``systemctl show`` answers, which joins the words of
    ``ExecStart`` with spaces.
    """
    if not has_systemd():
        return {}
    return _unit_over_dbus(name) or _unit_by_systemctl(name)


def _unit_over_dbus(name: str) -> Dict[str, Any]:
    """Return a unit's properties from D-Bus; empty without a bus or with a ``busctl`` before systemd 240 (no JSON)."""
    call = ["org.freedesktop.systemd1", _object_path(name), "org.freedesktop.DBus.Properties", "GetAll", "s", ""]
    command = ["busctl", *scope.systemctl_scope(), "--json=short", "call", *call]
    code, out = programs.run(command, timeout=_SYSTEMD_SECONDS)
    if code != 0:
        return {}
    try:
        answer = {key: value["data"] for key, value in json.loads(out)["data"][0].items()}
        shown: Dict[str, Any] = {key: answer[key] for key in ("Id", "LoadState", "ActiveState", "FragmentPath")}
        shown["MainPID"] = str(answer["MainPID"])
        shown["DropInPaths"] = " ".join(answer["DropInPaths"])
        shown["NeedDaemonReload"] = "yes" if answer["NeedDaemonReload"] else "no"
        shown["KillMode"] = str(answer["KillMode"])
        shown["Environment"] = list(answer["Environment"])
        shown["EnvironmentFiles"] = [path for path, _optional in answer["EnvironmentFiles"]]
        if len(answer["ExecStart"]) == 1:
            shown["Argv"] = list(answer["ExecStart"][0][1])
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        return {}
    return shown


def _object_path(name: str) -> str:
    """Return the D-Bus path of a service's unit."""
    label = "".join(char if char.isascii() and char.isalnum() else f"_{ord(char):02x}" for char in f"{name}.service")
    return f"/org/freedesktop/systemd1/unit/{label}"


def _unit_by_systemctl(name: str) -> Dict[str, Any]:
    """Return a unit's properties as ``systemctl show`` prints them."""
    properties = "Id,LoadState,ActiveState,MainPID,FragmentPath,DropInPaths,ExecStart,NeedDaemonReload,KillMode"
    code, out = systemctl("show", "--property", properties, "--", f"{name}.service")
    return dict(line.split("=", 1) for line in out.splitlines() if "=" in line) if code == 0 else {}


def has_failed(shown: Mapping[str, Any]) -> bool:
    """Return whether the unit failed, or failed and is started again in a moment."""
    return shown.get("ActiveState") in ("failed", "activating")


def unit_argv(shown: Mapping[str, Any]) -> Tuple[str, ...]:
    """Return the words of the unit's ``ExecStart``, with variables unexpanded; without D-Bus, split at each space."""
    if "Argv" in shown:
        return tuple(shown["Argv"])
    _before, _start, rest = shown.get("ExecStart", "").partition("argv[]=")
    words, end, _after = rest.partition(" ; ignore_errors=")
    return tuple(words.split()) if end else ()


# -- the next start --------------------------------------------------------------------------------------------------


class _Assignment(NamedTuple):
    """The value of a variable, and the file that sets it."""

    value: options_text.Value
    path: str


class _Loaded(NamedTuple):
    """What systemd will start: the words with variables unexpanded, the unit's assignments, and its options files."""

    words: Tuple[str, ...]
    assignments: Sequence[str]
    options_files: List[str]


def next_start(service: str) -> Start:
    """Return what the init system will start the engine with, read from the unit or the init script."""
    name = name_of(service)
    if not has_systemd():
        return _start_of_script(name)
    shown = unit(name)
    if not shown.get("FragmentPath"):
        return _no_service(name)
    unit_files = [(path, files.text_of(path)) for path in [shown["FragmentPath"], *_drop_ins(name, shown)]]
    loaded = _loaded(shown, unit_files)
    assignments = _assignments(loaded, shown["FragmentPath"], unit_files)
    variables = [word[1:] for word in loaded.words if re.fullmatch(r"\$\w+", word)]
    values = {key: assignment.value for key, assignment in assignments.items()}
    real_name = name_of(shown.get("Id", name))
    argv = tuple(options_text.words_of_systemd(loaded.words, values))
    return Start(
        service=name,
        reader="systemd",
        argv=argv,
        unit_files=unit_files,
        options_files=loaded.options_files,
        variables=variables,
        fault=_fault_of_variables(variables, assignments) or _fault_of_unit(name, shown, unit_files),
        needs_daemon_reload=_is_outdated(shown),
        script=argv[0] if argv and files.text_of(argv[0], limit=2) == "#!" else None,
        alias_of=real_name if real_name != name else None,
        kill_mode=shown.get("KillMode"),
    )


def _no_service(name: str) -> Start:
    return Start(name, None, (), [], [], [], None)


def _is_outdated(shown: Mapping[str, Any]) -> bool:
    """Return whether files of the unit changed since systemd loaded it."""
    return bool(shown.get("NeedDaemonReload") == "yes")


def _loaded(shown: Mapping[str, Any], unit_files: List[unit_text.UnitFile]) -> _Loaded:
    """Return what systemd has loaded and so will start; if it is outdated or not known exactly, what the files say."""
    if "Argv" in shown and not _is_outdated(shown):
        words, assignments, patterns = unit_argv(shown), shown["Environment"], shown["EnvironmentFiles"]
    else:
        command = unit_text.command(unit_files)
        words = tuple(_words(command)) if command else unit_argv(shown)
        assignments = [word for _setting, word in _environment(unit_files)]
        patterns = [setting.value.lstrip("-") for setting in unit_text.in_effect("EnvironmentFile", unit_files)]
    return _Loaded(words, assignments, [path for pattern in patterns for path in _matching(pattern)])


def _environment(unit_files: List[unit_text.UnitFile]) -> List[Tuple[unit_text.Setting, str]]:
    """Return each assignment of the unit's ``Environment=`` lines, with its line."""
    settings = unit_text.in_effect("Environment", unit_files)
    return [(setting, word) for setting in settings for word in _words(setting)]


def _words(setting: unit_text.Setting) -> List[str]:
    return options_text.words_of(unit_text.on_one_line(setting.value))


def _assignments(loaded: _Loaded, unit_path: str, unit_files: List[unit_text.UnitFile]) -> Dict[str, _Assignment]:
    """Return the variables that the command line can use. Options files overwrite what the unit sets."""
    lines = {word.partition("=")[0]: setting for setting, word in _environment(unit_files)}
    found: Dict[str, _Assignment] = {}
    for assignment in loaded.assignments:
        key, _equals, text = assignment.partition("=")
        line, path = (lines[key].line, lines[key].path) if key in lines else (1, unit_path)
        found[key] = _Assignment(options_text.Value(text, line), path)
    for path in loaded.options_files:
        for key, value in options_text.read_as_systemd(files.text_of(path)).items():
            found[key] = _Assignment(value, path)
    return found


def _matching(pattern: str) -> List[str]:
    """Return the files of an ``EnvironmentFile=``, which can be a pattern (systemd.exec(5))."""
    return sorted(glob.glob(pattern)) if re.search(r"[*?\[]", pattern) else [pattern]


def _fault_of_variables(variables: Sequence[str], assignments: Mapping[str, _Assignment]) -> Optional[str]:
    """Return which variable of the command line keeps the engine from starting, with file and line, or None."""
    fault = None
    for key in variables:
        if key in assignments and re.search(r"(?:^|\s)\$", assignments[key].value.text or ""):
            value, path = assignments[key]
            fault = (
                f"{path}, line {value.line}: {key} refers to a variable, which systemd "
                "does not expand; the engine gets it as a word and does not start. Write the whole value there"
            )
    return fault


def _fault_of_unit(name: str, shown: Mapping[str, Any], unit_files: List[unit_text.UnitFile]) -> Optional[str]:
    """Return why systemd will not start the unit, with file and line, or None. An engine that runs is not affected."""
    commands = unit_text.in_effect("ExecStart", unit_files)
    kinds = unit_text.in_effect("Type", unit_files)
    if len(commands) > 1 and not (kinds and kinds[-1].value == "oneshot"):
        second = commands[1]
        return (
            f"{second.path}, line {second.line}: a second ExecStart=, which systemd refuses in a service. "
            "Put an empty ExecStart= in the line before it"
        )
    if shown.get("LoadState") in ("bad-setting", "error") and not _is_outdated(shown):
        return (
            f"{shown['FragmentPath']}: systemd cannot load this unit (LoadState={shown['LoadState']}). "
            f"Run `systemd-analyze verify {name}.service` to see why"
        )
    return None


def _drop_ins(name: str, shown: Mapping[str, str]) -> List[str]:
    """Return the drop-ins that the next ``daemon-reload`` or boot will find, the first of each name.

    systemd may not have seen all of them yet.
    """
    found: Dict[str, str] = {}
    for folder in scope.unit_folders():
        for path in glob.glob(f"{glob.escape(folder)}/{glob.escape(name)}.service.d/*.conf"):
            found.setdefault(os.path.basename(path), path)
    for path in shown.get("DropInPaths", "").split():  # Those in other folders, such as transient ones.
        if os.path.exists(path):
            found.setdefault(os.path.basename(path), path)
    return [found[key] for key in sorted(found)]


def _start_of_script(name: str) -> Start:
    """Return what an init script starts. Debian, OpenRC and old Red Hat systems have different options files."""
    script_path = os.path.join(_SCRIPT_FOLDER, name)
    script = files.text_of(script_path)
    if not script:
        return _no_service(name)
    path, variable = f"/etc/default/{name}", "DOCKER_OPTS"
    if re.match("#!.*openrc-run", script):
        path = f"/etc/conf.d/{name}"
    elif "/etc/sysconfig/" in script:
        path, variable = f"/etc/sysconfig/{name}", "other_args" if "$other_args" in script else "OPTIONS"
    value = options_text.read_as_shell(files.text_of(path)).get(variable)
    words = options_text.words_of_shell(value) if value else []
    return Start(name, "shell", ("dockerd", *words), [], [path], [variable], None, script=script_path)
