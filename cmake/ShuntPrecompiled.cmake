# SPDX-License-Identifier: Apache-2.0
# Headers of others that most files include, parsed once: the standard library, absl, and GoogleTest for tests. It halves
# a build and changes nothing else: every file still includes what it uses, which the release build proves, because it
# has no precompiled headers.

option(SHUNT_PRECOMPILE "Parse the most included headers once for all" ON)

set(precompiled_headers
  <algorithm> <array> <atomic> <chrono> <condition_variable> <cstdint> <filesystem> <functional> <map> <memory> <mutex>
  <optional> <random> <set> <sstream> <stop_token> <string> <string_view> <thread> <utility> <variant> <vector>
  <absl/container/flat_hash_map.h> <absl/container/flat_hash_set.h> <absl/status/status.h> <absl/status/statusor.h>
  <absl/strings/str_cat.h> <absl/strings/str_format.h> <absl/strings/str_join.h> <absl/strings/str_split.h>
  <absl/types/span.h>)

# One for libraries and one for test binaries: a compiler takes a precompiled header only with the very same flags, and
# executables are compiled with -fPIE. Only the headers of these two are ever built.
add_library(shunt_precompiled_library STATIC EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/cmake/precompiled.cc)
add_executable(shunt_precompiled_test EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/cmake/precompiled.cc)
foreach(kind library test)
  target_link_libraries(shunt_precompiled_${kind} PRIVATE shunt_flags absl::flat_hash_map absl::statusor)
  target_precompile_headers(shunt_precompiled_${kind} PRIVATE ${precompiled_headers})
endforeach()
target_link_libraries(shunt_precompiled_test PRIVATE GTest::gmock)
target_precompile_headers(shunt_precompiled_test PRIVATE <gmock/gmock.h> <gtest/gtest.h>)

# shunt_precompile(TARGET library|test)
function(shunt_precompile target kind)
  if(SHUNT_PRECOMPILE)
    target_precompile_headers(${target} REUSE_FROM shunt_precompiled_${kind})
  endif()
endfunction()
