#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs one fuzz target for SHUNT_FUZZ_SECONDS (default 30) on a scratch copy of its corpus.
set -eu
target=$1
corpus=${2:-}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
exec_args="-max_total_time=${SHUNT_FUZZ_SECONDS:-30} -rss_limit_mb=4096 -timeout=10 -print_final_stats=1 -artifact_prefix=$scratch/"
# shellcheck disable=SC2086
"$target" $exec_args "$scratch" ${corpus:+"$corpus"}
