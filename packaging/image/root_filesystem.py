# SPDX-License-Identifier: Apache-2.0
"""The image's files: the programs, the shared libraries that they need from this Debian, CA certificates, and what glibc
asks for to resolve names. No shell, no package manager."""

import os
import re
import shutil
import subprocess

ETC = {
    "etc/passwd": "root:x:0:0:root:/:/sbin/nologin\nshunt:x:65532:65532:shunt:/:/sbin/nologin\n",
    "etc/group": "root:x:0:\nshunt:x:65532:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
# Where the DaemonSet mounts something, so that a read-only root has the place.
MOUNT_POINTS = ("dev", "etc/shunt", "host/bpf", "host/cgroup", "proc", "run/netns", "run/shunt", "sys",
                "var/lib/shunt")
CERTIFICATES = "/usr/share/ca-certificates/mozilla"
# Compiled into the programs from their headers, so no library of theirs is found in the image.
HEADERS_ONLY = ("libcli11-dev", "nlohmann-json3-dev")


class RootFileSystem:
    """A directory that becomes the image's root. `packages` are the Debian packages of which it holds something. Programs
    get `library` in place of its package's."""

    def __init__(self, root, library):
        self.root = root
        self.packages = set()
        self._library = library
        for link in ("bin", "lib", "lib64", "sbin"):  # as on a merged Debian
            os.makedirs(os.path.join(root, "usr", link))
            os.symlink(f"usr/{link}", os.path.join(root, link))
        for directory in MOUNT_POINTS:
            os.makedirs(os.path.join(root, directory))
        for path, text in ETC.items():
            self.write(path, text)

    def write(self, path, text):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)

    def add_program(self, source, path):
        """Adds `source` without symbols, and the libraries that the loader takes for it on this machine, if it looks for
        `library` first."""
        full = os.path.join(self.root, path)
        subprocess.run(["strip", "-o", full, source], check=True)
        os.chmod(full, 0o555)
        libraries = libraries_of(source, self._library.directory)
        built = [library for library in libraries if os.path.dirname(library) == self._library.directory]
        debians = [library for library in libraries if library not in built]
        self.packages |= packages_of(debians) | ({self._library.package} if built else set())
        (usual,) = {os.path.dirname(library) for library in debians if os.path.basename(library) == "libc.so.6"}
        for library in libraries:
            # The loader finds it by this name, in the directory that /lib leads to.
            directory = os.path.realpath(usual if library in built else os.path.dirname(library))
            place = os.path.join(directory, os.path.basename(library)).lstrip("/")
            self._copy(library, place)
            os.chmod(os.path.join(self.root, place), 0o555)

    def add_certificates(self):
        """Adds Debian's, from the package's own files: /etc/ssl/certs may hold what this machine's owner added."""
        names = sorted(name for name in os.listdir(CERTIFICATES) if name.endswith(".crt"))
        texts = []
        for name in names:
            with open(os.path.join(CERTIFICATES, name), encoding="utf-8") as file:
                texts.append(file.read().strip() + "\n")
        self.write("etc/ssl/certs/ca-certificates.crt", "".join(texts))
        self.packages.add("ca-certificates")

    def add_papers(self):
        """Adds the licence of every package, and what scanners read to know which package has which version."""
        for package in sorted(self.packages | set(HEADERS_ONLY)):
            path = f"/usr/share/doc/{package}/copyright"
            self._copy(self._library.copyright if package == self._library.package else path, path.lstrip("/"))
        for package in sorted(self.packages):
            status = subprocess.run(["dpkg-query", "-s", package], check=True, capture_output=True, text=True).stdout
            if package == self._library.package:
                status = status_of(self._library, status)
            self.write(f"var/lib/dpkg/status.d/{package}", status)
        self._copy("/etc/os-release", "etc/os-release")

    def settle(self, epoch):
        """Makes every file read-only and as old as the commit."""
        for directory, names, files in os.walk(self.root, topdown=False):
            for name in files + names:
                path = os.path.join(directory, name)
                if not os.path.islink(path):
                    os.chmod(path, 0o555 if os.stat(path).st_mode & 0o111 else 0o444)
                os.utime(path, (epoch, epoch), follow_symlinks=False)
        os.chmod(self.root, 0o555)
        os.utime(self.root, (epoch, epoch))

    def _copy(self, source, path):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        shutil.copyfile(source, full)


def status_of(library, debians):
    """What dpkg would say of the package, if the library were all that it holds; `debians` is what it says of Debian's."""
    kept = re.findall(r"(?m)^(?:Package|Status|Architecture|Multi-Arch|Homepage): .*\n", debians)
    return "".join(kept) + (f"Source: {library.source}\nVersion: {library.version}\n"
                            f"Description: {library.comment}\n")


def libraries_of(program, preferred):
    """The paths of the shared libraries that the loader would map for `program`, itself included, if it looked into the
    directory `preferred` first."""
    listed = subprocess.run(["ldd", program], check=True, capture_output=True, text=True,
                            env={**os.environ, "LD_LIBRARY_PATH": preferred}).stdout
    if missing := re.findall(r"(\S+) => not found", listed):
        raise FileNotFoundError(f"{program} needs {', '.join(missing)}, which this machine lacks")
    return re.findall(r"(?:=> |^\s*)(/\S+) \(0x", listed, re.MULTILINE)


def packages_of(paths):
    """The Debian packages that own `paths`; a file is looked for under each of its names on a merged /usr."""
    names_of = {path: {kind(name) for name in (path, os.path.realpath(path)) for kind in (_below_usr, _below_root)}
                for path in paths}
    query = ["dpkg-query", "-S", *sorted(set().union(*names_of.values()))]
    found = subprocess.run(query, check=False, capture_output=True, text=True).stdout  # 1: it does not know every name
    owner_of = {line.rpartition(": ")[2]: line.split(":")[0] for line in found.splitlines()}
    owners = set()
    for path, names in names_of.items():
        known = [owner_of[name] for name in sorted(names) if name in owner_of]
        if not known:
            raise LookupError(f"no Debian package owns {path}: the image's contents could not be listed")
        owners.add(known[0])
    return owners


def _below_usr(path):
    return re.sub(r"^(?=/lib)", "/usr", path)


def _below_root(path):
    return re.sub(r"^/usr(?=/lib)", "", path)
