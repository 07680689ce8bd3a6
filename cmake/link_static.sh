#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Linker launcher of shunt_static_binary(): runs the link command it is given with every shared library
# replaced by the archive of the same name. Debian's CMake packages name shared libraries only; the archives
# lie beside them. One group, because archives, unlike shared libraries, care for their order.
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
