# SPDX-License-Identifier: Apache-2.0
"""Files stand in a line: what one includes never leads back to it."""

import collections
import posixpath
import re

from tree import Finding, includes

_ENDING = re.compile(r"(\.bpf)?\.(h|cc|c)$")


def unit_of(path):
    """foo.h, foo.cc and foo.bpf.c are one unit: a reader opens them together."""
    return _ENDING.sub("", path)


def unit_edges(tree):
    """Unit -> the units that it includes, besides itself. What is not in the tree is left out."""
    edges = collections.defaultdict(set)
    for path, text in tree.code():
        for include in includes(text):
            beside = posixpath.normpath(posixpath.join(posixpath.dirname(path), include.header))
            header = next((name for name in (include.header, beside) if name in tree.files), None)
            if header is not None and unit_of(header) != unit_of(path):
                edges[unit_of(path)].add(unit_of(header))
    return edges


def _way_back(edges, start):
    """The shortest way from `start` to itself, both ends included; None if there is none."""
    came_from = {}
    waiting = collections.deque([start])
    while waiting:
        unit = waiting.popleft()
        for included in sorted(edges.get(unit, ())):
            if included == start:
                way = [unit, start]
                while way[0] != start:
                    way.insert(0, came_from[way[0]])
                return way
            if included not in came_from:
                came_from[included] = unit
                waiting.append(included)
    return None


def no_circles(tree):
    """No unit (foo.h with foo.cc) includes one that leads back to it; of units in several circles one is shown."""
    edges = unit_edges(tree)
    shown = set()
    for unit in sorted(edges):
        way = None if unit in shown else _way_back(edges, unit)
        if way is not None:
            shown.update(way)
            yield Finding(unit, 0, "a circle of files: " + " -> ".join(way))
