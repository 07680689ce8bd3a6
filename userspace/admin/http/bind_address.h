// SPDX-License-Identifier: Apache-2.0
// The address on which a server listens, as flags give it: "10.0.0.1:10256", "[fd00::1]:10256", or "" for none.
#ifndef SHUNT_ADMIN_HTTP_BIND_ADDRESS_H_
#define SHUNT_ADMIN_HTTP_BIND_ADDRESS_H_

#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "userspace/model/service_plan.h"

namespace shunt::admin::http {

// Returns nullopt for "". kInvalidArgument says what is expected: an address and a port (0 for any free port); names
// are not resolved.
absl::StatusOr<std::optional<model::SocketAddress>> ParseBindAddress(absl::string_view text);

}  // namespace shunt::admin::http

#endif  // SHUNT_ADMIN_HTTP_BIND_ADDRESS_H_
