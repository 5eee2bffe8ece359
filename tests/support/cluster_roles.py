"""Print every way to run a role that talks to a cluster, as JSON: [{role, entry_point, state}].

Those are the roles with an option <role>_kubeconfig in their argument specs.
"""

from __future__ import annotations

import json
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]


def runs():
    """Each role with each entry point and each state that it has."""
    for path in sorted(ROOT.glob("roles/*/meta/argument_specs.yml")):
        role = path.parent.parent.name
        for entry_point, spec in yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"].items():
            options = spec.get("options", {})
            if f"{role}_kubeconfig" in options:
                for state in options.get(f"{role}_state", {}).get("choices", ["present"]):
                    yield {"role": role, "entry_point": entry_point, "state": state}


if __name__ == "__main__":
    print(json.dumps(list(runs())))
