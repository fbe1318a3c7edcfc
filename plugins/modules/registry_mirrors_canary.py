#!/usr/bin/python
# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_mirrors_canary
short_description: Pull an image through a Docker Engine, and report whether a registry mirror served it
version_added: 0.3.0
description:
  - Pulls images as C(docker pull) does, and finds in the engine's own log who served them.
  - A mirror that is in force may still serve nothing, because it is down, lacks the image, or is not trusted.
    The engine then pulls from Docker Hub, and the pull succeeds all the same.
  - The result is V(unknown) if the log does not show who served the image. With the classic image stores (C(overlay2)),
    level info is enough. With the containerd image store, only level debug shows it. O(debug=true) turns it on.
  - If the engine logs nothing at level info, it does not log that a mirror fails. The result is then V(unknown).
  - The images stay on the host. Choose images that the host needs anyway.
  - A stopped engine is never started. Nothing is pulled then.
options:
  images:
    description: Images of Docker Hub, such as V(alpine) or V(grafana/grafana:12.0.0).
    type: list
    elements: str
    required: true
  pull_timeout:
    description: Seconds for each pull.
    type: int
    default: 300
  debug:
    description:
      - Whether to let the engine log at level debug for the pulls, unless it does so already. With the containerd image
        store, only this level shows who served an image.
      - The module sets C("debug") to C(true) in C(daemon.json), reloads the engine, pulls, puts back every byte of
        C(daemon.json), and reloads the engine again. A reload stops no container.
      - If the run is killed during the pulls, the engine keeps its level debug. Remove C("debug") from C(daemon.json)
        then, and reload.
    type: bool
    default: false
    version_added: 0.4.0
  unsafe_writes:
    description:
      - Whether to write into a C(daemon.json) that cannot be replaced atomically, such as a file that is bind-mounted
        into a container. It is written only with O(debug=true).
    type: bool
    default: false
    version_added: 0.4.0
author:
  - The pullthrough.docker authors (@pullthrough)
extends_documentation_fragment:
  - pullthrough.docker._engine
  - pullthrough.docker._attributes
  - pullthrough.docker._attributes.action_group
attributes:
  check_mode:
    support: partial
    details:
      - Nothing is pulled and the task is skipped, because the result of a pull cannot be predicted.
  diff_mode:
    support: none
  idempotent:
    support: full
notes:
  - To find the end of the log and the levels that the engine writes, the module makes the engine pull from port 1
    of its own host. This fails at once, and leaves an error in the log that names
    C(pullthrough-docker-end-of-log).
  - If the image is already there, the engine asks only for its tag. The result is then about the tag only.
seealso:
  - module: pullthrough.docker.registry_mirrors_health_info
"""

EXAMPLES = r"""
- name: Use a mirror
  pullthrough.docker.registry_mirrors:
    mirrors:
      - https://mirror.gcr.io

- name: Check that the mirror is used
  pullthrough.docker.registry_mirrors_canary:
    images:
      - alpine
  register: result

- name: Stop if Docker Hub was asked instead
  ansible.builtin.assert:
    that: result.images | selectattr('used', 'eq', 'fell_through') | length == 0
    fail_msg: "{{ result.images | map(attribute='reason') | join('; ') }}"
"""

RETURN = r"""
images:
  description: The result for each image.
  returned: always
  type: list
  elements: dict
  contains:
    image:
      description: The image as given in the task.
      type: str
      sample: alpine
    pulled:
      description: Whether the pull succeeded.
      type: bool
      sample: true
    new:
      description: Whether the pull downloaded anything.
      type: bool
      sample: true
    used:
      description: V(served) by a mirror, V(fell_through) to Docker Hub at least in part, or V(unknown).
      type: str
      sample: served
    by:
      description: The mirror that served it, or V(registry-1.docker.io), or V(null) if that is not known.
      type: str
      sample: https://mirror.gcr.io/
    reason:
      description: What the result is based on, or why it is not known.
      type: str
      sample: "https://mirror.gcr.io/ served it: the engine logs each endpoint that fails, and it logged none"
    evidence:
      description: The lines of the engine's log that show it, at most 20, with secrets masked.
      type: list
      elements: str
      sample: []
    seconds:
      description: How long the pull took.
      type: float
      sample: 1.31
