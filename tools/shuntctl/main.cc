// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <iostream>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "tools/shuntctl/run.h"

int main(int argc, char** argv) {
  const shunt::shuntctl::Environment environment{.out = std::cout,
                                                 .err = std::cerr,
                                                 .out_is_terminal = isatty(STDOUT_FILENO) == 1,
                                                 .wait = [](absl::Duration interval) {
                                                   absl::SleepFor(interval);
                                                   return true;
                                                 }};
  return shunt::shuntctl::RunShuntctl(std::vector<std::string>(argv + 1, argv + argc), environment);
}
