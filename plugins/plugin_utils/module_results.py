# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the audit and the summary of configure read of the results of the modules, and the check of their form.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping

MANY = 10**9
"""More than any number in a valid result."""

_URLS = [str]
_TLS = {
    "version": (str, None), "verified": bool, "not_after": (str, None), "days_left": (range(-MANY, MANY), None),
    "certificates": [str],
}  # fmt: skip
_MIRROR = {
    "url": str, "verdict": (frozenset({"used", "not_used", "breaks_pulls"}), None), "usable": (bool, None),
    "reason": (str, None), "silent": bool, "proxy": (str, None), "addresses": [str],
    "failed_at": (frozenset({"dns", "tcp", "proxy", "tls", "http", "token"}), None),
    "status": (range(MANY), None), "authentication": (str, None), "redirected_to": (str, None),
    "latency_ms": (float, None), "images": [], "tls": (_TLS, None),
}  # fmt: skip
_SOURCE = {
    "source": frozenset({"daemon_json", "options_file", "systemd_drop_in", "command_line"}),
    "path": (str, None), "line": (range(1, MANY), None), "mirrors": (_URLS, None), "reason": (str, None),
}  # fmt: skip
_ENGINE = {
    "state": frozenset({"running", "starting", "stopped", "absent", "unreachable", "ambiguous"}),
    "reason": (str, None), "version": (str, None), "image_store": (frozenset({"containerd", "graphdriver"}), None),
    "containers_running": (range(MANY), None), "rootless": (bool, None),
}  # fmt: skip
_FORMS: Dict[str, Dict[str, Any]] = {
    "registry_mirrors_info": {
        "engine": _ENGINE, "mirrors": (_URLS, None), "in_force": (_URLS, None),
        "drift_reasons": [str], "conflicts": [{"message": str}], "cautions": [str], "sources": [_SOURCE],
        "last_change": (str, None),
    },
    "registry_mirrors_health_info": {"mirrors": [_MIRROR]},
    "a change": {
        "pending": frozenset({"none", "reload", "restart"}), "changed": bool, "reloaded": bool,
        "diff": [{"before_header": str}],
        "engine": {
            "pid": (range(MANY), None), "live_restore": (bool, None), "containers_running": (range(MANY), None),
        },
    },
}  # fmt: skip
"""What is taken from each result, for ``_shaped``. A result without the first key has failed."""


class MalformedResult(ValueError):
    """A result in another form than the module returns; the text names the place."""


def checked(result: Any, module: str) -> Mapping[str, Any]:
    """Return the result of a module, or a failed one that names what is malformed in it."""
    form = _FORMS[module]
    if not isinstance(result, Mapping):
        return {}
    if result.get("failed") or result.get("unreachable") or next(iter(form)) not in result:
        return {key: result[key] for key in ("failed", "unreachable", "msg", "module_stderr") if key in result}
    try:
        return dict(_shaped(result, form, ""))
    except MalformedResult as error:
        return {"failed": True, "msg": f"{module} returned a malformed result, see its {error}"}


def _shaped(value: Any, form: Any, place: str) -> Any:
    """Return the value with the keys of its form and no others.

    A tuple means a form or null. A set or a range has the possible values.

    :raises MalformedResult: when the value has another form.
    """
    if isinstance(form, tuple):
        return None if value is None else _shaped(value, form[0], place)
    if isinstance(form, dict) and isinstance(value, dict):
        return {key: _shaped(value.get(key), inner, f"{place}.{key}" if place else key) for key, inner in form.items()}
    if isinstance(form, list) and isinstance(value, list) and (form or not value):
        return [_shaped(inner, form[0], f"{place}[{index}]") for index, inner in enumerate(value)]
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if isinstance(form, range):
        fits = number and isinstance(value, int) and value in form
    elif isinstance(form, frozenset):
        fits = isinstance(value, str) and value in form
    elif form is float:
        fits = number and 0 <= value < MANY
    else:
        fits = form in (str, bool) and isinstance(value, form)
    if not fits:
        raise MalformedResult(place)
    return value
