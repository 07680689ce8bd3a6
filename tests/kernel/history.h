// SPDX-License-Identifier: Apache-2.0
// Records which sets were behind some ClusterIPs and when, so that every connection can be judged by the address that
// it reached: the address itself encodes the frontend and the set that it belongs to.
#ifndef SHUNT_TESTS_KERNEL_HISTORY_H_
#define SHUNT_TESTS_KERNEL_HISTORY_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "userspace/model/ip_address.h"

namespace shunt::kernel_test {

// One thread writes (Begin, Finish); any thread may read.
//
// Each frontend has a sequence of sets, numbered from 0. A backend's address is 0001 FFFFFF SSSSSSSSSSSSSSSS MMMMMM
// in bits: frontend, set, member; all in 16.0.0.0/4. Set 0 is "no Service".
class History {
 public:
  static constexpr int kFrontends = 24;
  static constexpr int kSets = 1 << 16;
  static constexpr int kMembers = 1 << 6;
  static constexpr char kPrefix[] = "16.0.0.0/4";

  History();

  // Returns the frontend's ClusterIP, 10.99.0.x.
  static std::string ClusterIp(int frontend);
  static std::string Backend(int frontend, uint32_t set, int member);
  // Returns the set that a backend's address names.
  static uint32_t SetOf(const model::IpAddress& backend);

  // Says that the next set is about to be published; `present` is false if there will be no Service. Returns its
  // number.
  uint32_t Begin(int frontend, bool present);
  // Says that the set last begun is completely published: no later connection may see an older one.
  void Finish(int frontend);
  bool present(int frontend) const { return present_[frontend][latest(frontend)]; }
  uint32_t latest(int frontend) const { return begun_[frontend].load(std::memory_order_acquire); }
  // The oldest set that a connection may see. Read this before the connection, and latest() after it.
  uint32_t oldest(int frontend) const { return finished_[frontend].load(std::memory_order_acquire); }

  enum class Verdict {
    kRight,         // a backend of a set that existed meanwhile, or untouched while no Service existed
    kOtherService,  // a backend of another frontend
    kOtherSet,      // a backend of this frontend, but of a set that did not exist meanwhile
    kUntranslated,  // untouched although a Service existed all the time
    kStray,         // an address that was not dialled and is in no set
  };
  static constexpr int kVerdicts = 5;
  // Judges the address that a connection to `frontend` reached, with the two bounds read before and after it.
  Verdict Judge(int frontend, uint32_t oldest, uint32_t latest, const model::IpAddress& reached) const;
  // Returns whether a failed or untouched connection is right: at some time meanwhile no Service existed.
  bool MayBeAbsent(int frontend, uint32_t oldest, uint32_t latest) const;

 private:
  std::array<std::atomic<uint32_t>, kFrontends> begun_ = {};
  std::array<std::atomic<uint32_t>, kFrontends> finished_ = {};
  std::vector<std::vector<uint8_t>> present_;  // written before `begun_` names the set
};

}  // namespace shunt::kernel_test

#endif  // SHUNT_TESTS_KERNEL_HISTORY_H_
