# SPDX-License-Identifier: Apache-2.0
"""How a Python test reports its result to CTest, with the exit statuses of tests/test_main.cc."""

import os
import sys
import unittest

SKIPPED = 77


def skip_all(reason):
    """Ends the process, because no test of this file can run here."""
    print(f"skipped: {reason}")
    sys.exit(_status_of_skips())


def _status_of_skips():
    return 1 if os.environ.get("SHUNT_REQUIRE_ROOT_TESTS") == "1" else SKIPPED


def run(module="__main__"):
    """Runs the module's tests. Exits with 0 if all passed, 77 if some were skipped, 1 if one failed or if a skip is a
    failure."""
    program = unittest.main(module=module, exit=False, argv=sys.argv[:1], verbosity=2)
    if not program.result.wasSuccessful() or program.result.testsRun == 0:
        sys.exit(1)
    sys.exit(_status_of_skips() if program.result.skipped else 0)


try:
    import yaml
except ImportError:
    skip_all("no module yaml: apt-get install python3-yaml")
