# SPDX-License-Identifier: Apache-2.0
# Fully static test binaries: what boots in a guest that has a kernel and no distribution (tests/kernels).

# shunt_static_binary(NAME SOURCES... DEPS...): an executable without one shared library: DEPS (our libraries,
# absl, libbpf) and GoogleTest with our main are taken from their archives.
# Does nothing with sanitizers or fuzzing, whose run-time libraries are not to be had static.
function(shunt_static_binary name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  if(SHUNT_SANITIZE OR SHUNT_FUZZ)
    return()
  endif()
  add_executable(${name} ${ARG_SOURCES})
  # Archives name what they need in their .pc file only: libbpf wants libelf and zlib.
  target_link_libraries(${name} PRIVATE shunt_flags ${ARG_DEPS} GTest::gmock shunt_test_main elf z)
  set_target_properties(${name} PROPERTIES
    POSITION_INDEPENDENT_CODE OFF
    CXX_LINKER_LAUNCHER ${CMAKE_SOURCE_DIR}/cmake/link_static.sh
    LINK_DEPENDS ${CMAKE_SOURCE_DIR}/cmake/link_static.sh)
endfunction()
