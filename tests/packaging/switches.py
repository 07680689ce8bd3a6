# SPDX-License-Identifier: Apache-2.0
"""The chart's switches, and the component of manifests/components that each corresponds to."""

import re

import helm_template
import kustomize
from outcome import yaml

SWITCHES = (("kubeadmKubeconfig", "kubeadm-kubeconfig"), ("besideKubeProxy", "beside-kube-proxy"),
            ("packetPath", "packet-path"), ("endSockets", "end-sockets"))


def settings():
    """Yields (values, components) of every combination of switches."""
    for number in range(1 << len(SWITCHES)):
        chosen = [switch for position, switch in enumerate(SWITCHES) if number >> position & 1]
        yield {value: True for value, _ in chosen}, [component for _, component in chosen]


def comparable(objects):
    """Maps objects by name, with the configuration's text parsed, because not all write it in the same order."""
    keyed = kustomize.by_key(objects)
    for (kind, _, _), item in keyed.items():
        if kind == "ConfigMap":
            item["data"] = {name: yaml.safe_load(text) for name, text in item["data"].items()}
    return keyed


def alike(objects):
    """As comparable, without the marks that make a changed configuration replace the pods, which kustomize and the chart
    set each in its own way, and without the chart's hooks, for which kustomize has nothing."""
    kept = [item for item in objects if not helm_template.is_hook(item)]
    for item in kept:
        template = item.get("spec", {}).get("template", {})
        annotations = template.get("metadata", {}).get("annotations", {})
        annotations.pop("checksum/configuration", None)
        if not annotations:
            template.get("metadata", {}).pop("annotations", None)
        for volume in template.get("spec", {}).get("volumes", []):
            if "configMap" in volume:
                volume["configMap"]["name"] = _unhashed(volume["configMap"]["name"])
        if item["kind"] == "ConfigMap":
            item["metadata"]["name"] = _unhashed(item["metadata"]["name"])
    return comparable(kept)


def _unhashed(name):
    return re.sub(r"^shunt-[0-9a-z]{10}$", "shunt", name)
