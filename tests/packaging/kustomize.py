# SPDX-License-Identifier: Apache-2.0
"""As much of kustomize as manifests/ uses, so that its tests need no kubectl: where there is one, manifests_test.py
compares. Anything else in a kustomization is an error, not ignored."""

import copy
import os

from outcome import yaml

KNOWN = {"apiVersion", "kind", "resources", "components", "patches", "images"}


def build(directory):
    """The objects that `kubectl kustomize DIRECTORY` prints, in no order that means anything."""
    return _apply(_kustomization(directory), directory, [])


def compose(resources, components, directory):
    """As if a kustomization with these stood in `directory`."""
    return _apply({"resources": resources, "components": components}, directory, [])


def key_of(item):
    metadata = item["metadata"]
    return item["kind"], metadata.get("namespace", ""), metadata["name"]


def by_key(objects):
    """One object per kind, namespace and name; ValueError on a second one."""
    keyed = {key_of(item): item for item in objects}
    if len(keyed) != len(objects):
        raise ValueError("two objects with one name")
    return keyed


def _kustomization(directory):
    with open(os.path.join(directory, "kustomization.yaml"), encoding="utf-8") as file:
        said = yaml.safe_load(file)
    if unknown := set(said) - KNOWN:
        raise ValueError(f"{directory}: {', '.join(sorted(unknown))}: this reader does not know it")
    return said


def _apply(said, directory, objects):
    for resource in said.get("resources", []):
        path = os.path.join(directory, resource)
        if os.path.isdir(path):
            objects = objects + build(path)
            continue
        with open(path, encoding="utf-8") as file:
            objects = objects + list(yaml.safe_load_all(file))
    for component in said.get("components", []):
        path = os.path.join(directory, component)
        objects = _apply(_kustomization(path), path, objects)
    for patch in said.get("patches", []):
        objects = _patched(objects, patch)
    for image in said.get("images", []):
        _set_image(objects, image)
    return objects


def _patched(objects, patch):
    operations = yaml.safe_load(patch["patch"])
    target = patch["target"]
    patched = copy.deepcopy(objects)
    hits = [item for item in patched if (item["kind"], item["metadata"]["name"]) == (target["kind"], target["name"])]
    if len(hits) != 1:
        raise ValueError(f"{len(hits)} objects are {target}")
    for operation in operations:
        _operate(hits[0], operation)
    return patched


def _operate(document, operation):
    """One operation of JSON Patch (RFC 6902): add, replace and remove."""
    *parents, last = operation["path"].lstrip("/").split("/")
    place = document
    for part in parents:
        place = place[int(part)] if isinstance(place, list) else place[part]
    if operation["op"] == "add" and isinstance(place, list) and last == "-":
        place.append(operation["value"])
    elif operation["op"] == "add" and isinstance(place, dict):
        place[last] = operation["value"]
    elif operation["op"] == "replace" and isinstance(place, dict) and last in place:
        place[last] = operation["value"]
    elif operation["op"] == "remove" and isinstance(place, dict) and last in place:
        del place[last]
    else:
        raise ValueError(f"cannot {operation['op']} {operation['path']}")


def _set_image(objects, image):
    for item in objects:
        pod = item.get("spec", {}).get("template", {}).get("spec", {})
        for container in pod.get("containers", []):
            if container["image"].split(":")[0] == image["name"]:
                container["image"] = f"{image['newName']}:{image['newTag']}"
