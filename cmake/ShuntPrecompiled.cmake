# SPDX-License-Identifier: Apache-2.0
# Parses once the foreign headers that most files include: the standard library, absl, and GoogleTest for tests. This
# halves the time of a build. Every file must still include what it uses; the release build, which has no precompiled
# headers, proves it for the programs.

option(SHUNT_PRECOMPILE "Parse the most included headers once for all" ON)

set(precompiled_headers
  <algorithm> <array> <atomic> <chrono> <condition_variable> <cstdint> <filesystem> <functional> <map> <memory> <mutex>
  <optional> <random> <set> <sstream> <stop_token> <string> <string_view> <thread> <utility> <variant> <vector>
  <absl/container/flat_hash_map.h> <absl/container/flat_hash_set.h> <absl/status/status.h> <absl/status/statusor.h>
  <absl/strings/str_cat.h> <absl/strings/str_format.h> <absl/strings/str_join.h> <absl/strings/str_split.h>
  <absl/types/span.h>)

# One target for libraries and one for test binaries: a compiler uses a precompiled header only with the same flags, and
# executables are compiled with -fPIE. Only the headers of these two targets are built.
add_library(shunt_precompiled_library STATIC EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/cmake/precompiled.cc)
add_executable(shunt_precompiled_test EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/cmake/precompiled.cc)
foreach(kind library test)
  target_link_libraries(shunt_precompiled_${kind} PRIVATE shunt_flags absl::flat_hash_map absl::statusor)
  target_precompile_headers(shunt_precompiled_${kind} PRIVATE ${precompiled_headers})
endforeach()
target_link_libraries(shunt_precompiled_test PRIVATE GTest::gmock)
target_precompile_headers(shunt_precompiled_test PRIVATE <gmock/gmock.h> <gtest/gtest.h>)

# shunt_precompile(TARGET library|test): makes the target use them.
function(shunt_precompile target kind)
  if(SHUNT_PRECOMPILE)
    target_precompile_headers(${target} REUSE_FROM shunt_precompiled_${kind})
  endif()
endfunction()
