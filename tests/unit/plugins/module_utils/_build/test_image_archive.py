# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
import hashlib
import io
import json
import os
import random
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.meshlab.istio.plugins.module_utils._build import image_archive as subject
from ansible_collections.meshlab.istio.plugins.module_utils._build.image_archive import ImageError
from ansible_collections.meshlab.istio.plugins.modules.image_archive import with_octal_modes

TAGS = ["docker.io/meshlab/hello:1", "localhost/hello:1"]
CONFIG = {"Entrypoint": ["/bin/hello"], "Env": ["PATH=/bin"], "Labels": {"a": "b"}}


def layer_bytes(**parts):
    target = io.BytesIO()
    subject.write_layer(target, **parts)
    return target.getvalue()


def members(layer):
    """The members of a tar in their order, as (name, type, mode, uid, gid, content or target)."""
    found = []
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        for entry in tar:
            assert (entry.mtime, entry.uname, entry.gname) == (0, "", ""), entry
            content_or_target = tar.extractfile(entry).read() if entry.isfile() else entry.linkname
            found.append((entry.name, entry.type, oct(entry.mode), entry.uid, entry.gid, content_or_target))
    return found


@pytest.fixture
def parts(tmp_path):
    """Layers of every kind from real files."""
    (tmp_path / "hello").write_bytes(b"\x7fELF" + bytes(range(256)))
    with tarfile.open(tmp_path / "base.tar", "w") as tar:
        tar.add(tmp_path / "hello", "usr/bin/hello")
    return [
        {"tar": str(tmp_path / "base.tar")},
        {
            "files": [
                {"src": str(tmp_path / "hello"), "dest": "/bin/hello", "mode": 0o755},
                {"content": "täxt\n", "dest": "/etc/conf", "mode": 0o600},
            ],
            "links": [{"dest": "/bin/hi", "target": "hello"}],
            "directories": [{"path": "/tmp", "mode": 0o1777}, {"path": "/var/lib/me", "uid": 1337, "gid": 1338}],
        },
    ]


def written(tmp_path, layers, name="image.tar", **rest):
    path = tmp_path / "images" / name
    subject.write_image(str(path), TAGS, CONFIG, layers, **rest)
    return path


# ---- layers ----


def test_layer_has_directories_before_their_content(parts):
    assert members(layer_bytes(**parts[1])) == [
        ("tmp", tarfile.DIRTYPE, "0o1777", 0, 0, ""),
        ("var", tarfile.DIRTYPE, "0o755", 0, 0, ""),
        ("var/lib", tarfile.DIRTYPE, "0o755", 0, 0, ""),
        ("var/lib/me", tarfile.DIRTYPE, "0o755", 1337, 1338, ""),
        ("bin", tarfile.DIRTYPE, "0o755", 0, 0, ""),
        ("bin/hello", tarfile.REGTYPE, "0o755", 0, 0, b"\x7fELF" + bytes(range(256))),
        ("etc", tarfile.DIRTYPE, "0o755", 0, 0, ""),
        ("etc/conf", tarfile.REGTYPE, "0o600", 0, 0, "täxt\n".encode()),
        ("bin/hi", tarfile.SYMTYPE, "0o777", 0, 0, "hello"),
    ]


def test_mode_of_a_directory_does_not_depend_on_order_and_slashes():
    content = layer_bytes(
        directories=[{"path": "/a/b/"}, {"path": "a", "mode": 0o700}], files=[{"content": "", "dest": "a/c"}]
    )
    assert [(x[0], x[2]) for x in members(content)] == [("a", "0o700"), ("a/b", "0o755"), ("a/c", "0o755")]


def test_file_without_a_mode_is_executable():
    assert [x[2] for x in members(layer_bytes(files=[{"content": "x", "dest": "/x", "mode": None}]))] == ["0o755"]


def test_missing_source_is_named(tmp_path):
    with pytest.raises(ImageError, match=f"^cannot add {tmp_path}/gone to the image: No such file"):
        layer_bytes(files=[{"src": str(tmp_path / "gone"), "dest": "/x"}])


