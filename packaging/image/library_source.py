#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The source of the image's libcurl, which http_library.py builds: library_source.py fetches Debian's source package to
build/sources, if none that fits is there. That needs a network once; the build itself needs none, and a package's files
can also be put there by hand.

A source fits if it is of the same upstream version as the libcurl4 that is installed here, with which the programs are
linked, and not older: Debian's security updates change the revision only."""

import glob
import os
import re
import subprocess
import sys
import tempfile

BINARY_PACKAGE = "libcurl4"
SOURCE_PACKAGE = "curl"
DIRECTORY = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build/sources"))


class Missing(Exception):
    """No source that fits, with the reason and what to do."""


def find(directory, installed):
    """Returns the .dsc in `directory` of the newest source that fits the version `installed`, or None."""
    descriptions = {version_of(path): path for path in glob.glob(os.path.join(directory, f"{SOURCE_PACKAGE}_*.dsc"))}
    version = newest_fit(descriptions, installed)
    return None if version is None else descriptions[version]


def fetch(directory, installed, settings="/etc/apt"):
    """Puts the newest source that fits the version `installed` into `directory`. It comes from the archives from which
    apt has its packages by the directory `settings`; no deb-src line is needed there, and apt's own lists stay as they
    are. apt checks it: the archive's signature is that of the index, which has the hash of each file."""
    os.makedirs(directory, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory, prefix=".arriving-") as scratch:
        options = _options(scratch, settings)
        # It fails too if one of several archives has no sources. Whether one that matters has them, the list tells.
        updated = _run(["apt-get", "-qq", *options, "update"])
        listed = _run(["apt-cache", *options, "showsrc", "--only-source", SOURCE_PACKAGE])
        versions = re.findall(r"(?m)^Version: (\S+)$", listed.stdout)
        version = newest_fit(versions, installed)
        if version is None:
            offered = ", ".join(sorted(set(versions))) or "none"
            raise Missing(f"the archives in {settings} offer these sources of {SOURCE_PACKAGE}: {offered}; one of "
                          f"{installed} or a later revision is needed.\n{updated.stdout}Is there a network, is "
                          f"{BINARY_PACKAGE} up to date (apt-get install --only-upgrade {BINARY_PACKAGE} "
                          f"libcurl4-openssl-dev), and has the archive sources? Otherwise put the source package's "
                          f"files into {directory} yourself: {SOURCE_PACKAGE}_*.dsc and what it lists.")
        arriving = os.path.join(scratch, "files")
        os.mkdir(arriving)
        done = _run(["apt-get", "-qq", *options, "source", "--download-only", f"{SOURCE_PACKAGE}={version}"], arriving)
        if done.returncode != 0:
            raise Missing(f"apt-get could not fetch the source of {SOURCE_PACKAGE} {version}:\n{done.stdout}")
        for name in sorted(os.listdir(arriving), key=lambda name: name.endswith(".dsc")):
            os.replace(os.path.join(arriving, name), os.path.join(directory, name))  # the .dsc last: it says "complete"


def newest_fit(versions, installed):
    """Returns the newest of `versions` that fits `installed`, or None."""
    best = None
    for version in versions:
        if _upstream(version) == _upstream(installed) and _not_older(version, best or installed):
            best = version
    return best


def installed_version():
    query = ["dpkg-query", "-W", "-f", "${source:Version}", BINARY_PACKAGE]
    return subprocess.run(query, check=True, capture_output=True, text=True).stdout


def version_of(description):
    """Returns the version of the source package with this .dsc."""
    with open(description, encoding="utf-8") as file:
        return re.search(r"(?m)^Version: (\S+)$", file.read()).group(1)


def _upstream(version):
    return version.rpartition("-")[0]


def _not_older(version, than):
    return subprocess.run(["dpkg", "--compare-versions", version, "ge", than], check=False).returncode == 0


def _options(scratch, settings):
    """Returns options for apt: the archives of `settings`, for sources only, and lists of its own in `scratch`."""
    places = os.path.join(scratch, "sources")
    for path in (places, os.path.join(scratch, "lists/partial")):
        os.makedirs(path)
    for path in [f"{settings}/sources.list", *sorted(glob.glob(f"{settings}/sources.list.d/*"))]:
        if path.endswith((".list", ".sources")) and os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                text = re.sub(r"(?m)^Types:.*\bdeb\b.*$", "Types: deb-src", file.read())
            with open(os.path.join(places, os.path.basename(path)), "w", encoding="utf-8") as file:
                file.write(re.sub(r"(?m)^deb(?=\s)", "deb-src", text))
    options = {"Dir::Etc::SourceList": "/dev/null", "Dir::Etc::SourceParts": places,
               "Dir::State::Lists": f"{scratch}/lists", "Dir::Cache::pkgcache": "", "Dir::Cache::srcpkgcache": "",
               "APT::Sandbox::User": "root", "Acquire::Retries": "3"}
    return [f"-o{name}={value}" for name, value in options.items()]


def _run(command, directory=None):
    return subprocess.run(command, check=False, cwd=directory, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def main():
    try:
        installed = installed_version()
        if find(DIRECTORY, installed) is None:
            print(f"deps: fetching the source of {SOURCE_PACKAGE} (5 MB, and 10 MB of lists, once)", flush=True)
            fetch(DIRECTORY, installed)
    except (Missing, OSError) as error:
        sys.exit(f"deps: no source for the image's libcurl: {error}")


if __name__ == "__main__":
    main()
