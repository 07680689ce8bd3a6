#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds the OCI image without a daemon: build_image.py --output DIR SHUNTD SHUNTCTL. Leaves DIR/shunt.tar (an OCI
archive: skopeo, podman, ctr and kind read it) and DIR/sbom.spdx.json. The same programs and packages give the same bytes:
times are $SOURCE_DATE_EPOCH or else the last commit's. It needs no network: cmake/install_dependencies.sh has fetched the
source of libcurl to build/sources.

Its files belong to user 65532 and are read-only: the agent runs as root without CAP_DAC_OVERRIDE and CAP_FOWNER, so it
cannot change what it runs from, even where the root file system is writable."""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile

import bill_of_materials
import http_library
import library_source
from root_filesystem import RootFileSystem

OWNER = "65532:65532"
HERE = os.path.dirname(os.path.abspath(__file__))


def last_commit():
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    shown = subprocess.run(["git", "-c", "safe.directory=*", "-C", HERE, "log", "-1", "--format=%ct"], check=False,
                           capture_output=True, text=True)
    if shown.returncode != 0:
        sys.exit("build_image.py: no git history here: give the image's time in SOURCE_DATE_EPOCH")
    return int(shown.stdout)


def version_of(shuntd):
    """The version, as the program prints it: "shuntd 0.1.0"."""
    said = subprocess.run([shuntd, "version"], check=True, capture_output=True, text=True).stdout
    return said.split("\n")[0].split()[1]


def assemble(root, arguments, scratch, version, epoch):
    """Fills the directory `root`; returns the bill of materials."""
    library = http_library.build(arguments.sources, scratch)
    files = RootFileSystem(root, library)
    files.add_program(arguments.shuntd, "usr/sbin/shuntd")
    files.add_program(arguments.shuntctl, "usr/bin/shuntctl")
    files.add_certificates()
    files.add_papers()
    sbom = bill_of_materials.describe(files.packages, library, version, epoch)
    files.write("usr/share/doc/shunt/sbom.spdx.json", sbom)
    licenses = os.path.join(HERE, "../../LICENSES")
    for name in sorted(os.listdir(licenses)):
        with open(os.path.join(licenses, name), encoding="utf-8") as file:
            files.write(f"usr/share/doc/shunt/{name}", file.read())
    files.settle(epoch)
    return sbom


class Buildah:
    """Runs buildah with a storage of its own, so that the machine's images stay as they are."""

    def __init__(self, scratch):
        self._command = ["buildah", "--storage-driver", "vfs", "--root", os.path.join(scratch, "storage"), "--runroot",
                         os.path.join(scratch, "run")]

    def __call__(self, *arguments):
        done = subprocess.run([*self._command, *arguments], check=False, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"build_image.py: buildah {arguments[0]}: {done.stderr.strip()}")
        return done.stdout.strip()


def make_layout(scratch, root, version, epoch):
    """Makes an OCI layout directory with the image; returns its path."""
    buildah = Buildah(scratch)
    container = buildah("from", "scratch")
    buildah("copy", "--chown", OWNER, container, root, "/")
    labels = {"title": "shunt", "description": "Kubernetes service proxy", "version": version,
              "licenses": bill_of_materials.LICENSE}
    buildah("config", "--entrypoint", '["/usr/sbin/shuntd"]', "--cmd", "run", "--workingdir", "/",
            "--env", "PATH=/usr/sbin:/usr/bin",
            *[f"--label=org.opencontainers.image.{name}={text}" for name, text in labels.items()], container)
    layout = os.path.join(scratch, "layout")
    buildah("commit", "--disable-compression=false", "--timestamp", str(epoch), "--rm", container,
            f"oci:{layout}:{version}")
    return layout


def name_image(layout, version):
    """The name that containerd gives the image on import."""
    path = os.path.join(layout, "index.json")
    with open(path, encoding="utf-8") as file:
        index = json.load(file)
    (manifest,) = index["manifests"]
    manifest["annotations"]["io.containerd.image.name"] = f"docker.io/library/shunt:{version}"
    with open(path, "w", encoding="utf-8") as file:
        json.dump(index, file)
    return manifest["digest"]


def pack(layout, archive, epoch):
    """Makes a tar file that depends neither on this machine nor on this moment."""
    def bare(member):
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mtime = epoch
        member.mode = 0o755 if member.isdir() else 0o644
        return member

    with tarfile.open(archive + ".new", "w", format=tarfile.USTAR_FORMAT) as tar:
        for directory, names, files in os.walk(layout):
            names.sort()
            for name in sorted(files):
                path = os.path.join(directory, name)
                tar.add(path, os.path.relpath(path, layout), filter=bare)
    os.replace(archive + ".new", archive)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", required=True)
    parser.add_argument("--sources", default=library_source.DIRECTORY, help="where library_source.py put them")
    parser.add_argument("shuntd")
    parser.add_argument("shuntctl")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("build_image.py: needs root: the files of the image belong to another user")
    if shutil.which("buildah") is None:
        sys.exit("build_image.py: no buildah: apt-get install buildah")
    os.umask(0o022)
    version, epoch = version_of(arguments.shuntd), last_commit()
    os.makedirs(arguments.output, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=os.path.abspath(arguments.output), prefix=".scratch-") as scratch:
        root = os.path.join(scratch, "root")
        os.mkdir(root)
        sbom = assemble(root, arguments, scratch, version, epoch)
        layout = make_layout(scratch, root, version, epoch)
        digest = name_image(layout, version)
        archive = os.path.join(arguments.output, "shunt.tar")
        pack(layout, archive, epoch)
    with open(os.path.join(arguments.output, "sbom.spdx.json"), "w", encoding="utf-8") as file:
        file.write(sbom)
    print(f"{archive}: shunt:{version}, {os.path.getsize(archive) / 1e6:.1f} MB compressed, {digest}")


if __name__ == "__main__":
    main()
