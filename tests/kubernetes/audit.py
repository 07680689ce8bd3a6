# SPDX-License-Identifier: Apache-2.0
"""The API server's audit log, and what RBAC's rules say to the requests in it."""

import dataclasses
import json


@dataclasses.dataclass(frozen=True)
class Request:
    """What was asked for, as RBAC sees it: a resource, or a path that is none."""
    verb: str
    group: str = ""
    resource: str = ""
    path: str = ""


def requests_of(log, user):
    """Every Request that `user` made, whatever the answer: a server that starts forbids everything for a moment."""
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
    """Whether a rule of a ClusterRole allows a request, for every name and in every namespace."""
    def holds(allowed, asked):
        return "*" in allowed or asked in allowed

    if not holds(rule["verbs"], request.verb) or "resourceNames" in rule:
        return False
    if request.path:
        return holds(rule.get("nonResourceURLs", []), request.path)
    return holds(rule.get("apiGroups", []), request.group) and holds(rule.get("resources", []), request.resource)


def permissions(rules):
    """Every Request that the rules allow, one by one."""
    return {Request(verb, group, resource) for rule in rules for verb in rule["verbs"]
            for group in rule.get("apiGroups", []) for resource in rule.get("resources", [])}
