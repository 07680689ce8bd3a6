// SPDX-License-Identifier: Apache-2.0
// Clients of gRPC's standard services, written without their .proto files, which no package installs.
#ifndef SHUNT_ADMIN_TESTING_STANDARD_SERVICES_H_
#define SHUNT_ADMIN_TESTING_STANDARD_SERVICES_H_

#include <memory>
#include <string>
#include <vector>

namespace grpc {
class Channel;
}

namespace shunt::admin::testing {

// Calls grpc.health.v1.Health/Check. Returns "SERVING", "NOT_SERVING" or "UNKNOWN"; "NOT_FOUND" for an unknown service;
// otherwise the error's message.
std::string CheckHealth(const std::shared_ptr<grpc::Channel>& channel, const std::string& service);

// Calls list_services of server reflection (v1alpha, which gRPC 1.51 implements).
std::vector<std::string> ListReflectedServices(const std::shared_ptr<grpc::Channel>& channel);

}  // namespace shunt::admin::testing

#endif  // SHUNT_ADMIN_TESTING_STANDARD_SERVICES_H_
