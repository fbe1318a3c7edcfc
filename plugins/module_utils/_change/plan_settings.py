# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The change of the module ``daemon_config``: any key of ``daemon.json``.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: it touches nothing.
"""

from __future__ import annotations

import math

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._change import guards, snapshots
from ansible_collections.pullthrough.docker.plugins.module_utils._change.daemon_file import DaemonJson
from ansible_collections.pullthrough.docker.plugins.module_utils._change.model import Edit, Options, Plan
from ansible_collections.pullthrough.docker.plugins.module_utils._change.refusal import Refused
from ansible_collections.pullthrough.docker.plugins.module_utils._change.snapshots import Snapshot
from ansible_collections.pullthrough.docker.plugins.module_utils._host.engines import Engine
from ansible_collections.pullthrough.docker.plugins.module_utils._host.host import Host
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import activation, setting_table
from ansible_collections.pullthrough.docker.plugins.module_utils._text import json_reader, json_text, masking

Path = Tuple[str, ...]


class Wish(NamedTuple):
    """What the user declares."""

    options: Options
    settings: Mapping[str, Any]
    remove: Sequence[str]


def wish(params: Mapping[str, Any]) -> Wish:
    """Read the options of the module.

    :raises Refused: when they cannot be meant.
    """
    settings, remove = params["settings"] or {}, params["remove"] or []
    if not settings and not remove:
        raise Refused("Neither settings nor remove names a key", "Name at least one.")
    both = [key for key in remove if key in settings]
    if both:
        raise Refused(f"{both[0]} is in settings and in remove", "Take it out of one of them.")
    return Wish(Options.of(params), {key: _value((key,), value) for key, value in settings.items()}, remove)


def snapshot(host: Host, wanted: Wish) -> Snapshot:
    """Read what the host has, as far as the plan needs it."""
    options = wanted.options
    return snapshots.take(host, options.service, options.path, options.timeout)


def plan(seen: Snapshot, wanted: Wish) -> Plan:
    """Return what must be done on this host.

    :raises Refused: when it must not be done.
    """
    guards.refuse_unclear_engine(seen, wanted.options)
    config = seen.config
    data, keys, changed = _edited(config, wanted)
    after = config.with_data(data)
    _refuse_live_restore_on_a_swarm(seen, wanted, after)
    missing = {key: _not_in_force(seen, after, key) for key in keys}
    not_in_force = {key: setting for key, setting in missing.items() if setting}
    return Plan(
        snapshot=seen,
        edits=[Edit(config.path, config.data, data)],
        argv=seen.next_argv,
        wanted={key: setting.value for key, setting in not_in_force.items()},
        activation=activation.needed_for(
            not_in_force,
            version=seen.engine.version,
            flags=seen.engine.argv,
            settings=after.settings,
            switches_store=_switches_store(seen, after),
        ),
        keys=keys,
        result={"changed_keys": [masking.mask(".".join(path)) for path in changed]},
        needs_event=True,
    )


def in_force(made: Plan, engine: Engine) -> Dict[str, Optional[bool]]:
    """Return for each key whether the engine uses the value of the file; None where ``/info`` does not show it."""
    after = made.after
    return {key: _is_used(engine, after, key) for key in made.keys}


# -- the text --------------------------------------------------------------------------------------------------------


def _edited(config: DaemonJson, wanted: Wish) -> Tuple[Optional[bytes], List[str], List[Path]]:
    """Return the bytes of the file after the change, the keys that it is about, and the paths that change."""
    text = json_reader.NEW_FILE if config.data is None else json_reader.decode(config.data)
    changed: List[Path] = []
    for key, value in wanted.settings.items():
        text = _merge(text, (key,), value, changed)
    keys = list(wanted.settings)
    for name in wanted.remove:
        path = _find(text, name)
        keys.append(path[0] if path else name.split(".")[0])
        if path:
            text = json_text.remove_member(text, path)
            changed.append(path)
    return text.encode() if changed else config.data, keys, changed


def _merge(text: str, path: Path, value: Any, changed: List[Path]) -> str:
    """Return the text with objects merged, key by key, and everything else replaced; ``changed`` gets the paths that
    change."""
    node = json_reader.parse(text).find(*path)
    if node is not None and isinstance(value, dict) and isinstance(node.value, dict):
        for key, inner in value.items():
            text = _merge(text, (*path, key), inner, changed)
        return text
    if node is not None and json_reader.is_same(node.value, value):
        return text
    changed.append(path)
    return json_text.set_member(text, path, value)


def _find(text: str, name: str) -> Optional[Path]:
    """Return the path of keys that a dotted name means in this text, None when it has none. A key can have dots too."""
    document = json_reader.parse(text)

    def search(path: Path, words: List[str]) -> Optional[Path]:
        if not words:
            return path
        for length in range(len(words), 0, -1):
            longer = (*path, ".".join(words[:length]))
            if document.find(*longer) is not None:
                found = search(longer, words[length:])
                if found:
                    return found
        return None

    return search((), name.split("."))


def _value(path: Sequence[str], value: Any) -> Any:
    """Return a value of YAML as a value of JSON text."""
    if value is None:
        raise Refused(
            f"settings: {'.'.join(path)} is null, which in YAML is often an accident",
            "To remove a key, name it in remove.",
        )
    if isinstance(value, dict):
        return {str(key): _value([*path, str(key)], inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_value([*path, str(index)], inner) for index, inner in enumerate(value)]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise Refused(f"settings: {'.'.join(path)} is {value}, which JSON cannot express")
        return json_reader.Number(repr(value))
    return value


# -- what comes into force -------------------------------------------------------------------------------------------


def _configured(config: DaemonJson, key: str) -> Any:
    """Return the value of the file, or the default that a missing key means."""
    return config.settings.get(key, setting_table.of(key).default)


def _is_used(engine: Engine, config: DaemonJson, key: str) -> Optional[bool]:
    """Return whether the engine uses the value of the file, None where that cannot be seen: ``/info`` does not show the
    key, or no default is known for a missing one."""
    is_known = key in config.settings or setting_table.is_kept(key)
    if engine.info is None or key not in engine.info.settings or not is_known:
        return None
    return setting_table.is_same(key, _configured(config, key), engine.info.settings[key])


def _not_in_force(seen: Snapshot, after: DaemonJson, key: str) -> Optional[activation.Wanted]:
    """Return the setting unless it is in force. Where ``/info`` does not show it, an unchanged file is believed."""
    if seen.engine.info is None:
        return None
    is_used = _is_used(seen.engine, after, key)
    if is_used is None:
        before = seen.config.settings
        is_used = (key in before) == (key in after.settings) and before.get(key) == after.settings.get(key)
    return None if is_used else activation.Wanted(_configured(after, key), key in after.settings)


def _switches_store(seen: Snapshot, after: DaemonJson) -> bool:
    """Return whether ``features`` will name another image store than the one in use."""
    info = seen.engine.info
    return _store(after) not in (None, info.image_store if info else None, _store(seen.config))


def _store(config: DaemonJson) -> Optional[str]:
    """Return the image store that ``features`` of the file names."""
    features = config.settings.get("features")
    named = features.get("containerd-snapshotter") if isinstance(features, dict) else None
    return None if named is None else "containerd" if named else "graphdriver"


def _refuse_live_restore_on_a_swarm(seen: Snapshot, wanted: Wish, after: DaemonJson) -> None:
    info = seen.engine.info
    if info and info.swarm_active and wanted.settings.get("live-restore") is True and not info.live_restore:
        raise Refused(
            f"{after.value_place(('live-restore',))}: live-restore, and this engine is an active node of a swarm. "
            "A reload would accept it, and the next start would fail (seen on 20.10.24)"
        )
