# SPDX-License-Identifier: Apache-2.0
# Tests and fuzz targets. Labels are the kinds of docs/testing.md: unit, scenario, bpf, kernel, kubernetes, house,
# guest, fuzz; a test in userspace/ROOM also carries the label ROOM. The target tests-LABEL builds the tests of one
# label.



add_library(shunt_test_main STATIC ${CMAKE_SOURCE_DIR}/tests/test_main.cc)
target_link_libraries(shunt_test_main PUBLIC shunt_flags GTest::gtest)

# `make run` needs no Python, and does not install it; then the tests that are written in Python are left out.
find_package(Python3 COMPONENTS Interpreter)

foreach(label unit scenario bpf kernel kubernetes house guest fuzz
        model report posix planner datapath sources admin agent)
  add_custom_target(tests-${label})
endforeach()

set(SHUNT_TEST_ENVIRONMENT
  "ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1"
  "UBSAN_OPTIONS=print_stacktrace=1"
  "TSAN_OPTIONS=second_deadlock_stack=1")
if(SHUNT_SANITIZE AND EXISTS /proc/sys/vm/mmap_rnd_bits)
  # The sanitizers of g++ 12 and clang 14 sometimes fail at start ("unexpected memory mapping") if the kernel randomizes
  # more address bits than they know of.
  file(READ /proc/sys/vm/mmap_rnd_bits mmap_rnd_bits)
  if(mmap_rnd_bits GREATER 28)
    set(SHUNT_TEST_LAUNCHER setarch --addr-no-randomize)
  endif()
endif()

# shunt_test(NAME SOURCES... DEPS... [LABEL kind] [TIMEOUT seconds]): one GoogleTest binary.
# A binary that skipped a test counts as skipped, and as failed when SHUNT_REQUIRE_ROOT_TESTS=1 (tests/test_main.cc).
# bpf and kernel tests need root, run one at a time, and count as two. Three tests run at once on two processors
# (CMakePresets.json): the guests and the tests against an API server start first (their COST) and often wait, so the
# tests that compute run beside them.
function(shunt_test name)
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT" "SOURCES;DEPS" ${ARGN})
  if(NOT ARG_LABEL)
    set(ARG_LABEL unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  set(labels ${ARG_LABEL})
  file(RELATIVE_PATH directory ${CMAKE_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  if(directory MATCHES "^userspace/([a-z]+)")
    list(APPEND labels ${CMAKE_MATCH_1})
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE shunt_flags ${ARG_DEPS} GTest::gmock shunt_test_main)
  shunt_precompile(${name} test)
  add_test(NAME ${name} COMMAND ${SHUNT_TEST_LAUNCHER} $<TARGET_FILE:${name}>)
  set_tests_properties(${name} PROPERTIES LABELS "${labels}" TIMEOUT ${ARG_TIMEOUT} SKIP_RETURN_CODE 77
    ENVIRONMENT "${SHUNT_TEST_ENVIRONMENT}")
  foreach(label ${labels})
    add_dependencies(tests-${label} ${name})
  endforeach()
  if(ARG_LABEL STREQUAL "bpf" OR ARG_LABEL STREQUAL "kernel")
    set_tests_properties(${name} PROPERTIES RESOURCE_LOCK kernel PROCESSORS 2)
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
  # SHUNT_FUZZ_SECONDS at test time says how long it runs; the timeout is only for a target that hangs.
  set_tests_properties(${name} PROPERTIES LABELS fuzz TIMEOUT 7200 ENVIRONMENT "${SHUNT_TEST_ENVIRONMENT}")
  add_dependencies(tests-fuzz ${name})
endfunction()
