#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The real programs print the same as kustomize.py and helm_template.py: renderers_test.py ROOT PROGRAM, registered for
those of kustomize, kubectl and helm that are on the machine."""

import os
import subprocess
import sys
import tempfile
import unittest

import helm_template
import kustomize
import outcome
from outcome import yaml
from switches import alike, comparable, settings

MANIFESTS = os.path.join(sys.argv[1], "manifests")
PROGRAM = sys.argv[2]
# A helm that was built by `go install` assumes that every cluster is 1.20.
KUBERNETES = "--kube-version=1.34.0"
CHART = os.path.join(MANIFESTS, "helm/shunt")
HELM = ("template", "shunt", CHART, "--namespace=kube-system", KUBERNETES)


# Values that reach what no switch does.
EVERY_VALUE = {
    "image": {"digest": "sha256:" + "a" * 64}, "imagePullSecrets": [{"name": "registry"}], "extraArgs": ["--observe"],
    "healthz": {"address": "[::]", "port": 9}, "metrics": {"address": "0.0.0.0"}, "podMonitor": {"enabled": True},
    "healthCheckNodePorts": "off", "staleAfter": "10m", "cleanup": {"onUninstall": False}, "podLabels": {"a": "b"},
    "podAnnotations": {"c": "d"}, "nodeSelector": {"pool": "x"}, "podSecurityContext": {"seLinuxOptions": {"type": "spc_t"}},
}


def printed(*arguments):
    output = subprocess.run([PROGRAM, *arguments], check=True, capture_output=True, text=True).stdout
    return [item for item in yaml.safe_load_all(output) if item]


def refused(*arguments):
    """Returns why the program does not render."""
    done = subprocess.run([PROGRAM, *arguments], check=False, capture_output=True, text=True)
    return done.stderr if done.returncode != 0 else "it was not refused"


class Kustomizations(unittest.TestCase):
    maxDiff = None

    def test_the_program_prints_the_same_objects(self):
        verb = "kustomize" if os.path.basename(PROGRAM) == "kubectl" else "build"
        for name in ("base", "overlays/kubeadm", "overlays/kind", "overlays/cleanup"):
            with self.subTest(name):
                directory = os.path.join(MANIFESTS, name)
                self.assertEqual(comparable(printed(verb, directory)), comparable(kustomize.build(directory)))


class Chart(unittest.TestCase):
    maxDiff = None

    def test_every_switch_renders_the_same_objects(self):
        for values, _ in settings():
            with self.subTest(values):
                chosen = [f"--set={value}=true" for value in values]
                self.assertEqual(alike(printed(*HELM, *chosen)), alike(helm_template.render(CHART, values)))

    def test_every_value_arrives(self):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(yaml.safe_dump(EVERY_VALUE))
            file.flush()
            rendered = printed(*HELM, f"--values={file.name}")
        self.assertEqual(alike(rendered), alike(helm_template.render(CHART, EVERY_VALUE)))

    def test_the_schema_refuses_what_is_no_value(self):
        for wrong, why in (("podmonitor.enabled=true", "podmonitor"), ("image.digest=1234", "image.digest"),
                           ("configuration.endSockets=false", "configuration.endSockets"),
                           ("healthCheckNodePorts=false", "healthCheckNodePorts"),
                           ("staleAfter=5s", "staleAfter")):
            with self.subTest(wrong):
                self.assertIn(why, refused(*HELM, f"--set={wrong}"))


if os.path.basename(PROGRAM) == "helm":
    del Kustomizations
else:
    del Chart

if __name__ == "__main__":
    outcome.run()
