// SPDX-License-Identifier: Apache-2.0
// main() of every GoogleTest binary. GoogleTest exits with 0 if tests were skipped; here the exit code shows a skip:
//   0   every test that was asked for ran and passed
//   1   a test failed, or one was skipped although SHUNT_REQUIRE_ROOT_TESTS=1 says that all can run (CI)
//   77  some were skipped, the others passed (CTest's SKIP_RETURN_CODE: reported as skipped, not as passed)
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

constexpr int kSkipped = 77;

bool SkipsAreFailures() {
  const char* value = std::getenv("SHUNT_REQUIRE_ROOT_TESTS");
  return value != nullptr && std::string(value) == "1";
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (const int failed = RUN_ALL_TESTS(); failed != 0) {
    return failed;
  }
  const int skipped = testing::UnitTest::GetInstance()->skipped_test_count();
  if (skipped == 0) {
    return 0;
  }
  if (!SkipsAreFailures()) {
    return kSkipped;
  }
  std::fprintf(stderr, "%d skipped: a failure, as SHUNT_REQUIRE_ROOT_TESTS=1 says that every test can run\n", skipped);
  return 1;
}
