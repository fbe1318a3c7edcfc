#!/usr/bin/python
# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_mirrors_health_info
short_description: Check from the host whether its engine can pull through registry mirrors
version_added: 0.3.0
description:
  - Checks what the host's engine does with each mirror, over the route that it would use. The steps are DNS, the
    engine's proxy, TLS with the system's CAs and those in C(certs.d), a token if the mirror requires one, and the
    manifest of an image. They are those of the engine's image store and version.
  - Where possible, the engine itself is asked too. It then asks the mirror for the manifest of the first image. This
    needs a running Docker Engine 25.0 or later, and a mirror with C(https) and without a path, or an insecure one with
    C(http).
  - For images, returns whether the mirror has them, their digest and size, and whether Docker Hub has the same digest.
  - All mirrors are checked at once, within one time limit. The module does not fail if a mirror cannot be used. It
    warns, and returns the reason.
  - Changes nothing on the host, pulls nothing and starts nothing.
options:
  mirrors:
    description:
      - URLs of the mirrors.
      - If not set, the mirrors in force are checked, or the configured ones if no engine runs.
    type: list
    elements: str
  images:
    description:
      - Images of Docker Hub to look for, such as V(alpine) or V(grafana/grafana:12.0.0). They decide the verdict.
      - If none is given, V(alpine) is looked for. A mirror that does not have it is judged by its answer to C(/v2/).
      - A pull-through cache has every image of Docker Hub that it can fetch. Looking for an image makes the cache fetch
        the image's manifest and configuration, but none of its layers. Layers are not checked.
    type: list
    elements: str
    default: []
  platform:
    description:
      - The platform for which the size of an image is returned, such as V(linux/amd64) or V(linux/arm/v7).
      - If not set, the platform of the host.
    type: str
  hub:
    description:
      - Whether to ask Docker Hub for the same images, and for what is left of this host's rate limit.
      - These requests do not count against the rate limit.
    type: bool
    default: false
  ca_certificates:
    description:
      - CA certificates that the engine does not have yet, as in M(pullthrough.docker.registry_mirrors). With them,
        mirrors can be checked before they are configured.
      - The keys are C(host) or C(host:port) as in the URLs of the mirrors that are checked.
      - The values are texts in PEM.
    type: dict
    default: {}
author:
  - The pullthrough.docker authors (@pullthrough)
extends_documentation_fragment:
  - pullthrough.docker._engine
  - pullthrough.docker._attributes
  - pullthrough.docker._attributes.info_module
  - pullthrough.docker._attributes.action_group
notes:
  - O(timeout) applies to the engine's answer, and again to all registries together.
  - The engine's proxies are known only while it runs. If no engine runs, the mirrors are asked without a proxy, as an
    engine of each image store would ask them.
seealso:
  - module: pullthrough.docker.registry_mirrors_info
"""

EXAMPLES = r"""
- name: Check a mirror before it is used
  pullthrough.docker.registry_mirrors_health_info:
    mirrors:
      - https://mirror.gcr.io
  register: result

- name: Stop if no mirror can be used
  ansible.builtin.assert:
    that: result.usable_mirrors | length > 0
    fail_msg: "{{ result.mirrors | map(attribute='reason') | join(' ') }}"

- name: Check whether the mirrors in force have the same image as Docker Hub
  pullthrough.docker.registry_mirrors_health_info:
    images:
      - alpine
    hub: true
"""

RETURN = r"""
usable_mirrors:
  description: URLs of the mirrors that the engine can pull through, as the engine shows them.
  returned: always
  type: list
  elements: str
  sample: ["https://mirror.gcr.io/"]
