# SPDX-License-Identifier: Apache-2.0
"""The part of kustomize that manifests/ uses, so that its tests need no kubectl; where there is one, renderers_test.py
compares. Anything else in a kustomization is an error."""

import copy
import hashlib
import json
import os
import re

from outcome import yaml

KNOWN = {"apiVersion", "kind", "resources", "components", "configMapGenerator", "patches", "images"}
# What kustomize writes instead of these digits, so that no name spells a word.
SAFE_DIGITS = str.maketrans("013ae", "ghkmt")


def build(directory):
    """Returns the objects that `kubectl kustomize DIRECTORY` prints, in any order."""
    return _apply(_kustomization(directory), directory, [])


def compose(resources, components, directory):
    """Returns the objects of a kustomization with these fields in `directory`."""
    return _apply({"resources": resources, "components": components}, directory, [])


def key_of(item):
    metadata = item["metadata"]
    return item["kind"], metadata.get("namespace", ""), metadata["name"]


def by_key(objects):
    """Maps each object by kind, namespace and name; raises ValueError on a second one."""
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
    for generator in said.get("configMapGenerator", []):
        objects = objects + [_generated(generator, directory)]
        _refer(objects, generator["name"], objects[-1]["metadata"]["name"])
    for component in said.get("components", []):
        path = os.path.join(directory, component)
        objects = _apply(_kustomization(path), path, objects)
    for patch in said.get("patches", []):
        objects = _patched(objects, patch)
    for image in said.get("images", []):
        _set_image(objects, image)
    return objects


def _generated(generator, directory):
    """Returns the ConfigMap, whose name ends with a hash of its contents."""
    if unknown := set(generator) - {"name", "namespace", "files", "options"}:
        raise ValueError(f"configMapGenerator: {', '.join(sorted(unknown))}: this reader does not know it")
    data = {}
    for name in generator["files"]:
        with open(os.path.join(directory, name), encoding="utf-8") as file:
            data[name] = file.read()
    # The name has no part in it.
    hashed = json.dumps({"data": data, "kind": "ConfigMap", "name": ""}, separators=(",", ":"), sort_keys=True,
                        ensure_ascii=False)
    for character in "<>&":  # as Go's encoder writes them
        hashed = hashed.replace(character, f"\\u00{ord(character):02x}")
    digits = hashlib.sha256(hashed.encode()).hexdigest()[:10].translate(SAFE_DIGITS)
    return {"apiVersion": "v1", "kind": "ConfigMap", "data": data,
            "metadata": {"name": f"{generator['name']}-{digits}", "namespace": generator["namespace"],
                         "labels": dict(generator["options"]["labels"])}}


def _refer(objects, name, generated):
    """Makes the pods that mount the ConfigMap `name` mount the one that was generated."""
    for item in objects:
        for volume in _pod_of(item).get("volumes", []):
            if volume.get("configMap", {}).get("name") == name:
                volume["configMap"]["name"] = generated


def _patched(objects, patch):
    operations = yaml.safe_load(patch["patch"])
    target = patch["target"]
    patched = copy.deepcopy(objects)
    hits = [item for item in patched
            if item["kind"] == target["kind"] and re.fullmatch(target.get("name", ".*"), item["metadata"]["name"])]
    if not hits:
        raise ValueError(f"no object is {target}")
    for hit in hits:
        for operation in operations:
            _operate(hit, operation)
    return patched


def _operate(document, operation):
    """Applies one operation of JSON Patch (RFC 6902): add, replace or remove."""
    *parents, last = [part.replace("~1", "/") for part in operation["path"].lstrip("/").split("/")]
    target = document
    for part in parents:
        target = target[int(part)] if isinstance(target, list) else target[part]
    if operation["op"] == "add" and isinstance(target, list) and last == "-":
        target.append(operation["value"])
    elif operation["op"] == "add" and isinstance(target, dict):
        target[last] = operation["value"]
    elif operation["op"] == "replace" and isinstance(target, dict) and last in target:
        target[last] = operation["value"]
    elif operation["op"] == "remove" and isinstance(target, dict) and last in target:
        del target[last]
    else:
        raise ValueError(f"cannot {operation['op']} {operation['path']}")


def _set_image(objects, image):
    for item in objects:
        for container in _pod_of(item).get("containers", []):
            if container["image"].split(":")[0] == image["name"]:
                container["image"] = f"{image['newName']}:{image['newTag']}"


def _pod_of(item):
    return item.get("spec", {}).get("template", {}).get("spec", {})
