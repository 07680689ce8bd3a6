#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the repository against its own rules: house.py [ROOT]. Exit 1 and a line per finding if one is broken."""

import os
import re
import sys

import circles
import documents
import edges
import registration
import sizes
import words
from tree import Finding, Tree

_UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX)\b")  # in parts, not to find itself


def unfinished(tree):
    """Nothing that is left for later stands in the sources: later is an issue."""
    for path, text in tree.code() + tree.select(".py", ".sh", ".cmake", "CMakeLists.txt", ".proto"):
        for number, line in enumerate(text.split("\n"), 1):
            match = _UNFINISHED.search(line)
            if match:
                yield Finding(path, number, f"{match.group(0)}: finish it, or file an issue and say here why it waits")


RULES = (
    edges.include_edges,
    edges.inner_edges,
    edges.testing_stays_in_tests,
    circles.no_circles,
    words.banned_names,
    words.plain_words,
    sizes.file_lengths,
    sizes.median_is_readable,
    sizes.small_units_are_shared,
    sizes.function_lengths,
    sizes.line_lengths,
    sizes.license_lines,
    registration.tests_are_registered,
    documents.maps_are_described,
    documents.scenarios_are_cited,
    documents.links_resolve,
    documents.prose_is_wrapped,
    documents.rooms_have_pages,
    documents.pages_name_what_exists,
    unfinished,
)


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
    tree = Tree.read(root)
    failed = False
    for rule in RULES:
        findings = sorted(set(rule(tree)))
        print(f"{'FAILED' if findings else 'passed'}  {rule.__name__}: {rule.__doc__.splitlines()[0]}")
        for finding in findings:
            print(f"    {finding}")
        failed = failed or bool(findings)
    print(f"{len(tree.files)} files; C and C++ that is not for tests: median {sizes.median_file_length(tree)} lines")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
