# SPDX-License-Identifier: Apache-2.0
"""The API server's audit log, and whether RBAC's rules allow the requests in it."""

import dataclasses
import json


@dataclasses.dataclass(frozen=True)
class Request:
    """A request as RBAC sees it: for a resource, or for a path that is not a resource."""
    verb: str
    group: str = ""
    resource: str = ""
    path: str = ""


def requests_of(log, user):
    """Returns every Request of `user`, with any answer, because a starting server forbids everything for a moment."""
    found = set()
    for line in log.read_text().splitlines():
        event = json.loads(line)
        if event["user"].get("username") != user:
            continue
        asked = event.get("objectRef")
        found.add(Request(event["verb"], path=event["requestURI"].split("?")[0]) if asked is None else
                  Request(event["verb"], asked.get("apiGroup", ""), asked["resource"]))
    return found


def grants(rule, request):
    """Returns whether a rule of a ClusterRole allows a request, for every name and in every namespace."""
    def holds(allowed, asked):
        return "*" in allowed or asked in allowed

    if not holds(rule["verbs"], request.verb) or "resourceNames" in rule:
        return False
    if request.path:
        return holds(rule.get("nonResourceURLs", []), request.path)
    return holds(rule.get("apiGroups", []), request.group) and holds(rule.get("resources", []), request.resource)


def permissions(rules):
    """Returns every Request that the rules allow."""
    return {Request(verb, group, resource) for rule in rules for verb in rule["verbs"]
            for group in rule.get("apiGroups", []) for resource in rule.get("resources", [])}
