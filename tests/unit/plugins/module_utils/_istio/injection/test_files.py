# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection import files as subject
from ansible_collections.meshlab.istio.plugins.module_utils._manifests import ManifestError


@pytest.mark.parametrize(
    ("config_dir", "dest", "message"),
    [
        (None, "", "dest  must be a file, but is a directory"),
        (None, "nowhere/web.yaml", "dest nowhere/web.yaml: the parent directory does not exist"),
        ("lab", "lab/below/web.yaml", "dest lab/below/web.yaml: the parent directory does not exist"),
        ("file/lab", None, "config_dir file/lab: /file is not a directory"),
        ("file", None, "config_dir file: /file is not a directory"),
    ],
)
def test_unusable_paths_are_refused(tmp_path, config_dir, dest, message):
    (tmp_path / "file").touch()
    config_dir, dest = (x if x is None else os.path.join(tmp_path, x) for x in (config_dir, dest))
    with pytest.raises(ManifestError) as refused:
        subject.check_places(config_dir, dest)
    assert str(refused.value).replace(f"{tmp_path}/file is", "/file is").replace(f"{tmp_path}/", "") == message


def test_config_dir_without_permission_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, _mode: path != str(tmp_path))  # root may write everywhere
    with pytest.raises(ManifestError, match="no permission to create it in"):
        subject.check_places(f"{tmp_path}/lab", None)


@pytest.mark.parametrize(
    ("config_dir", "dest"), [(None, None), ("lab/of/mine", None), ("lab/of/mine", "lab/web.yaml"), (None, "web.yaml")]
)
def test_usable_paths_are_accepted_and_not_created(tmp_path, config_dir, dest):
    subject.check_places(*(x and f"{tmp_path}/{x}" for x in (config_dir, dest)))
    assert list(tmp_path.iterdir()) == []


def test_unreadable_file_is_named_with_its_option(tmp_path):
    with pytest.raises(ManifestError, match=r"^src .*/nowhere: No such file or directory$"):
        subject.read_text(f"{tmp_path}/nowhere", "src")
    (tmp_path / "binary").write_bytes(b"a: \xff")
    with pytest.raises(ManifestError, match=r"^src .*/binary: not UTF-8, see byte 3$"):
        subject.read_text(f"{tmp_path}/binary", "src")
    assert subject.read_text(f"{tmp_path}/binary", "dest", errors="replace") == "a: \ufffd"


def test_only_files_that_differ_are_staged(tmp_path):
    module = SimpleNamespace(params={"config_dir": f"{tmp_path}"}, tmpdir=None, add_cleanup_file=lambda _path: None)
    (tmp_path / "same").write_text("S")
    paths, temporary, result = subject.stage_configuration(module, {"same": "S", "new": "N"})
    assert paths == [f"{tmp_path}/same", temporary[f"{tmp_path}/new"]]
    with open(paths[1], encoding="utf-8") as staged:
        assert staged.read() == "N"
    os.unlink(paths[1])
    assert (result["changed"], [x["after"] for x in result["diff"]]) == (True, ["N"])
    assert result["config_files"] == [f"{tmp_path}/same", f"{tmp_path}/new"]


def test_config_dir_that_cannot_be_created_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ManifestError, match=r"^config_dir .*/file/lab: Not a directory$"):
        subject.keep_configuration(SimpleNamespace(params={"config_dir": f"{tmp_path}/file/lab"}), {})
