# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes container images as docker-archive files, for `docker load`, `podman load` and `kind load`, without an engine.

Format: Docker Image Specification v1.2, "combined image JSON".
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import stat
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from typing import IO, Any

# A fixed time, so that the same content gives the same bytes and image ID.
EPOCH = 0
CREATED = "1970-01-01T00:00:00Z"
CHUNK = 1 << 20


class ImageError(Exception):
    """An error in the parts of an image."""


def _entry(name, mode, uid=0, gid=0):
    entry = tarfile.TarInfo(name.strip("/"))
    entry.mode, entry.mtime, entry.uid, entry.gid = mode, EPOCH, uid, gid
    return entry


def _parents(path):
    """ "a/b/c" -> ["a", "a/b"]."""
    parts = path.strip("/").split("/")[:-1]
    return ["/".join(parts[: i + 1]) for i in range(len(parts))]


def write_layer(
    target: IO[bytes],
    files: Iterable[Mapping[str, Any]] = (),
    links: Iterable[Mapping[str, Any]] = (),
    directories: Iterable[Mapping[str, Any]] = (),
) -> None:
    """Write a layer tar to a file object.

    files: dicts of dest (path in the image), mode (default 0o755), and src (path on this machine) or content (text);
    links: dicts of dest and target; directories: dicts of path, mode, uid and gid.
    """
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as tar:
        created = set()

        def add_directory(path, mode=0o755, uid=0, gid=0):
            if path not in created:
                entry = _entry(path, mode, uid, gid)
                entry.type = tarfile.DIRTYPE
                tar.addfile(entry)
                created.add(path)

        for item in sorted(directories, key=lambda x: x["path"].strip("/")):
            for parent in _parents(item["path"]):
                add_directory(parent)
            add_directory(item["path"].strip("/"), item.get("mode", 0o755), item.get("uid", 0), item.get("gid", 0))
        for file in sorted(files, key=lambda x: x["dest"].strip("/")):
            for parent in _parents(file["dest"]):
                add_directory(parent)
            entry = _entry(file["dest"], file.get("mode") or 0o755)
            if file.get("content") is not None:
                content = file["content"].encode()
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
                continue
            try:
                with open(file["src"], "rb") as source:
                    entry.size = os.fstat(source.fileno()).st_size
                    tar.addfile(entry, source)
            except OSError as error:
                raise ImageError(f"cannot add {file['src']} to the image: {error.strerror}") from error
        for link in sorted(links, key=lambda x: x["dest"].strip("/")):
            for parent in _parents(link["dest"]):
                add_directory(parent)
            entry = _entry(link["dest"], 0o777)
            entry.type, entry.linkname = tarfile.SYMTYPE, link["target"]
            tar.addfile(entry)


def file_digest(path: str) -> str:
    """Return the SHA-256 digest of a file in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as source:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def image_config(diff_ids: list[str], config: dict, architecture: str) -> dict:
    """Return the image's JSON. config: the keys of the specification (Entrypoint, Cmd, Env, User, Labels, ...)."""
    return {
        "architecture": architecture,
        "os": "linux",
        "created": CREATED,
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{x}" for x in diff_ids]},
        "history": [{"created": CREATED, "created_by": "meshlab.istio"} for _unused in diff_ids],
    }


def recipe_key(tags: list[str], config: dict, layers: list[dict], architecture: str) -> str:
    """Return a hexadecimal key of all inputs of the image; files and layer tars count by content."""
    digest = hashlib.sha256()

    def add(value):
        digest.update(json.dumps(value, sort_keys=True).encode() + b"\0")

    add([sorted(tags), config, architecture])
    for layer in layers:
        if layer.get("tar"):
            add(file_digest(layer["tar"]))
            continue
        for file in sorted(layer.get("files") or (), key=lambda x: x["dest"]):
            content = file.get("content")
            file_hash = (
                hashlib.sha256(content.encode()).hexdigest() if content is not None else _source_digest(file["src"])
            )
            add([file["dest"], file.get("mode"), file_hash])
        add(sorted(layer.get("links") or (), key=lambda x: x["dest"]))
        add(sorted(layer.get("directories") or (), key=lambda x: x["path"]))
    return digest.hexdigest()[:20]


def _source_digest(path):
    try:
        return file_digest(path)
    except OSError as error:
        raise ImageError(f"cannot read {path} for the image: {error.strerror}") from error


def missing_parts(layers: list[dict]) -> list[str]:
    """Return the paths in the layers that do not exist."""
    paths = [x["tar"] for x in layers if x.get("tar")]
    paths += [y["src"] for x in layers for y in x.get("files") or () if y.get("src")]
    return [x for x in paths if not os.path.exists(x)]


def image_id(path: str) -> str:
    """Return the ID ("sha256:...") of the image in an archive, from the file name of its configuration."""
    try:
        # Uncompressed, as write_image() writes it; other modes add lines to the error.
        with tarfile.open(path, "r:") as tar:
            manifest = json.load(tar.extractfile("manifest.json") or io.BytesIO())  # None for a directory
        return "sha256:" + manifest[0]["Config"].rpartition("/")[2].removesuffix(".json")
    except (tarfile.TarError, KeyError, ValueError, IndexError) as error:
        raise ImageError(f"{path} is not a complete image archive ({error}): remove it and run again") from error


def write_image(
    dest: str,
    tags: list[str],
    config: dict,
    layers: Iterable[Mapping[str, Any]],
    architecture: str = "amd64",
) -> None:
    """Write a docker-archive to dest atomically.

    tags: full names such as docker.io/istio/pilot:1.27.0; layers, lowest first: dicts with either tar (path of an
    existing layer tar) or files, links and directories as for write_layer().
    """
    os.makedirs(os.path.dirname(dest), exist_ok=True)
    scratch = tempfile.mkdtemp(prefix=".image-", dir=os.path.dirname(dest))
    try:
        paths, diff_ids = [], []
        for number, layer in enumerate(layers):
            path = layer.get("tar")
            if not path:
                path = os.path.join(scratch, f"{number}.tar")
                with open(path, "wb") as target:
                    write_layer(
                        target, layer.get("files") or (), layer.get("links") or (), layer.get("directories") or ()
                    )
            elif not stat.S_ISREG(os.stat(path).st_mode):
                raise ImageError(f"layer {path} is not a file")
            paths.append(path)
            diff_ids.append(file_digest(path))
        config_json = json.dumps(image_config(diff_ids, config, architecture), sort_keys=True).encode()
        config_name = hashlib.sha256(config_json).hexdigest() + ".json"
        manifest = [{"Config": config_name, "RepoTags": list(tags), "Layers": [f"{x}.tar" for x in diff_ids]}]
        part = os.path.join(scratch, "image.tar")
        with tarfile.open(part, "w", format=tarfile.PAX_FORMAT) as tar:
            # The manifest first, so that image_id() does not read through gigabytes.
            for name, content in (("manifest.json", json.dumps(manifest).encode()), (config_name, config_json)):
                entry = _entry(name, 0o644)
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
            for diff_id, path in dict(zip(diff_ids, paths)).items():
                entry = _entry(f"{diff_id}.tar", 0o644)
                with open(path, "rb") as source:
                    entry.size = os.fstat(source.fileno()).st_size
                    tar.addfile(entry, source)
        os.replace(part, dest)
    except OSError as error:
        raise ImageError(f"cannot write {dest}: {error}") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
