// SPDX-License-Identifier: Apache-2.0
#include "userspace/admin/timestamp.h"

namespace shunt::admin {

void SetMilliseconds(int64_t since_1970_ms, google::protobuf::Timestamp* timestamp) {
  timestamp->set_seconds(since_1970_ms / 1000);
  timestamp->set_nanos(static_cast<int32_t>(since_1970_ms % 1000) * 1'000'000);
}

}  // namespace shunt::admin
