# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.manifest import (
    find_secrets,
    read_definitions,
)
from ansible_collections.meshlab.istio.plugins.module_utils._manifests import ManifestError

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}}
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}}
NOTHING = {"definition": None, "content": None, "src": None}


def test_all_options_give_the_same_definitions(tmp_path):
    text = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n"
    (tmp_path / "web.yaml").write_text(text)
    for option in ({"definition": POD}, {"content": text}, {"src": f"{tmp_path}/web.yaml"}):
        assert read_definitions({**NOTHING, **option}) == [POD]


def test_manifest_without_objects_is_refused(tmp_path):
    with pytest.raises(ManifestError, match=r"^the manifest contains no objects"):
        read_definitions({**NOTHING, "content": "---\n"})
    (tmp_path / "empty.yaml").touch()
    with pytest.raises(ManifestError, match=r"empty\.yaml contains no objects"):
        read_definitions({**NOTHING, "src": f"{tmp_path}/empty.yaml"})


@pytest.mark.parametrize(("dest", "return_secrets"), [("web.yaml", False), (None, True)])
def test_secrets_require_dest_or_return_secrets(dest, return_secrets):
    params = {"namespace": "shop", "dest": None, "return_secrets": False}
    with pytest.raises(ManifestError, match=r"^the manifest contains Secret shop/db, whose values would be logged"):
        find_secrets(params, [POD, SECRET])
    assert find_secrets(params, [POD]) == []
    params.update(dest=dest, return_secrets=return_secrets)
    assert find_secrets(params, [POD, SECRET]) == ["Secret shop/db"]
