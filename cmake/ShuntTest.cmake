# SPDX-License-Identifier: Apache-2.0
# Tests and fuzz targets. Labels are the kinds of docs/testing.md: unit, scenario, bpf, kernel, house.

find_package(GTest REQUIRED)

add_library(shunt_test_main STATIC ${CMAKE_SOURCE_DIR}/tests/test_main.cc)
target_link_libraries(shunt_test_main PUBLIC shunt_flags GTest::gtest)

# shunt_test(NAME SOURCES... DEPS... [LABEL kind] [TIMEOUT seconds] [EXCLUSIVE]): one GoogleTest binary.
# A binary that skipped a test counts as skipped, and as failed when SHUNT_REQUIRE_ROOT_TESTS=1 (tests/test_main.cc).
# bpf and kernel tests need root and run one at a time; EXCLUSIVE: alone on the machine.
function(shunt_test name)
  cmake_parse_arguments(ARG "EXCLUSIVE" "LABEL;TIMEOUT" "SOURCES;DEPS" ${ARGN})
  if(NOT ARG_LABEL)
    set(ARG_LABEL unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE shunt_flags ${ARG_DEPS} GTest::gmock shunt_test_main)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT}
    SKIP_RETURN_CODE 77)
  if(ARG_LABEL STREQUAL "bpf" OR ARG_LABEL STREQUAL "kernel")
    set_tests_properties(${name} PROPERTIES RESOURCE_LOCK kernel)
  endif()
  if(ARG_EXCLUSIVE)
    set_tests_properties(${name} PROPERTIES RUN_SERIAL ON)
  endif()
endfunction()

# shunt_fuzz_target(NAME SOURCES... DEPS... [CORPUS dir]): built only with SHUNT_FUZZ; run by `make fuzz`.
function(shunt_fuzz_target name)
  if(NOT SHUNT_FUZZ)
    return()
  endif()
  cmake_parse_arguments(ARG "" "CORPUS" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE shunt_flags ${ARG_DEPS})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  add_test(NAME ${name} COMMAND ${CMAKE_SOURCE_DIR}/cmake/run_fuzz_target.sh $<TARGET_FILE:${name}> ${ARG_CORPUS})
  set_tests_properties(${name} PROPERTIES LABELS fuzz TIMEOUT 300)
endfunction()
