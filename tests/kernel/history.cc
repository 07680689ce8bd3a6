// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/history.h"

#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"

namespace shunt::kernel_test {
namespace {

constexpr int kSetShift = 6;
constexpr int kFrontendShift = 22;
constexpr uint32_t kNetwork = 0x10000000;
constexpr uint32_t kClusterIps = 0x0a630000;  // 10.99.0.0

uint32_t HostOrder(const model::IpAddress& address) {
  const auto& bytes = address.bytes();
  return uint32_t{bytes[12]} << 24 | uint32_t{bytes[13]} << 16 | uint32_t{bytes[14]} << 8 | bytes[15];
}

}  // namespace

History::History() : present_(kFrontends, std::vector<uint8_t>(kSets)) {}

std::string History::ClusterIp(int frontend) {
  return model::IpAddress::FromV4(kClusterIps + static_cast<uint32_t>(frontend) + 1).ToString();
}

std::string History::Backend(int frontend, uint32_t set, int member) {
  return model::IpAddress::FromV4(kNetwork | static_cast<uint32_t>(frontend) << kFrontendShift | set << kSetShift |
                                  static_cast<uint32_t>(member))
      .ToString();
}

uint32_t History::SetOf(const model::IpAddress& backend) {
  return HostOrder(backend) >> kSetShift & (kSets - 1);
}

uint32_t History::Begin(int frontend, bool present) {
  const uint32_t set = latest(frontend) + 1;
  if (set >= kSets) {
    std::fprintf(stderr, "more sets than an address can name\n");
    std::abort();
  }
  present_[frontend][set] = present;
  begun_[frontend].store(set, std::memory_order_release);
  return set;
}

void History::Finish(int frontend) {
  finished_[frontend].store(latest(frontend), std::memory_order_release);
}

bool History::MayBeAbsent(int frontend, uint32_t oldest, uint32_t latest) const {
  for (uint32_t set = oldest; set <= latest; ++set) {
    if (!present_[frontend][set]) return true;
  }
  return false;
}

History::Verdict History::Judge(int frontend, uint32_t oldest, uint32_t latest, const model::IpAddress& reached) const {
  if (!reached.IsV4()) return Verdict::kStray;
  const uint32_t address = HostOrder(reached);
  if (address == kClusterIps + static_cast<uint32_t>(frontend) + 1) {
    return MayBeAbsent(frontend, oldest, latest) ? Verdict::kRight : Verdict::kUntranslated;
  }
  if ((address & 0xf0000000) != kNetwork) return Verdict::kStray;
  if (static_cast<int>(address >> kFrontendShift & 0x3f) != frontend) return Verdict::kOtherService;
  const uint32_t set = SetOf(reached);
  return set >= oldest && set <= latest && present_[frontend][set] ? Verdict::kRight : Verdict::kOtherSet;
}

}  // namespace shunt::kernel_test
