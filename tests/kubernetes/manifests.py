# SPDX-License-Identifier: Apache-2.0
"""The objects of manifests/, for an API server."""

import pathlib
import sys

ROOT = pathlib.Path(__file__).parent.parent.parent / "manifests"
BASE = ROOT / "base"
_ACCESS = ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")

sys.path.append(str(ROOT.parent / "tests/packaging"))
import kustomize  # pylint: disable=wrong-import-position


def layouts():
    """Yields (name, objects) of what users give to `kubectl apply -k`, and of the base with each component."""
    for directory in (BASE, *sorted(path.parent for path in ROOT.glob("overlays/*/kustomization.yaml"))):
        yield directory.name, kustomize.build(directory)
    for component in sorted(path.parent for path in ROOT.glob("components/*/kustomization.yaml")):
        yield component.name, kustomize.compose(["base"], [component], ROOT)


def capabilities():
    """Returns the capabilities of the agent's container: "BPF", ..."""
    daemon_set = next(item for item in kustomize.build(BASE) if item["kind"] == "DaemonSet")
    return daemon_set["spec"]["template"]["spec"]["containers"][0]["securityContext"]["capabilities"]["add"]


def access():
    """Returns the agent's service account and all objects that grant it something."""
    return [item for item in kustomize.build(BASE) if item["kind"] in _ACCESS]
