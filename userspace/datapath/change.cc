// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/change.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace shunt::datapath {

void FrontendChange::Retire(std::vector<Retired>& retired) {
  count.GiveBack();
  row.Retire(retired);
  list.Retire(retired);
  // Nothing was ever written to the slot.
  new_index_slot.GiveBack();
}

void Change::BeginWriting(std::vector<Retired>& retired) {
  stage_ = Stage::kWritten;
  retired_ = &retired;
}

void Change::BeginPublishing() {
  stage_ = Stage::kPublished;
}

void Change::Fail(absl::Status status) {
  status_ = std::move(status);
  switch (stage_) {
    case Stage::kStaged:
      stage_ = Stage::kRefused;
      GiveBack();
      return;
    case Stage::kWritten:
      stage_ = Stage::kAbandoned;
      for (FrontendChange& frontend : frontends_) frontend.Retire(*retired_);
      for (PortChange& port : ports_) {
        for (PoolChange& pool : port.pools) {
          pool.new_id.Retire(*retired_);
          pool.set.Retire(*retired_);
        }
        port.new_index.Retire(*retired_);
      }
      GiveBack();
      return;
    case Stage::kPublished:
    case Stage::kRefused:
    case Stage::kAbandoned:
      return;
  }
}

void Change::FailForTaker(const ServiceState& taker, absl::Status status) {
  waits_for_.push_back(&taker);
  if (ok()) Fail(std::move(status));
}

void Change::GiveBack() {
  frontends_.clear();
  released_.clear();
  ports_.clear();
}

bool Change::IsEmpty() const {
  if (!frontends_.empty() || !released_.empty()) return false;
  if (ports_.size() != service().ports.size()) return false;
  for (const PortChange& port : ports_) {
    if (port.is_new || !port.pools.empty()) return false;
    const auto used =
        std::count_if(port.pool_ids.begin(), port.pool_ids.end(), [](uint32_t id) { return id != kNoId; });
    for (const PortState& state : service().ports) {
      if (state.index == port.index && state.pools.size() != static_cast<size_t>(used)) return false;
    }
  }
  return true;
}

}  // namespace shunt::datapath
