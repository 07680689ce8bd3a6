#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The linker launcher of shunt_static_binary(): runs the given link command with every shared library replaced by the
# archive of the same name. Debian's CMake packages name only shared libraries; the archives are beside them. The
# archives form one group, because their order would matter otherwise.
set -eu

driver=$1
shift
count=$#
while [ "$count" -gt 0 ]; do
  argument=$1
  shift
  case $argument in
    *.so | *.so.[0-9]*) argument=${argument%%.so*}.a ;;
    -Wl,-rpath,*) argument= ;;
  esac
  [ -z "$argument" ] || set -- "$@" "$argument"
  count=$((count - 1))
done
exec "$driver" -static -Wl,--start-group "$@" -Wl,--end-group
