#!/usr/bin/python
# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: go_build
short_description: Build a Go program from a lock file, once
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - Builds one static program from a folder that holds C(go.mod) and C(go.sum), and keeps it in a cache under a key of
    everything that went into it (both files, the package, the linker flags, the Go version).
  - For machines without a container registry, where the lab's programs come as Go modules.
  - Go checks what it downloads against C(go.sum).
extends_documentation_fragment:
  - meshlab.istio.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: A program has no text to compare.
  idempotent:
    support: full
options:
  name:
    description: Name of the program's file.
    type: str
    required: true
  package:
    description: Import path of the program, or a path that begins with C(./) for a module whose source is in O(lock).
    type: str
    required: true
  lock:
    description:
      - Folder that holds C(go.mod) and C(go.sum).
      - If it holds a C(prepare.sh) too, that is run with Bash in a copy of the folder, kept in O(cache), and the
        program is built there. Its argument is the Go tool. It is for modules that come without their generated files.
    type: path
    required: true
  cache:
    description: Folder in which what was built is kept.
    type: path
    required: true
  ldflags:
    description: Flags for the linker, such as C(-X) for a version. C(-s -w) is always there.
    type: str
    default: ""
  go:
    description: The Go tool, a name in E(PATH) or a path.
    type: str
    default: go
"""

EXAMPLES = r"""
- name: Build kind from its module
  meshlab.istio.go_build:
    name: kind
    package: sigs.k8s.io/kind
    lock: "{{ role_path }}/files/locks/kind-0.33"
    cache: ~/.cache/meshlab
  register: kind
"""

RETURN = r"""
path:
  description: The program. In check mode, where it would be.
  returned: success
  type: str
  sample: /home/me/.cache/meshlab/go/kind-7bd0b0e6f16b36b1c1f2/kind
key:
  description: Key of what went into the program.
  returned: success
  type: str
  sample: 7bd0b0e6f16b36b1c1f2
elapsed:
  description: Time that building took, in seconds. V(0) if the program was there.
  returned: success
  type: float
  sample: 30.2
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.meshlab.istio.plugins.module_utils._build.go_build import GoBuild, GoError


def main():
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "package": {"type": "str", "required": True},
            "lock": {"type": "path", "required": True},
            "cache": {"type": "path", "required": True},
            "ldflags": {"type": "str", "default": ""},
            "go": {"type": "str", "default": "go"},
        },
        supports_check_mode=True,
    )
    try:
        program = GoBuild(**module.params)
        changed = not program.is_built()
        seconds = program.build() if changed and not module.check_mode else 0.0
    except GoError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=changed, path=program.path, key=program.key, elapsed=round(seconds, 1))


if __name__ == "__main__":
    main()
