// SPDX-License-Identifier: Apache-2.0
// The admin API on a unix socket: shunt.admin.v1.AdminService, the standard health service and reflection.
#ifndef SHUNT_ADMIN_SERVER_H_
#define SHUNT_ADMIN_SERVER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "userspace/report/agent_status.h"

namespace shunt::admin {

// Thread-safe, except that the destructor must be the last call.
class AdminServer {
 public:
  // Listens on `socket_path` (a file system path below 108 bytes, never an abstract name) and answers from
  // `queries` on threads of its own. The socket has mode 0600 from its first moment and appears at the path in one
  // step, in place of one whose listener is gone; directories that are missing are made, with mode 0700.
  // Errors: kAlreadyExists: somebody answers at `socket_path`; kFailedPrecondition: what stands there is no socket;
  // kInvalidArgument: the path is empty or too long; else what the file system said.
  // The queries must answer, whatever they say, until Shutdown has returned.
  static absl::StatusOr<std::unique_ptr<AdminServer>> Start(const std::string& socket_path,
                                                            report::AgentQueries queries);
  // As Shutdown, at once.
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  // What the health service says of "" and of "shunt.admin.v1.AdminService": NOT_SERVING until first told.
  void SetServing(bool serving);

  // Takes the socket away, lets calls in progress end until `timeout` has passed, then cancels them; returns when
  // none is left. The second call does nothing.
  void Shutdown(absl::Duration timeout);

 private:
  class Impl;
  explicit AdminServer(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace shunt::admin

#endif  // SHUNT_ADMIN_SERVER_H_
