#!/usr/bin/python
# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_mirrors_health_info
short_description: Ask registry mirrors, from the host, whether an engine there can pull through them
version_added: 0.3.0
description:
  - Asks each mirror on the way that the host's engine takes, which is DNS, the engine's proxy, TLS with the system's CAs and those of C(certs.d),
    C(/v2/), and a token where the mirror wants one.
  - For images, tells whether the mirror has them, with digest and size, and whether Docker Hub has the same.
  - All are asked at once, within one time limit. A mirror that cannot be used is data with a reason and a warning, and no failure.
  - Changes nothing on the host, pulls nothing and starts nothing.
options:
  mirrors:
    description:
      - URLs of the mirrors.
      - Without it, those that are in force; where no engine runs, those that are configured.
    type: list
    elements: str
  images:
    description:
      - Images of Docker Hub that are looked for, such as V(alpine) or V(grafana/grafana:12.0.0).
      - A mirror that fetches what it lacks, as a pull-through cache does, has every image of Docker Hub that it can reach. It fetches the image's
        manifest when it is asked, and no layer.
    type: list
    elements: str
    default: []
  platform:
    description:
      - For which platform the size of an image is told, as V(linux/amd64) or V(linux/arm/v7).
      - Without it, for the host's.
    type: str
  hub:
    description:
      - Whether Docker Hub is asked for the same images, and for what is left of this host's limit.
      - Such questions do not count against the limit.
    type: bool
    default: false
  ca_certificates:
    description:
      - Certificates that the engine is to get, as for M(pullthrough.docker.registry_mirrors), so that mirrors can be asked before they are configured.
      - The keys are C(host) or C(host:port) as in the mirrors' URLs, the values texts in PEM.
    type: dict
    default: {}
author:
  - The pullthrough.docker authors (@pullthrough)
extends_documentation_fragment:
  - pullthrough.docker.engine
attributes:
  check_mode:
    description: Can run in check mode and return the changed status prediction without modifying the target.
    support: full
  diff_mode:
    description: Returns details on what has changed, or in check mode would change.
    support: N/A
notes:
  - O(timeout) holds for the engine's answer, and once more for all registries together.
  - An engine's proxies are known while it runs. Without one, mirrors are asked directly.
seealso:
  - module: pullthrough.docker.registry_mirrors_info
"""

EXAMPLES = r"""
- name: Ask a mirror before it is used
  pullthrough.docker.registry_mirrors_health_info:
    mirrors:
      - https://mirror.gcr.io
  register: result

- name: Stop unless one can be used
  ansible.builtin.assert:
    that: result.usable_mirrors | length > 0
    fail_msg: "{{ result.mirrors | map(attribute='reason') | join(' ') }}"

- name: See whether the mirrors in force have an image, and the same as Docker Hub
  pullthrough.docker.registry_mirrors_health_info:
    images:
      - alpine
    hub: true
"""

RETURN = r"""
usable_mirrors:
  description: URLs of the mirrors from which the engine can pull, as the engine shows them.
  returned: always
  type: list
  elements: str
  sample: ["https://mirror.gcr.io/"]
