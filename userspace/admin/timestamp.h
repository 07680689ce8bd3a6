// SPDX-License-Identifier: Apache-2.0
#ifndef SHUNT_ADMIN_TIMESTAMP_H_
#define SHUNT_ADMIN_TIMESTAMP_H_

#include <cstdint>

#include "google/protobuf/timestamp.pb.h"

namespace shunt::admin {

// REQUIRES: not negative.
void SetMilliseconds(int64_t since_1970_ms, google::protobuf::Timestamp* timestamp);

}  // namespace shunt::admin

#endif  // SHUNT_ADMIN_TIMESTAMP_H_
