#!/usr/bin/python
# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: go_build
short_description: Build a Go program with pinned modules and cache it
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - Builds a static program with the C(go.mod) and C(go.sum) in O(lock_dir) and caches it. The key in the cache covers
    all inputs, such as these files, the package, the linker flags and the Go version.
  - For machines without a container registry, where the lab's programs are available as Go modules.
  - Go verifies all downloads by C(go.sum).
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
    description: File name of the program.
    type: str
    required: true
  package:
    description: Import path of the program, or a path that begins with C(./) for a module in O(lock_dir).
    type: str
    required: true
  lock_dir:
    description:
      - Directory of C(go.mod) and C(go.sum).
      - If it contains a script C(prepare.sh), Bash runs it with the Go tool as its argument in a copy of the directory
        in O(cache_dir), and the program is built there. The script generates source files that the module lacks.
    type: path
    required: true
  cache_dir:
    description: Directory for the built programs.
    type: path
    required: true
  ldflags:
    description: Linker flags, such as C(-X) for a version, in addition to C(-s -w).
    type: str
    default: ""
  go:
    description: Go tool, as a name in E(PATH) or a path.
    type: str
    default: go
"""

EXAMPLES = r"""
- name: Build kind from its Go module
  meshlab.istio.go_build:
    name: kind
    package: sigs.k8s.io/kind
    lock_dir: "{{ role_path }}/files/locks/kind-0.33"
    cache_dir: ~/.cache/meshlab
  register: kind
"""

RETURN = r"""
path:
  description: Path of the program, also in check mode.
  returned: success
  type: str
  sample: /home/me/.cache/meshlab/go/kind-7bd0b0e6f16b36b1c1f2/kind
key:
  description: Key of the inputs.
  returned: success
  type: str
  sample: 7bd0b0e6f16b36b1c1f2
elapsed:
  description: Build time in seconds. V(0) if the program was already in the cache.
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
            "lock_dir": {"type": "path", "required": True},
            "cache_dir": {"type": "path", "required": True},
            "ldflags": {"type": "str", "default": ""},
            "go": {"type": "str", "default": "go"},
        },
        supports_check_mode=True,
    )
    try:
        program = GoBuild(**module.params)
        changed = not program.is_built()
        elapsed = program.build() if changed and not module.check_mode else 0.0
    except GoError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=changed, path=program.path, key=program.key, elapsed=round(elapsed, 1))


if __name__ == "__main__":
    main()
