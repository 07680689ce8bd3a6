#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs one fuzz target for SHUNT_FUZZ_SECONDS (default 30), seeded with its corpus, which it does not change. It keeps
# an input that breaks the target in the working directory as TARGET-crash-..., and prints its name.
#
#   run_fuzz_target.sh TARGET [CORPUS_DIR]
set -eu

target=$1
corpus=${2:-}
grown=$(mktemp -d)
trap 'rm -rf "$grown"' EXIT
"$target" -max_total_time="${SHUNT_FUZZ_SECONDS:-30}" -timeout=10 -rss_limit_mb=4096 -print_final_stats=1 \
  -artifact_prefix="$PWD/$(basename "$target")-" "$grown" ${corpus:+"$corpus"}
