// SPDX-License-Identifier: Apache-2.0
#include "tests/playground/narrator.h"

#include <chrono>
#include <iostream>

#include "absl/strings/str_format.h"

namespace shunt::playground {

absl::Status Narrator::Step(absl::string_view what, const std::function<absl::Status()>& work) {
  std::cout << "  " << what << " ... " << std::flush;
  const auto begin = std::chrono::steady_clock::now();
  absl::Status status = work();
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  std::cout << (status.ok() ? absl::StrFormat("%.0f ms", took.count()) : std::string("failed")) << std::endl;
  return status;
}

void Narrator::Title(absl::string_view text) {
  std::cout << "\n" << ++titles_ << ". " << text << std::endl;
}

void Narrator::Line(absl::string_view text) {
  std::cout << text << std::endl;
}

void Narrator::Expect(bool as_promised, absl::string_view text) {
  std::cout << (as_promised ? "   ok  " : "   NOT AS PROMISED  ") << text << std::endl;
  broken_promises_ += as_promised ? 0 : 1;
}

}  // namespace shunt::playground
