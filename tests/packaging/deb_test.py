#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds and unpacks the Debian package, without installing it: deb_test.py ROOT BUILD, where BUILD is a configured
build directory whose shuntd and shuntctl exist."""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import kustomize
import outcome

ROOT, BUILD = sys.argv[1:3]


def said_by(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.mkdtemp(prefix="shunt-deb-test-")
        cls.addClassCleanup(shutil.rmtree, cls.scratch)
        made = subprocess.run(["cpack", "--config", os.path.join(BUILD, "CPackConfig.cmake"), "-B", cls.scratch],
                              check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert made.returncode == 0, made.stdout
        (cls.package,) = glob.glob(os.path.join(cls.scratch, "*.deb"))
        cls.tree = os.path.join(cls.scratch, "tree")
        cls.control = os.path.join(cls.scratch, "control")
        subprocess.run(["dpkg-deb", "-x", cls.package, cls.tree], check=True)
        subprocess.run(["dpkg-deb", "-e", cls.package, cls.control], check=True)
        with open(os.path.join(cls.tree, "usr/lib/systemd/system/shuntd.service"), encoding="utf-8") as file:
            cls.unit = file.read()

    def setting(self, name):
        return re.findall(rf"^{name}=(.*)$", self.unit, re.MULTILINE)

    def test_it_holds_the_programs_the_unit_and_the_configuration(self):
        for path in ("usr/sbin/shuntd", "usr/bin/shuntctl", "usr/bin/kubectl-shunt", "etc/shunt/shuntd.yaml",
                     "usr/share/doc/shunt/operations.md", "usr/share/doc/shunt/examples/shuntd.yaml",
                     "usr/share/bash-completion/completions/shuntctl", "usr/share/zsh/vendor-completions/_shuntctl",
                     "usr/share/fish/vendor_completions.d/shuntctl.fish", "usr/bin/kubectl_complete-shunt"):
            self.assertTrue(os.path.exists(os.path.join(self.tree, path)), path)
        self.assertTrue(os.path.isdir(os.path.join(self.tree, "etc/shunt/manifests")))
        with open(os.path.join(self.control, "conffiles"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "/etc/shunt/shuntd.yaml\n")
        listed = said_by("dpkg-deb", "-c", self.package)
        self.assertEqual({line.split()[1] for line in listed.splitlines()}, {"root/root"})

    def test_it_depends_on_the_libraries_that_the_programs_load(self):
        depends = said_by("dpkg-deb", "-f", self.package, "Depends")
        for library in ("libc6 (>= ", "libbpf1 (>= ", "libgrpc++1.51 (>= "):
            self.assertIn(library, depends)

    def test_its_version_is_the_programs(self):
        version = said_by(os.path.join(self.tree, "usr/sbin/shuntd"), "version").split()[1]
        self.assertEqual(said_by("dpkg-deb", "-f", self.package, "Version").strip(), version)
        changelog = said_by("gzip", "-dc", os.path.join(self.tree, "usr/share/doc/shunt/changelog.gz"))
        self.assertIn(f"shunt ({version}) ", changelog.splitlines()[0])

    def test_the_agent_understands_the_units_flags_and_the_configuration(self):
        shuntd = os.path.join(self.tree, "usr/sbin/shuntd")
        (command,) = self.setting("ExecStart")
        program, verb, flag, path = command.split()
        self.assertEqual((program, verb, flag), ("/usr/sbin/shuntd", "run", "--config"))
        done = subprocess.run([shuntd, "cleanup", "--config", self.tree + path, "--bpffs", self.scratch], check=False,
                              capture_output=True, text=True)
        self.assertEqual((done.returncode, "is not in a BPF file system" in done.stderr), (1, True), done.stderr)

    def test_the_unit_gives_the_capabilities_of_the_daemon_set(self):
        objects = kustomize.build(os.path.join(ROOT, "manifests/base"))
        (pod,) = [item["spec"]["template"]["spec"] for item in objects
                  if (item["kind"], item["metadata"]["name"]) == ("DaemonSet", "shunt")]
        added = pod["containers"][0]["securityContext"]["capabilities"]["add"]
        wanted = [" ".join("CAP_" + name for name in added)]
        self.assertEqual(self.setting("CapabilityBoundingSet"), wanted)
        self.assertEqual(self.setting("AmbientCapabilities"), wanted)
        self.assertEqual(self.setting("NoNewPrivileges"), ["yes"])

    def test_a_start_is_given_the_time_that_an_api_server_takes(self):
        self.assertEqual(self.setting("Type"), ["notify"])
        self.assertEqual(self.setting("TimeoutStartSec"), ["infinity"])
        for name in ("Wants", "After"):
            self.assertEqual(self.setting(name), ["network-online.target"])

    def test_its_removal_cleans_up_where_the_configuration_has_the_pins(self):
        # No bpffs is there, so the error names the place, and nothing of this machine's is removed.
        pins = os.path.join(self.scratch, "pins")
        os.mkdir(pins)
        etc = os.path.join(self.scratch, "etc-shunt")
        shutil.copytree(os.path.join(self.tree, "etc/shunt"), etc)
        with open(os.path.join(etc, "shuntd.yaml"), "a", encoding="utf-8") as file:
            file.write(f"bpffs: {pins}\n")
        programs = os.path.join(self.scratch, "programs")
        os.mkdir(programs)
        with open(os.path.join(programs, "deb-systemd-invoke"), "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n")
        os.chmod(file.name, 0o755)
        path = os.path.join(self.scratch, "prerm")
        with open(os.path.join(self.control, "prerm"), encoding="utf-8") as file:
            script = file.read().replace("/etc/shunt/", etc + "/")
        with open(path, "w", encoding="utf-8") as file:
            file.write(script)
        done = subprocess.run(["sh", path, "remove"], check=True, capture_output=True, text=True, env={
            **os.environ, "PATH": f"{programs}:{self.tree}/usr/sbin:{os.environ['PATH']}"})
        self.assertIn(f"{pins} is not in a BPF file system", done.stderr)
        self.assertIn("stays in force", done.stderr)

    def test_its_scripts_are_shell(self):
        for name in ("postinst", "prerm", "postrm"):
            subprocess.run(["sh", "-n", os.path.join(self.control, name)], check=True)

    def test_systemd_understands_the_unit(self):
        path = os.path.join(self.scratch, "shuntd.service")
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.unit.replace("=/usr/sbin/shuntd", f"={self.tree}/usr/sbin/shuntd"))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", path], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, ""))


if __name__ == "__main__":
    for wanted in ("cpack", "dpkg-deb", "dpkg-shlibdeps", "gzip", "systemd-analyze"):
        if shutil.which(wanted) is None:
            outcome.skip_all(f"no {wanted} here: cmake/install_dependencies.sh image")
    outcome.run()
