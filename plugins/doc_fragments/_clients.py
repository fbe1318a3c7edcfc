# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Notes of the modules for image clients other than the engine. This fragment is private to the collection."""

from __future__ import annotations


class ModuleDocFragment:
    """Whose clients, and what the rules come from."""

    DOCUMENTATION = r"""
options: {}
notes:
  - The user who runs the task selects the files. Root selects those in C(/etc/containers), any other user those in
    C(~/.config/containers). Use C(become) accordingly.
  - The module does not run Podman or another client. It reads their files by their rules, of Podman 4 and 5 and of
    Podman 6. The rules of Podman 6 were read in its source and not tried. The host needs only Python.
  - Environment variables such as C(CONTAINERS_REGISTRIES_CONF) can make a single command read another file.
"""
