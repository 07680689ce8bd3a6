#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The real programs print the same as kustomize.py and helm_template.py: renderers_test.py ROOT PROGRAM, registered for
those of kustomize, kubectl and helm that are on the machine."""

import os
import subprocess
import sys
import unittest

import helm_template
import kustomize
import outcome
from outcome import yaml
from switches import comparable, settings

MANIFESTS = os.path.join(sys.argv[1], "manifests")
PROGRAM = sys.argv[2]
# A helm that was built by `go install` assumes that every cluster is 1.20.
KUBERNETES = "--kube-version=1.34.0"
IS_HELM = os.path.basename(PROGRAM) == "helm"


def printed(*arguments):
    output = subprocess.run([PROGRAM, *arguments], check=True, capture_output=True, text=True).stdout
    return comparable([item for item in yaml.safe_load_all(output) if item])


class Renderer(unittest.TestCase):
    maxDiff = None

    def test_the_program_prints_the_same_objects(self):
        if IS_HELM:
            chart = os.path.join(MANIFESTS, "helm/shunt")
            for values, _ in settings():
                with self.subTest(values):
                    chosen = [f"--set={value}=true" for value in values]
                    objects = printed("template", "shunt", chart, "--namespace=kube-system", KUBERNETES, *chosen)
                    self.assertEqual(objects, comparable(helm_template.render(chart, values)))
            return
        verb = "kustomize" if os.path.basename(PROGRAM) == "kubectl" else "build"
        for name in ("base", "overlays/kubeadm", "overlays/kind", "overlays/cleanup"):
            with self.subTest(name):
                directory = os.path.join(MANIFESTS, name)
                self.assertEqual(printed(verb, directory), comparable(kustomize.build(directory)))


if __name__ == "__main__":
    outcome.run()
