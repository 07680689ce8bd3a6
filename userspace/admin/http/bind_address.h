// SPDX-License-Identifier: Apache-2.0
// Where a server listens, as flags say it: "10.0.0.1:10256", "[fd00::1]:10256", "" for nowhere.
#ifndef SHUNT_ADMIN_HTTP_BIND_ADDRESS_H_
#define SHUNT_ADMIN_HTTP_BIND_ADDRESS_H_

#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "userspace/model/service_plan.h"

namespace shunt::admin::http {

// nullopt for "". kInvalidArgument says what is expected: names are not resolved, a port is always given (0: any free
// one).
absl::StatusOr<std::optional<model::SocketAddress>> ParseBindAddress(absl::string_view text);

}  // namespace shunt::admin::http

#endif  // SHUNT_ADMIN_HTTP_BIND_ADDRESS_H_
