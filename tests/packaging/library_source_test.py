#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fetches source packages from an archive in a directory, as packaging/image does from Debian's: library_source_test.py
ROOT."""

import hashlib
import os
import re
import shutil
import sys
import tempfile
import unittest
from unittest import mock

import outcome

ROOT = sys.argv[1]
sys.path.insert(0, os.path.join(ROOT, "packaging/image"))
import http_library  # pylint: disable=wrong-import-position,import-error
import library_source  # pylint: disable=wrong-import-position,import-error

STANZA = """{name}: curl
Format: 3.0 (native)
Binary: libcurl4
Architecture: any
Version: {version}
Maintainer: Nobody <nobody@example.org>
Directory: .
"""


class Sources(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.mkdtemp(prefix="shunt-source-test-")
        self.addCleanup(shutil.rmtree, self.scratch)
        self.archive, self.settings, self.fetched = (os.path.join(self.scratch, name)
                                                     for name in ("archive", "settings", "fetched"))
        os.mkdir(self.archive)
        os.makedirs(os.path.join(self.settings, "sources.list.d"))
        self.write(f"{self.settings}/sources.list", f"deb [trusted=yes] file:{self.archive} ./\n")

    def write(self, path, text):
        with open(path, "w", encoding="ascii") as file:
            file.write(text)

    def offer(self, *versions):
        """Makes the archive: a source package of each version."""
        index = ""
        for version in versions:
            name, content = f"curl_{version}", f"the files of {version}"
            description = stanza("Source", version, {f"{name}.tar.xz": content})
            self.write(f"{self.archive}/{name}.tar.xz", content)
            self.write(f"{self.archive}/{name}.dsc", description)
            index += stanza("Package", version, {f"{name}.dsc": description, f"{name}.tar.xz": content}) + "\n"
        self.write(f"{self.archive}/Sources", index)

    def fetch(self, installed):
        library_source.fetch(self.fetched, installed, self.settings)
        return os.path.basename(library_source.find(self.fetched, installed))

    def test_the_newest_revision_is_fetched_from_an_archive_without_a_line_for_sources(self):
        self.offer("7.1-1", "7.1-1+deb12u9", "7.1-1+deb12u10", "7.2-1")
        self.assertEqual(self.fetch("7.1-1+deb12u2"), "curl_7.1-1+deb12u10.dsc")
        self.assertEqual(sorted(os.listdir(self.fetched)), ["curl_7.1-1+deb12u10.dsc", "curl_7.1-1+deb12u10.tar.xz"])

    def test_the_archive_can_be_written_as_a_paragraph_and_be_one_of_several(self):
        os.remove(f"{self.settings}/sources.list")
        self.write(f"{self.settings}/sources.list.d/there.sources",
                   f"Types: deb\nURIs: file:{self.archive}\nSuites: ./\nTrusted: yes\n")
        self.write(f"{self.settings}/sources.list.d/empty.list", f"deb [trusted=yes] file:{self.scratch}/nowhere ./\n")
        self.offer("7.1-1")
        self.assertEqual(self.fetch("7.1-1"), "curl_7.1-1.dsc")

    def test_an_archive_that_has_none_that_fits_is_said_with_what_it_has(self):
        for offered in (["7.1-1+deb12u1"], ["7.2-1"], []):
            with self.subTest(offered):
                self.offer(*offered)
                why = ", ".join(offered) or "none"
                with self.assertRaisesRegex(library_source.Missing, rf"curl: {re.escape(why)}; one of 7.1-1\+deb12u2 or"):
                    self.fetch("7.1-1+deb12u2")
                self.assertEqual(os.listdir(self.fetched), [])

    def test_an_archive_is_refused_that_nobody_signed(self):
        self.write(f"{self.settings}/sources.list", f"deb file:{self.archive} ./\n")
        self.offer("7.1-1")
        with self.assertRaises(library_source.Missing):
            self.fetch("7.1-1")
        self.assertEqual(os.listdir(self.fetched), [])

    def test_a_file_is_refused_that_is_not_what_the_index_says(self):
        self.offer("7.1-1")
        self.write(f"{self.archive}/curl_7.1-1.tar.xz", "the bytes of another")
        with self.assertRaisesRegex(library_source.Missing, "could not fetch the source of curl 7.1-1"):
            self.fetch("7.1-1")
        self.assertEqual(os.listdir(self.fetched), [])

    def test_what_was_fetched_serves_until_the_library_here_is_newer(self):
        self.offer("7.1-1+deb12u2")
        self.fetch("7.1-1+deb12u2")
        for installed, serves in (("7.1-1", True), ("7.1-1+deb12u3", False), ("7.0-1", False), ("7.2-1", False)):
            found = library_source.find(self.fetched, installed)
            self.assertEqual(found is not None, serves, installed)

    def test_a_build_asks_for_what_is_missing_and_refuses_what_has_changed_since(self):
        with mock.patch.object(library_source, "installed_version", return_value="7.1-1"):
            with self.assertRaisesRegex(SystemExit, "no source package of curl 7.1-1 in .* run cmake/install_dependencies"):
                http_library.build(self.fetched, self.scratch)
            self.offer("7.1-1")
            self.fetch("7.1-1")
            self.write(f"{self.fetched}/curl_7.1-1.tar.xz", "the bytes of another")
            with self.assertRaisesRegex(SystemExit, "dpkg-source: error: .*curl_7.1-1.tar.xz"):
                http_library.build(self.fetched, self.scratch)


def stanza(name, version, files):
    """The text of a .dsc (the `name` is Source) or of a package in an archive's index (Package)."""
    def lines(kind):
        return "".join(f" {kind(content.encode()).hexdigest()} {len(content)} {path}\n" for path, content in files.items())

    return STANZA.format(name=name, version=version) + (
        f"Checksums-Sha256:\n{lines(hashlib.sha256)}Files:\n{lines(hashlib.md5)}")


if __name__ == "__main__":
    for wanted in ("apt-get", "dpkg-source"):
        if shutil.which(wanted) is None:
            outcome.skip_all(f"no {wanted} here: is this Debian, and has cmake/install_dependencies.sh image run?")
    outcome.run()
