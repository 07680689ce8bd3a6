#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `make install` puts into an empty directory works from there: installed_test.py BUILD PLAYGROUND, where BUILD is a
release build and PLAYGROUND the program of `make run`, which serves real connections in namespaces of its own."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import outcome

BUILD, PLAYGROUND = sys.argv[1:3]


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.mkdtemp(prefix="shunt-installed-test-")
        cls.addClassCleanup(shutil.rmtree, cls.root)
        subprocess.run(["cmake", "--install", BUILD, "--prefix", "/usr/local", "--strip"], check=True,
                       env={**os.environ, "DESTDIR": cls.root}, stdout=subprocess.DEVNULL)

    def path(self, name):
        return os.path.join(self.root, "usr/local", name)

    def test_it_has_the_programs_and_nothing_of_the_build(self):
        for name in ("sbin/shuntd", "bin/shuntctl", "bin/kubectl-shunt", "bin/kubectl_complete-shunt"):
            self.assertTrue(os.access(self.path(name), os.X_OK), name)
        self.assertEqual(os.listdir(self.root), ["usr"])
        self.assertEqual(sorted(os.listdir(self.path(""))), ["bin", "sbin", "share"])

    def test_its_programs_are_of_one_version(self):
        versions = {subprocess.run([self.path(name), "version"], check=True, capture_output=True, text=True)
                    .stdout.split()[1] for name in ("sbin/shuntd", "bin/shuntctl", "bin/kubectl-shunt")}
        self.assertEqual(len(versions), 1, versions)

    @unittest.skipIf(os.geteuid() != 0, "needs root: it loads BPF programs")
    def test_the_installed_agent_serves_connections(self):
        tour = subprocess.run([PLAYGROUND, "--once", "--shuntd", self.path("sbin/shuntd"), "--shuntctl",
                               self.path("bin/shuntctl")], check=False, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        self.assertEqual(tour.returncode, 0, tour.stdout)
        self.assertIn("Everything was as promised.", tour.stdout)


outcome.run()
