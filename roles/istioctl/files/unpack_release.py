# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This runs on the host, whose Python may be 2.7.
"""Judge every member of an Istio release archive, and only then unpack it.

Arguments: the archive, an existing empty folder, and the name that the archive's only top folder must have.
Owners and modes come out as the caller's and as 0755 or 0644: some releases carry 0750 folders, which lock out
everybody but root. Prints the number of members. Anything wrong is one line on stderr and exit code 1, with nothing
written if the archive itself is at fault.
"""

import os
import posixpath
import shutil
import sys
import tarfile
import zlib

CHUNK = 1 << 20


class Refused(Exception):
    """Why an archive is not unpacked, in words for the user."""


def check_gzip(path):
    """Raise Refused unless path is complete gzip: the gzip module of Python 2.7 reads a cut file without complaint."""
    with open(path, "rb") as source:
        stream = zlib.decompressobj(31)
        data = source.read(CHUNK)
        if not data:
            raise Refused("it is empty")
        while data:
            stream.decompress(data)
            if stream.unused_data:  # a further stream follows
                data, stream = stream.unused_data, zlib.decompressobj(31)
            else:
                data = source.read(CHUNK)
        # A byte after the end of a complete stream is left over; a cut stream swallows it.
        stream.decompress(b"\0")
        if not stream.unused_data:
            raise Refused("it is cut short: the end of the gzip stream is missing")


def judge(members, top):
    """Return [(path, member)] with clean paths, all at or below top; raise Refused for the first unsafe member."""
    kept, links = [], set()
    files, folders = set(), set()
    for member in members:
        where = "member '" + member.name + "' "
        path = posixpath.normpath(member.name)
        if path == "." and member.isdir():
            continue
        if posixpath.isabs(member.name):
            raise Refused(where + "has an absolute path")
        if ".." in member.name.split("/"):
            raise Refused(where + "has '..' in its path")
        if path != top and not path.startswith(top + "/"):
            raise Refused(where + "lies outside of the folder " + top + " that this release has")
        if not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
            raise Refused(where + "is a device, a pipe or of another special kind")
        if member.mode & 0o6000:
            raise Refused(where + "is setuid or setgid")
        if path in links or path in files or (path in folders and not member.isdir()):
            raise Refused(where + "appears twice")
        if path == top and not member.isdir():
            raise Refused(where + "is not a folder")
        if member.issym():
            judge_link(path, member.linkname, top, where)
            links.add(path)
        elif member.isdir():
            folders.add(path)
        elif member.islnk() and posixpath.normpath(member.linkname) not in files:
            raise Refused(where + "is a hard link to '" + member.linkname + "', which is no file before it")
        else:
            files.add(path)
        kept.append((path, member))
    for path, _member in kept:
        parent = posixpath.dirname(path)
        while parent:
            if parent in links or parent in files:
                raise Refused("member '" + path + "' lies below '" + parent + "', which is not a folder")
            parent = posixpath.dirname(parent)
    binary = top + "/bin/istioctl"
    if binary not in files:
        raise Refused("it has no file " + binary + " (a release is named istio-..., not istioctl-...)")
    return kept


def judge_link(path, target, top, where):
    """Raise Refused unless a symbolic link stays below top, whatever other links its target passes through."""
    says = where + "is a link to '" + target + "', "
    if not target or posixpath.isabs(target):
        raise Refused(says + ("an absolute path" if target else "which is no path"))
    steps = target.split("/")
    while steps and steps[0] == "..":
        del steps[0]
    # '..' after a name would start from wherever a link of that name leads.
    reached = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    if ".." in steps or not (reached == top or reached.startswith(top + "/")):
        raise Refused(says + "which leads out of " + top)


def write(archive, kept, folder):
    """Write the judged members below folder, by hand: no owners, no special bits, no link followed."""
    for path, member in kept:
        target = os.path.join(folder, path)
        if member.isdir():
            make_folder(target)
            continue
        make_folder(os.path.dirname(target))
        if member.issym():
            os.symlink(member.linkname, target)
        elif member.islnk():
            os.link(os.path.join(folder, posixpath.normpath(member.linkname)), target)
        else:
            with open(target, "wb") as sink:
                shutil.copyfileobj(archive.extractfile(member), sink, CHUNK)
            os.chmod(target, 0o755 if member.mode & 0o111 else 0o644)
            os.utime(target, (member.mtime, member.mtime))


def make_folder(path):
    """Make a folder of mode 0755, and those above it that are missing."""
    if not os.path.isdir(path):
        make_folder(os.path.dirname(path))
        os.mkdir(path)
        os.chmod(path, 0o755)


def main(path, folder, top):
    try:
        check_gzip(path)
        with tarfile.open(path, "r:gz") as archive:
            kept = judge(archive.getmembers(), top)
            write(archive, kept, folder)
    except Refused as refusal:
        sys.exit(str(refusal))
    except (tarfile.TarError, zlib.error) as error:
        sys.exit("it is damaged, or no .tar.gz file: " + str(error))
    except (EnvironmentError, EOFError) as error:  # noqa: UP024 (two classes in Python 2.7)
        sys.exit("unpacking stopped: " + str(error))
    sys.stdout.write(str(len(kept)) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