NAMES = st.text("ab.-é ", min_size=1, max_size=3).filter(lambda x: x.strip(".") == x and x.strip() == x)


@given(
    st.dictionaries(st.lists(NAMES, min_size=1, max_size=3).map("/".join), st.text(max_size=5), max_size=5),
    st.randoms(use_true_random=False),
)
def test_layers_have_the_given_content_in_any_order(contents, random_order):
    # No path is both a file and a directory.
    contents = {x: y for x, y in contents.items() if not any(other.startswith(f"{x}/") for other in contents)}
    files = [{"dest": random_order.choice(["/", ""]) + dest, "content": text} for dest, text in contents.items()]
    content = layer_bytes(files=files)
    assert {x[0]: x[5].decode() for x in members(content) if x[1] == tarfile.REGTYPE} == contents
    names = [x[0] for x in members(content)]
    assert len(names) == len(set(names))
    for name in names:
        assert "/" not in name or name.rpartition("/")[0] in names[: names.index(name)]
    random_order.shuffle(files)
    assert layer_bytes(files=files) == content


# ---- images ----


def test_image_has_the_format_of_docker_archives(tmp_path, parts):
    path = written(tmp_path, parts)
    with tarfile.open(path) as tar:
        names = tar.getnames()
        assert names[0] == "manifest.json"
        content = {x.name: tar.extractfile(x).read() for x in tar}
    (manifest,) = json.loads(content["manifest.json"])
    assert manifest["RepoTags"] == TAGS
    config = content[manifest["Config"]]
    assert manifest["Config"] == hashlib.sha256(config).hexdigest() + ".json"
    assert subject.image_id(path) == "sha256:" + hashlib.sha256(config).hexdigest()
    config = json.loads(config)
    assert (config["os"], config["architecture"], config["config"]) == ("linux", "amd64", CONFIG)
    assert len(config["history"]) == 2
    diff_ids = config["rootfs"]["diff_ids"]
    assert manifest["Layers"] == [f"{x.partition(':')[2]}.tar" for x in diff_ids]
    assert diff_ids == [f"sha256:{hashlib.sha256(content[x]).hexdigest()}" for x in manifest["Layers"]]
    assert content[manifest["Layers"][0]] == (tmp_path / "base.tar").read_bytes()
    assert content[manifest["Layers"][1]] == layer_bytes(**parts[1])
    assert len(names) == 4


def test_same_parts_give_the_same_bytes(tmp_path, parts):
    first = written(tmp_path, parts)
    os.utime(tmp_path / "hello", (1, 1))
    os.chmod(tmp_path / "hello", 0o600)
    again = copy.deepcopy(parts)
    for kind in again[1].values():
        random.Random(3).shuffle(kind)
    assert written(tmp_path, again, "again.tar").read_bytes() == first.read_bytes()
    assert written(tmp_path, parts, "arm.tar", architecture="arm64").read_bytes() != first.read_bytes()


def test_repeated_layer_is_stored_once(tmp_path, parts):
    path = written(tmp_path, [parts[0], parts[1], parts[0]])
    with tarfile.open(path) as tar:
        layers = json.load(tar.extractfile("manifest.json"))[0]["Layers"]
        assert len(layers) == 3 and layers[0] == layers[2]
        assert sorted(tar.getnames()[2:]) == sorted(set(layers))


@pytest.mark.parametrize("broken", ["file", "tar", "directory"])
def test_incomplete_image_is_not_written(tmp_path, parts, broken):
    path = written(tmp_path, parts)
    before = path.read_bytes()
    (tmp_path / "directory.tar").mkdir()
    last = {
        "file": {"files": [{"src": str(tmp_path / "gone"), "dest": "/x"}]},
        "tar": {"tar": str(tmp_path / "gone.tar")},
        "directory": {"tar": str(tmp_path / "directory.tar")},
    }[broken]
    with pytest.raises(ImageError, match=r"gone|directory.tar is not a file"):
        written(tmp_path, [*parts, last])
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["image.tar"]


