# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of istio_kube_inject: inputs, the three files in config_dir, and dest."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.meshlab.istio.plugins.module_utils._manifests import ManifestError, diff_texts, holds


def read_text(path: str, option: str, errors: str = "strict") -> str:
    """Return the text of a file. Raises ManifestError that names the option."""
    try:
        with open(path, encoding="utf-8-sig", errors=errors, newline="") as source:
            return source.read()
    except OSError as error:
        raise ManifestError(f"{option} {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ManifestError(f"{option} {path}: not UTF-8, see byte {error.start}") from error


def check_places(config_dir: str | None, dest: str | None) -> None:
    """Raise ManifestError if config_dir cannot be created or dest cannot be written."""
    if config_dir:
        _check_config_dir(config_dir)
    if dest:
        _check_dest(dest, config_dir)


def _check_config_dir(config_dir):
    parent = os.path.abspath(config_dir)
    while not os.path.lexists(parent):
        parent = os.path.dirname(parent)
    if not os.path.isdir(parent):
        raise ManifestError(f"config_dir {config_dir}: {parent} is not a directory")
    if not os.path.isdir(config_dir) and not os.access(parent, os.W_OK | os.X_OK):
        raise ManifestError(f"config_dir {config_dir}: no permission to create it in {parent}")


def _check_dest(dest, config_dir):
    path = os.path.realpath(dest)
    if os.path.isdir(path):
        raise ManifestError(f"dest {dest} must be a file, but is a directory")
    # dest may be in config_dir, which is created first.
    created = f"{os.path.realpath(config_dir)}/" if config_dir else ""
    if not os.path.isdir(os.path.dirname(path)) and not created.startswith(f"{os.path.dirname(path)}/"):
        raise ManifestError(f"dest {dest}: the parent directory does not exist")


def stage_configuration(
    module: AnsibleModule, texts: Mapping[str, str]
) -> tuple[list[str], dict[str, str], dict[str, Any]]:
    """Write the texts that differ from the files in config_dir to temporary files, for istioctl.

    texts: {file name: text}. Returns the paths of all files, {path in config_dir: temporary path}, and the module's
    results.
    """
    paths: list[str] = []
    temporary: dict[str, str] = {}
    result: dict[str, Any] = {"config_files": [], "changed": False, "diff": []}
    for name, text in texts.items():
        path = os.path.join(module.params["config_dir"], name)
        result["config_files"].append(path)
        before = read_text(path, "config_dir") if os.path.exists(path) else None
        if text != before:
            result["changed"] = True
            result["diff"].append({"before": before or "", "after": text, "before_header": path, "after_header": path})
            temporary[path] = _temporary_file(module, text)
        paths.append(temporary.get(path, path))
    return paths, temporary, result


def keep_configuration(module: AnsibleModule, temporary: Mapping[str, str]) -> None:
    """Move the temporary files into config_dir, which is created if it does not exist.

    temporary: {path in config_dir: temporary path}. Raises ManifestError if config_dir cannot be created.
    """
    config_dir = module.params["config_dir"]
    try:
        os.makedirs(config_dir, exist_ok=True)
    except OSError as error:
        raise ManifestError(f"config_dir {config_dir}: {error.strerror}") from error
    for path, source in temporary.items():
        module.atomic_move(source, os.path.realpath(path), unsafe_writes=module.params["unsafe_writes"])


def _temporary_file(module, text):
    """Create a file with this text that is removed when the module ends, and return its path."""
    handle, path = tempfile.mkstemp(dir=module.tmpdir)
    module.add_cleanup_file(path)
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as target:
        target.write(text)
    return path


def write_dest(module: AnsibleModule, definitions: list[dict[str, Any]], content: str, private: bool) -> dict[str, Any]:
    """Write content to dest unless it already contains these definitions, and return the module's results.

    private: whether a new file gets mode 0600, as for Secrets. Check mode only compares.
    """
    dest = os.path.realpath(module.params["dest"])
    before = read_text(dest, "dest", errors="replace") if os.path.exists(dest) else ""
    changed = not holds(before, definitions)
    result: dict[str, Any] = {"dest": module.params["dest"]}
    if changed and not module.check_mode:
        if module.params["backup"] and os.path.exists(dest):
            result["backup_file"] = module.backup_local(dest)
        _replace(module, dest, content, private)
    attributes: dict[str, Any] = {}
    if os.path.exists(dest):
        wanted = module.load_file_common_arguments(module.params, path=dest)
        result["changed"] = module.set_fs_attributes_if_different(wanted, changed, attributes)
    else:
        result["changed"] = changed
    if module._diff:
        earlier, later = diff_texts(before, definitions)
        result["diff"] = [{"before": earlier, "after": later, "before_header": dest, "after_header": dest}]
        if attributes:
            result["diff"].append(attributes)
    return result


def _replace(module, dest, content, private):
    """Replace dest atomically."""
    temporary = _temporary_file(module, content)
    umask = os.umask(0o077) if private and not os.path.exists(dest) else None
    try:
        module.atomic_move(temporary, dest, unsafe_writes=module.params["unsafe_writes"])
    finally:
        if umask is not None:
            os.umask(umask)
