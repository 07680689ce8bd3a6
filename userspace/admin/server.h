// SPDX-License-Identifier: Apache-2.0
// The admin API on a unix socket: shunt.admin.v1.AdminService, the standard health service and reflection.
#ifndef SHUNT_ADMIN_SERVER_H_
#define SHUNT_ADMIN_SERVER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "userspace/report/agent_view.h"

namespace shunt::admin {

// Thread-safe, except that the destructor must be the last call.
class AdminServer {
 public:
  // Listens on `socket_path` (a file system path below 108 bytes, never an abstract name) and answers from `view` on
  // threads of its own; `view` is asked until Shutdown has returned. The socket has mode 0600 from its first moment and
  // appears at the path in one step, in place of one whose listener is gone; missing directories are made, with mode
  // 0700.
  // kAlreadyExists if another process answers at `socket_path`; kFailedPrecondition if the file there is not a socket;
  // kInvalidArgument if the path is empty or too long; otherwise the file system's error.
  static absl::StatusOr<std::unique_ptr<AdminServer>> Start(const std::string& socket_path,
                                                            const report::AgentView& view);
  // Returns the error that Start would return, as far as it can be known without taking the path. Makes missing
  // directories, and nothing else.
  static absl::Status CheckSocket(const std::string& socket_path);
  // Calls Shutdown with a timeout of zero.
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  // Sets what the health service answers for "" and for "shunt.admin.v1.AdminService". It is NOT_SERVING at first.
  void SetServing(bool serving);

  // Removes the socket, lets calls in progress end until `timeout` has passed, then cancels the others; returns when
  // all have ended. Further calls do nothing.
  void Shutdown(absl::Duration timeout);

 private:
  class Impl;
  explicit AdminServer(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace shunt::admin

#endif  // SHUNT_ADMIN_SERVER_H_