engine:
  description: The engine, as M(pullthrough.docker.registry_mirrors_info) returns it.
  returned: always
  type: dict
"""

import contextlib

from typing import Any, ContextManager, Dict, List, Sequence

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pullthrough.docker.plugins.module_utils._change import guards, snapshots
from ansible_collections.pullthrough.docker.plugins.module_utils._change.model import Options
from ansible_collections.pullthrough.docker.plugins.module_utils._change.refusal import NotDone, Refused
from ansible_collections.pullthrough.docker.plugins.module_utils._host import engine_api, files
from ansible_collections.pullthrough.docker.plugins.module_utils._host.host import Host
from ansible_collections.pullthrough.docker.plugins.module_utils._registry import images, pull_log
from ansible_collections.pullthrough.docker.plugins.module_utils._text import masking


def pull(options: Dict[str, Any], host: Host) -> Dict[str, Any]:
    """Pull the images, and return the result of the module."""
    parsed = [images.parse(image) for image in options["images"]]
    snapshot = snapshots.take(host, options["service"], options["path"], options["timeout"])
    engine = snapshot.engine
    guards.refuse_roots_engine(snapshot)
    warnings: List[str] = []
    if engine.info is None:
        reason = f"nothing was pulled because the engine is {engine.state}: {engine.reason}"
        results = [_not_pulled(image, reason) for image in parsed]
    else:
        with _debug_log(options, host, snapshot) as warnings:
            results = pull_log.try_out(engine, parsed, pull_timeout=options["pull_timeout"], timeout=options["timeout"])
    return {
        "changed": any(result["new"] for result in results),
        "images": results,
        "engine": engine.facts(),
        "warnings": [*warnings, *_complaints(results)],
    }


def _debug_log(options: Dict[str, Any], host: Host, snapshot: snapshots.Snapshot) -> ContextManager[List[str]]:
    """Return what turns on the debug log if the user wants that, or what does nothing."""
    if not options["debug"]:
        return contextlib.nullcontext([])
    # Imported only here: without this option, nothing is written.
    from ansible_collections.pullthrough.docker.plugins.module_utils._change import debug_log

    own = {"reload": True, "keep_containers": True, "backup": False}
    return debug_log.turned_on(host, Options.of({**options, **own}), snapshot)


def _complaints(results: Sequence[Dict[str, Any]]) -> List[str]:
    return [
        f"{result['image']} was not served by a mirror: {result['reason']}."
        for result in results
        if result["used"] == "fell_through" or not result["pulled"]
    ]


def _not_pulled(image: images.Image, reason: str) -> Dict[str, Any]:
    return {
        "image": image.text,
        "pulled": False,
        "new": False,
        "used": "unknown",
        "by": None,
        "reason": reason,
        "evidence": [],
        "seconds": 0.0,
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "images": {"type": "list", "elements": "str", "required": True},
            "pull_timeout": {"type": "int", "default": 300},
            "debug": {"type": "bool", "default": False},
            "unsafe_writes": {"type": "bool", "default": False},
            "path": {"type": "path"},
            "service": {"type": "str", "default": "docker"},
            "timeout": {"type": "int", "default": 10},
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=False, skipped=True, images=[], msg="nothing is pulled in check mode")
    try:
        result = pull(module.params, Host(module))
    except (files.FileError, Refused, images.ImageError, engine_api.Unreachable) as exc:
        module.fail_json(msg=masking.mask(str(exc), masking.MESSAGE_LIMIT))
    except NotDone as exc:
        module.fail_json(msg=masking.mask(str(exc), masking.MESSAGE_LIMIT), changed=exc.is_changed)
    for warning in result.pop("warnings"):
        module.warn(warning)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
