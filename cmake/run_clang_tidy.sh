#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs clang-tidy over our translation units in a build directory's compile commands. It skips a file that was clean
# until the file, a header of ours, .clang-tidy or clang-tidy changes.
#
#   run_clang_tidy.sh CLANG_TIDY BUILD_DIR JOBS
#
# SHUNT_TIDY_TESTS=0 leaves out the *_test.cc files, to save minutes in CI.
set -euo pipefail

export clang_tidy=$1 build=$2
readonly jobs=$3
cd "$(dirname "$(dirname "$(readlink -f "$0")")")"
mkdir -p "$build/tidy-clean"

units() {
  sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' "$build/compile_commands.json" | sed "s|^$PWD/||" |
    grep -E '^(userspace|tools|tests|bench)/' |
    if [ "${SHUNT_TIDY_TESTS:-1}" = 0 ]; then grep -v '_test\.cc$'; else cat; fi | sort -u
}

check_one() {
  local unit=$1 stamp checks
  stamp="$build/tidy-clean/$({ echo "$unit $headers"; cat "$unit"; } | sha256sum | cut -c1-40)"
  [ ! -e "$stamp" ] || return 0
  # A table of cases in a test may be long; tests/house measures the functions of tests without their tables.
  case $unit in *_test.cc) checks=-readability-function-size ;; *) checks= ;; esac
  if "$clang_tidy" --quiet --checks="$checks" -p "$build" "$unit" 2> "$stamp.err"; then
    mv "$stamp.err" "$stamp"
  else
    grep -v 'warnings\{0,1\} generated\|warnings\{0,1\} treated as error' "$stamp.err" || true
    rm -f "$stamp.err"
    return 1
  fi
}
export -f check_one

# Every unit depends on all headers here: that is simple, and a full run takes minutes.
headers=$({ "$clang_tidy" --version; cat .clang-tidy; git ls-files '*.h' '*.proto' | xargs cat; } | sha256sum)
export headers
echo "tidy: $(units | wc -l) translation units (seconds each where something changed)"
# shellcheck disable=SC2016  # expanded by the inner shell
if units | xargs -n 1 -P "$jobs" bash -c 'check_one "$1"' check_one; then
  echo "tidy: clean"
else
  echo "tidy: not clean, see above; why this set of checks: .clang-tidy" >&2
  exit 1
fi
