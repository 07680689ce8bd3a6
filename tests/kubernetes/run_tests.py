#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs test modules inside the sandbox: run_tests.py MODULE...  Exits with 0 if all passed, 1 if one failed, 77 if some
were skipped."""

import os
import pathlib
import sys
import unittest

import control_plane
import network


class Result(unittest.TextTestResult):
    """Also counts the tests that passed."""

    passed = 0

    def addSuccess(self, test):  # unittest's name
        super().addSuccess(test)
        self.passed += 1


def main():
    for name in ("etcd", "kube-apiserver"):
        if not (control_plane.SERVERS / name).exists():
            print(f"kubernetes: SKIPPED: {control_plane.SERVERS}/{name} is not built: see the test kubernetes_servers",
                  file=sys.stderr)
            return 77
    network.set_up()
    sys.path.insert(0, str(pathlib.Path(__file__).parent))
    suite = unittest.TestLoader().loadTestsFromNames(sys.argv[1:])
    result = unittest.TextTestRunner(verbosity=2, stream=sys.stdout, resultclass=Result).run(suite)
    failed = len(result.failures) + len(result.errors)
    print(f"{result.passed} passed, {failed} failed, {len(result.skipped)} skipped")
    if failed or (result.skipped and os.environ.get("SHUNT_REQUIRE_ROOT_TESTS") == "1"):
        return 1
    return 77 if result.skipped else 0


if __name__ == "__main__":
    sys.exit(main())