mirrors:
  description: What each mirror said.
  returned: always
  type: list
  elements: dict
  contains:
    url:
      description: Its URL, as the engine shows it.
      type: str
      sample: https://mirror.gcr.io/
    usable:
      description: Whether it answers as a registry from which anyone may pull.
      type: bool
      sample: true
    reason:
      description: Why it cannot be used, or which question after that had no answer, or V(null).
      type: str
    failed_at:
      description: One of V(dns), V(tcp), V(proxy), V(tls), V(http), V(token), or V(null).
      type: str
    silent:
      description: Whether it did not answer at all, so that an engine would wait for it.
      type: bool
      sample: false
    proxy:
      description: The engine's proxy that was used, its user masked, or V(null).
      type: str
    addresses:
      description: Addresses of its name; with a proxy, of the proxy's.
      type: list
      elements: str
      sample: ["142.250.180.82"]
    tls:
      description: How the connection is encrypted, or V(null) where it is not, or was not reached.
      type: dict
      contains:
        version:
          description: Version of TLS.
          type: str
          sample: TLSv1.3
        verified:
          description: Whether the engine verifies the certificate; not that of an insecure registry, or of one on the host itself.
          type: bool
          sample: true
        not_after:
          description: When the certificate ends, in UTC, or V(null) where it is not verified.
          type: str
          sample: Jan 12 08:37:05 2027 GMT
        days_left:
          description: Whole days until then.
          type: int
          sample: 48
        certificates:
          description: The files with CAs and client certificates that were used besides the system's.
          type: list
          elements: str
          sample: ["/etc/docker/certs.d/cache.example:5000/pullthrough-docker.crt"]
    status:
      description: HTTP status of C(/v2/), or V(null).
      type: int
      sample: 401
    authentication:
      description:
        - How it wants to be asked, V(bearer) for a token, V(basic) for a user and password, or V(null) for neither.
        - It is V(digest), V(negotiate), V(ntlm) or V(other) for another scheme, and V(none) where the mirror names no scheme.
      type: str
      sample: bearer
    redirected_to:
      description: Where C(/v2/) was found in the end, without query, fragment and user, or V(null) where it was at once.
      type: str
    latency_ms:
      description: Milliseconds from the name to the first answer, connection included, or V(null).
      type: float
      sample: 41.7
    images:
      description: The images that were looked for.
      type: list
      elements: dict
      contains:
        image:
          description: The image as it was given.
          type: str
          sample: alpine
        cached:
          description: Whether the registry has it, or V(null) where that is not known.
          type: bool
          sample: true
        digest:
          description: Its digest, or V(null).
          type: str
          sample: sha256:4b7ce07002c69e8f3d704a9c5d6fd3053be500b7f1c69fc0d80990c2ad8dd412
        size:
          description: Bytes that its pull takes for the platform, or V(null); never known of Docker Hub, where that question would count.
          type: int
          sample: 3803452
        reason:
          description: Why it, or its size, is not known, or V(null).
          type: str
        same_as_hub:
          description: Of a mirror, whether Docker Hub has the same digest, or V(null) where it was not asked or one has none.
          type: bool
          sample: true
hub:
  description: What Docker Hub said, as for a mirror, or V(null) when it was not asked.
  returned: always
  type: dict
  contains:
    rate_limit:
      description: What it says of this host's limit, or V(null) when it says nothing.
      type: dict
      contains:
        limit:
          description: Pulls in the window.
          type: int
          sample: 100
        remaining:
          description: Pulls that are left.
          type: int
          sample: 87
        window_seconds:
          description: Length of the window, or V(null).
          type: int
          sample: 21600
        source:
          description: Whose limit it is, the host's address or a user's id, or V(null).
          type: str
          sample: 192.0.2.7
"""

from typing import Any, Dict, List

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pullthrough.docker.plugins.module_utils._change import report, snapshots
from ansible_collections.pullthrough.docker.plugins.module_utils._host import engine_api, engines, files
from ansible_collections.pullthrough.docker.plugins.module_utils._registry import images, probes
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import certs_d, mirror_url
from ansible_collections.pullthrough.docker.plugins.module_utils._text import masking


def ask(options: Dict[str, Any]) -> Dict[str, Any]:
    """The module's returns, and its warnings."""
    seen = snapshots.take(options["service"], options["path"], options["timeout"])
    mirrors: List[str]
    if options["mirrors"] is None:
        engines.refuse_roots(seen.engine)
    if options["mirrors"] is not None:
        mirrors = mirror_url.engine_list([mirror_url.declare(mirror) for mirror in options["mirrors"]])
    elif seen.in_force is not None:
        mirrors = seen.in_force
    else:
        configured, _warnings = report.report(seen)
        mirrors = configured["mirrors"] or []
    certs_d.check(options["ca_certificates"], mirrors)
    found, hub = probes.examine(
        mirrors,
        seen.engine,
        certificates=options["ca_certificates"],
        images=[images.parse(image) for image in options["images"]],
        platform=options["platform"] or images.platform_of_host(),
        hub=options["hub"],
        timeout=options["timeout"],
    )
    info = seen.engine.info
    return {
        "usable_mirrors": [result["url"] for result in found if result["usable"]],
        "mirrors": found,
        "hub": hub,
        "warnings": probes.complaints(found, info.image_store if info else None),
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "mirrors": {"type": "list", "elements": "str"},
            "images": {"type": "list", "elements": "str", "default": []},
            "platform": {"type": "str"},
            "hub": {"type": "bool", "default": False},
            "ca_certificates": {"type": "dict", "default": {}},
            "path": {"type": "path"},
            "service": {"type": "str", "default": "docker"},
            "timeout": {"type": "int", "default": 10},
        },
        supports_check_mode=True,
    )
    try:
        result = ask(module.params)
    except (files.FileError, mirror_url.MirrorUrlError, certs_d.CertificateError, images.ImageError, engine_api.Unreachable) as exc:
        module.fail_json(msg=masking.mask(str(exc), masking.MESSAGE_LIMIT))
    for warning in result.pop("warnings"):
        module.warn(warning)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
