# SPDX-License-Identifier: Apache-2.0
# Fully static test binaries, for a guest that has a kernel and no distribution (tests/kernels).

# shunt_static_binary(NAME SOURCES... DEPS...): an executable without shared libraries: DEPS (our libraries, absl,
# libbpf) and GoogleTest with our main are linked from their archives. Does nothing with sanitizers or fuzzing, whose
# run-time libraries are not available as archives.
function(shunt_static_binary name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  if(SHUNT_SANITIZE OR SHUNT_FUZZ)
    return()
  endif()
  add_executable(${name} ${ARG_SOURCES})
  # An archive does not name what it needs: libbpf needs libelf and zlib.
  target_link_libraries(${name} PRIVATE shunt_flags ${ARG_DEPS} GTest::gmock shunt_test_main elf z)
  set_target_properties(${name} PROPERTIES
    POSITION_INDEPENDENT_CODE OFF
    CXX_LINKER_LAUNCHER ${CMAKE_SOURCE_DIR}/cmake/link_static.sh
    LINK_DEPENDS ${CMAKE_SOURCE_DIR}/cmake/link_static.sh)
endfunction()