def test_interrupted_write_leaves_no_file(tmp_path, parts, monkeypatch):
    def interrupt(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr(subject.os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        written(tmp_path, parts)
    assert os.listdir(tmp_path / "images") == []


@pytest.mark.parametrize("content", [b"", b"no tar", None])
def test_id_of_an_incomplete_archive(tmp_path, parts, content):
    path = written(tmp_path, parts)
    path.write_bytes(path.read_bytes()[:700] if content is None else content)
    with pytest.raises(ImageError, match=f"^{path} is not a complete image archive .*: remove it and run again$"):
        subject.image_id(path)


def test_id_of_another_tar(tmp_path, parts):
    with pytest.raises(ImageError, match=r"base.tar is not a complete image archive"):
        subject.image_id(parts[0]["tar"])


# ---- keys and parts ----


def test_key_depends_on_every_input(tmp_path, parts):
    keys = []

    def add(change=None, **changes):
        recipe = {"tags": TAGS, "config": CONFIG, "layers": copy.deepcopy(parts), "architecture": "amd64", **changes}
        if change:
            change(recipe["layers"])
        keys.append(subject.recipe_key(**recipe))

    add()
    add(tags=TAGS[:1])
    add(config={**CONFIG, "User": "1337"})
    add(architecture="arm64")
    add(lambda x: x.pop(0))
    add(lambda x: x.reverse())
    add(lambda x: x[1]["files"][0].update(dest="/bin/other"))
    add(lambda x: x[1]["files"][0].update(mode=0o700))
    add(lambda x: x[1]["files"][1].update(content="other"))
    add(lambda x: x[1]["files"].pop())
    add(lambda x: x[1]["links"][0].update(target="other"))
    add(lambda x: x[1]["directories"][0].update(mode=0o755))
    add(lambda x: x[1]["directories"][1].update(uid=0))
    (tmp_path / "hello").write_bytes(b"other")
    add()
    with open(parts[0]["tar"], "ab") as target:
        target.write(b"\0")
    add()
    assert len(set(keys)) == len(keys)


def test_key_does_not_depend_on_paths_times_and_order(tmp_path, parts):
    before = subject.recipe_key(TAGS, CONFIG, parts, "amd64")
    os.utime(tmp_path / "hello", (1, 1))
    os.rename(tmp_path / "hello", tmp_path / "moved")
    parts[1]["files"][0]["src"] = str(tmp_path / "moved")
    for kind in parts[1].values():
        kind.reverse()
    assert subject.recipe_key(TAGS[::-1], dict(reversed(CONFIG.items())), parts, "amd64") == before


def test_key_with_a_missing_source(tmp_path):
    with pytest.raises(ImageError, match=f"^cannot read {tmp_path}/gone for the image: No such file"):
        subject.recipe_key(TAGS, CONFIG, [{"files": [{"src": str(tmp_path / "gone"), "dest": "/x"}]}], "amd64")


def test_missing_parts_are_named(tmp_path, parts):
    assert subject.missing_parts(parts) == []
    os.unlink(tmp_path / "hello")
    os.unlink(parts[0]["tar"])
    assert subject.missing_parts([*parts, {"files": None, "links": None}]) == [parts[0]["tar"], str(tmp_path / "hello")]


def test_modes_are_octal():
    layers = [
        {"files": [{"mode": "0755"}, {"mode": "644"}], "directories": [{"mode": "01777"}]},
        {"tar": "x", "files": None},
    ]
    converted = with_octal_modes(layers)
    assert [x["mode"] for x in converted[0]["files"] + converted[0]["directories"]] == [0o755, 0o644, 0o1777]


@pytest.mark.parametrize("mode", ["0788", "rwx", "", "u=rw"])
def test_mode_that_is_not_octal(mode):
    with pytest.raises(ImageError, match=f"^mode '{mode}' is not an octal number such as '0755'$"):
        with_octal_modes([{"directories": [{"mode": mode}]}])
