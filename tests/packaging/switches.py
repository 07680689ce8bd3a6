# SPDX-License-Identifier: Apache-2.0
"""The chart's switches, and the component of manifests/components that each corresponds to."""

import kustomize
from outcome import yaml

SWITCHES = (("kubeadmKubeconfig", "kubeadm-kubeconfig"), ("besideKubeProxy", "beside-kube-proxy"),
            ("endSockets", "end-sockets"))


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
