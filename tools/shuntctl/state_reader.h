// SPDX-License-Identifier: Apache-2.0
// Where a command's answers come from: the agent, or the pins it left. Both speak the messages of the admin API.
#ifndef SHUNT_TOOLS_SHUNTCTL_STATE_READER_H_
#define SHUNT_TOOLS_SHUNTCTL_STATE_READER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "shunt/admin/v1/admin_service.pb.h"
#include "tools/shuntctl/options.h"
#include "userspace/report/agent_status.h"

namespace shunt::shuntctl {

namespace v1 = admin::v1;

// Not thread-safe. Errors are those of the admin API, or say why nobody answers and what to do.
class StateReader {
 public:
  virtual ~StateReader() = default;

  virtual absl::StatusOr<v1::AgentStatus> Status() = 0;
  // Has the agent compare the maps with what is planned, now. kUnimplemented: this one knows no plans.
  virtual absl::StatusOr<v1::AuditReport> Audit() = 0;
  virtual absl::StatusOr<v1::ListServicesResponse> Services(const v1::ListServicesRequest& request) = 0;
  virtual absl::StatusOr<v1::Service> Service(const v1::GetServiceRequest& request) = 0;
  virtual absl::StatusOr<v1::ListBackendsResponse> Backends(const v1::ListBackendsRequest& request) = 0;
  // Visits every row; an error may come after some.
  virtual absl::Status DumpMap(const std::string& map, const std::function<void(v1::MapRow)>& visit) = 0;
};

// The agent at `socket`. Connects at once; kUnavailable, kPermissionDenied: what to do about it.
absl::StatusOr<std::unique_ptr<StateReader>> ConnectToAgent(const std::string& socket);

// The pins below `bpffs`, with or without an agent. kNotFound: there are none.
absl::StatusOr<std::unique_ptr<StateReader>> OpenPins(const std::string& bpffs);

// The one that the options ask for.
absl::StatusOr<std::unique_ptr<StateReader>> OpenReader(const Options& options);

// Answers from `queries`, as an agent would.
std::unique_ptr<StateReader> ReadQueries(report::AgentQueries queries);

}  // namespace shunt::shuntctl

#endif  // SHUNT_TOOLS_SHUNTCTL_STATE_READER_H_
