# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Plan the change of the module daemon_config: any key of daemon.json.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import math

from typing import Any, Dict, List, Optional, Sequence, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._change import daemon_file, execute, snapshots
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import activation, setting_table
from ansible_collections.pullthrough.docker.plugins.module_utils._text import json_reader, json_text

Path = Tuple[str, ...]


class SettingsChange(execute.Change):
    """The task of the module C(daemon_config)."""

    proof_is_event = True

    def declare(self) -> None:
        if not self._options["settings"] and not self._options["remove"]:
            raise execute.Refused("Neither settings nor remove names a key. Name at least one.")
        self._settings: Dict[str, Any] = {key: _value((key,), value) for key, value in (self._options["settings"] or {}).items()}
        both = [key for key in self._options["remove"] or [] if key in self._settings]
        if both:
            raise execute.Refused(f"{both[0]} stands in settings and in remove. Nothing was changed. Take it out of one of them.")

    def plan(self, seen: snapshots.Snapshot, source: daemon_file.DaemonJson) -> execute.Plan:
        text = json_text.NEW_FILE if source.data is None else json_reader.decode(source.data)
        changed: List[Path] = []
        for key, value in self._settings.items():
            text = _merge(text, (key,), value, changed)
        keys = list(self._settings)
        for name in self._options["remove"] or []:
            path = _find(text, name)
            keys.append(path[0] if path else name.split(".")[0])
            if path:
                text = json_text.remove_member(text, path)
                changed.append(path)
        data = text.encode() if changed else source.data
        after = daemon_file.DaemonJson(source.path, data)
        self._refuse_on_a_swarm(seen, after)
        missing = {key: setting for key in keys for setting in [self._missing(seen, source, after, key)] if setting}
        store = seen.engine.info.image_store if seen.engine.info else None
        way = activation.way_to(
            missing,
            version=seen.engine.version,
            flags=seen.engine.argv,
            settings=after.settings,
            switches_store=_store(after) not in (None, store, _store(source)),
        )
        reloads = way.pending == "reload" and self._options["reload"]
        return execute.Plan(
            seen=seen,
            source=source,
            edits=[execute.Edit(source.path, source.data, data)],
            argv=seen.start.argv if seen.start.reader else seen.engine.argv,
            wanted={key: setting.value for key, setting in missing.items()},
            way=way,
            result={
                "changed_keys": [".".join(path) for path in changed],
                "in_force": {key: key not in missing or bool(reloads) if self._is_shown(seen, after, key) else None for key in keys},
            },
        )

    @staticmethod
    def _missing(seen: snapshots.Snapshot, source: daemon_file.DaemonJson, after: daemon_file.DaemonJson, key: str) -> Optional[activation.Wanted]:
        """The setting, unless it is in force, as far as that can be known: what C(/info) does not show is believed of an unchanged file."""
        info = seen.engine.info
        if info is None:
            return None
        present = key in after.settings
        value = after.settings.get(key, setting_table.KEPT.get(key))
        if SettingsChange._is_shown(seen, after, key):
            return None if setting_table.is_same(key, value, info.settings[key]) else activation.Wanted(value, present)
        unchanged = present == (key in source.settings) and source.settings.get(key) == after.settings.get(key)
        return None if unchanged else activation.Wanted(value, present)

    @staticmethod
    def _is_shown(seen: snapshots.Snapshot, after: daemon_file.DaemonJson, key: str) -> bool:
        """Whether C(/info) tells if the setting is in force: it shows the key, and its value, or its default, is known."""
        info = seen.engine.info
        return info is not None and key in info.settings and (key in after.settings or key in setting_table.KEPT)

    def _refuse_on_a_swarm(self, seen: snapshots.Snapshot, after: daemon_file.DaemonJson) -> None:
        info = seen.engine.info
        if info and info.swarm_active and self._settings.get("live-restore") is True and not info.live_restore:
            raise execute.Refused(
                f"{after.place('live-restore')}: live-restore, and this engine is an active node of a swarm. A reload would take it, and the next start "
                "would fail (seen on 20.10.24). Nothing was changed."
            )


def _store(source: daemon_file.DaemonJson) -> Optional[str]:
    """The image store that C(features) of the file names."""
    features = source.settings.get("features")
    named = features.get("containerd-snapshotter") if isinstance(features, dict) else None
    return None if named is None else "containerd" if named else "graphdriver"


def _value(path: Sequence[str], value: Any) -> Any:
    """A value of YAML as one of JSON text."""
    if value is None:
        raise execute.Refused(
            f"settings: {'.'.join(path)} is null, which in YAML is what an accident looks like. Nothing was changed. "
            "To take a key out, name it in remove."
        )
    if isinstance(value, dict):
        return {str(key): _value([*path, str(key)], inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_value([*path, str(index)], inner) for index, inner in enumerate(value)]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise execute.Refused(f"settings: {'.'.join(path)} is {value}, which is no JSON. Nothing was changed.")
        return json_reader.Number(repr(value))
    return value


def _merge(text: str, path: Path, value: Any, changed: List[Path]) -> str:
    """The text with objects merged, key by key, and everything else replaced; C(changed) gets the paths that changed."""
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
    """The path of keys that a dotted name means in this text, where a key may hold dots itself; None when it is not there."""
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