mirrors:
  description: The result for each mirror.
  returned: always
  type: list
  elements: dict
  contains:
    url:
      description: Its URL, as the engine shows it.
      type: str
      sample: https://mirror.gcr.io/
    verdict:
      description:
        - What the engine does with the mirror. V(used) means that it pulls through it.
        - V(not_used) means that it goes on to the next mirror, and then to Docker Hub.
        - V(breaks_pulls) means that pulls fail, although Docker Hub has the image. This happens with the containerd
          image store if a mirror answers with success and wrongly, for example with a login page.
        - V(null) means that it is not known. The engine could not be asked, and it may do what this check cannot, or
          wait longer. If no engine runs, it is also V(null) if the image stores differ.
      type: str
      sample: used
      version_added: 0.4.0
    usable:
      description:
        - Whether the engine pulls through it. It is V(true) if RV(mirrors[].verdict) is V(used), and V(false) if it is
          V(not_used) or V(breaks_pulls).
        - Since 0.4.0, it is V(null) if that is not known.
      type: bool
      sample: true
    reason:
      description: The reason of a verdict other than V(used), or why a later request got no answer, or V(null).
      type: str
    failed_at:
      description: The step that failed. V(dns), V(tcp), V(proxy), V(tls), V(http), V(token), or V(null).
      type: str
    silent:
      description: Whether it did not answer at all. An engine would then wait for it.
      type: bool
      sample: false
    proxy:
      description: The engine's proxy that was used, with its user masked, or V(null).
      type: str
    addresses:
      description: The addresses of its name, or of the proxy's name if there is a proxy.
      type: list
      elements: str
      sample: ["142.250.180.82"]
    tls:
      description: The encryption of the connection, or V(null) if it is not encrypted or was not reached.
      type: dict
      contains:
        version:
          description: Version of TLS.
          type: str
          sample: TLSv1.3
        verified:
          description:
            - Whether the engine verifies the certificate.
            - It does not for an insecure registry, or for a mirror on the host itself.
          type: bool
          sample: true
        not_after:
          description: When the certificate expires, in UTC, or V(null) if it is not verified.
          type: str
          sample: Jan 12 08:37:05 2027 GMT
        days_left:
          description: Full days until the certificate expires, or V(null) if it is not verified.
          type: int
          sample: 48
        certificates:
          description: The files with CAs and client certificates that were used in addition to the system's CAs.
          type: list
          elements: str
          sample: ["/etc/docker/certs.d/cache.example:5000/pullthrough-docker.crt"]
    status:
      description: HTTP status of C(/v2/), or V(null).
      type: int
      sample: 401
    authentication:
      description:
        - The authentication that it requires. V(bearer) is a token, V(basic) a user and password, V(null) none.
        - V(digest), V(negotiate), V(ntlm) or V(other) is another scheme. V(none) means that the mirror requires
          authentication but names no scheme.
      type: str
      sample: bearer
    redirected_to:
      description: Where C(/v2/) redirects to, without query, fragment and user, or V(null) if it does not redirect.
      type: str
    latency_ms:
      description: Milliseconds until the first answer, with name resolution and connection, or V(null).
      type: float
      sample: 41.7
    images:
      description: The result for each image.
      type: list
      elements: dict
      contains:
        image:
          description: The image as given in the task.
          type: str
          sample: alpine
        verdict:
          description: What the engine does with the mirror for this image, as in RV(mirrors[].verdict).
          type: str
          sample: used
          version_added: 0.4.0
        cached:
          description: Whether the registry has the image, or V(null) if that is not known.
          type: bool
          sample: true
        digest:
          description: Its digest, or V(null).
          type: str
          sample: sha256:4b7ce07002c69e8f3d704a9c5d6fd3053be500b7f1c69fc0d80990c2ad8dd412
        size:
          description:
            - Bytes that a pull of the image downloads for the platform, or V(null).
            - Always V(null) for Docker Hub, where the request for it would count.
          type: int
          sample: 3803452
        reason:
          description: Why the image or its size is not known, or V(null).
          type: str
        same_as_hub:
          description:
            - Whether Docker Hub has the same digest. It is returned for mirrors only.
            - V(null) if Docker Hub was not asked, or if one of the two has no digest.
          type: bool
          sample: true
hub:
  description: The result for Docker Hub, with the same keys as for a mirror, or V(null) if it was not asked.
  returned: always
  type: dict
  contains:
    rate_limit:
      description: This host's rate limit as Docker Hub reports it, or V(null) if it reports none.
      type: dict
      contains:
        limit:
          description: Pulls that are allowed in the window.
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
          description: Whose limit it is, as the host's address or a user's id, or V(null).
          type: str
          sample: 192.0.2.7
"""

from typing import Any, Dict, List, Optional

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pullthrough.docker.plugins.module_utils._change import guards, report, snapshots
from ansible_collections.pullthrough.docker.plugins.module_utils._change.refusal import Refused
from ansible_collections.pullthrough.docker.plugins.module_utils._host import engine_api, files
from ansible_collections.pullthrough.docker.plugins.module_utils._host.host import Host
from ansible_collections.pullthrough.docker.plugins.module_utils._registry import images, probes
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import ca_certificates, certs_d, mirror_url
from ansible_collections.pullthrough.docker.plugins.module_utils._text import masking


def check(options: Dict[str, Any], host: Host) -> Dict[str, Any]:
    """Check the mirrors, and return the result of the module, with its warnings."""
    snapshot = snapshots.take(host, options["service"], options["path"], options["timeout"])
    mirrors = _mirrors(options["mirrors"], snapshot)
    ca_certificates.check(options["ca_certificates"], mirrors)
    reports, hub = probes.examine(
        mirrors,
        snapshot.engine,
        certificates=options["ca_certificates"],
        certs_folder=host.certs_folder(),
        images=[images.parse(image) for image in options["images"]],
        platform=options["platform"] or images.platform_of_host(),
        hub=options["hub"],
        timeout=options["timeout"],
        ask_engine=host.ask_registry,
    )
    info = snapshot.engine.info
    return {
        "usable_mirrors": [result["url"] for result in reports if result["usable"]],
        "mirrors": reports,
        "hub": hub,
        "warnings": probes.complaints(reports, info.image_store if info else None),
    }


def _mirrors(urls: Optional[List[str]], snapshot: snapshots.Snapshot) -> List[str]:
    """Return the mirrors to check: those of the task, else those in force, else the configured ones."""
    if urls is not None:
        return mirror_url.engine_list([mirror_url.declare(url) for url in urls])
    guards.refuse_roots_engine(snapshot)
    if snapshot.in_force is not None:
        return snapshot.in_force
    return report.configured(snapshot) or []


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
        result = check(module.params, Host(module))
    except (
        files.FileError,
        Refused,
        mirror_url.MirrorUrlError,
        certs_d.CertificateError,
        images.ImageError,
        engine_api.Unreachable,
    ) as exc:
        module.fail_json(msg=masking.mask(str(exc), masking.MESSAGE_LIMIT))
    for warning in result.pop("warnings"):
        module.warn(warning)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
