// SPDX-License-Identifier: Apache-2.0
#include "userspace/admin/server.h"

#include <grpc/grpc.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server_posix.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "userspace/admin/admin_service.h"
#include "userspace/admin/socket_file.h"
#include "userspace/posix/event_fd.h"

namespace shunt::admin {
namespace {

constexpr char kServiceName[] = "shunt.admin.v1.AdminService";
// Requests hold a few names. kAnswerBytesMax in admin_service.cc limits answers.
constexpr int kRequestBytesMax = 64 << 10;
// Maximum number of concurrent calls; further ones get RESOURCE_EXHAUSTED.
constexpr int kThreadsMax = 32;
// How long to wait after an error of accept() that may pass, such as running out of file descriptors.
constexpr int kAcceptRetryMs = 100;

// Both are settings of the process, read when a server is built.
void EnableStandardServices() {
  static std::once_flag once;
  std::call_once(once, [] {
    // The library stays initialized: shutting it down may wait up to 10 s for a poller if a client has been slow, and
    // an agent should end at once.
    grpc_init();
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  });
}

std::unique_ptr<grpc::Server> BuildServer(grpc::Service* service) {
  EnableStandardServices();
  grpc::ResourceQuota quota("shunt-admin");
  quota.SetMaxThreads(kThreadsMax);
  grpc::ServerBuilder builder;
  builder.RegisterService(service)
      .SetResourceQuota(quota)
      .SetMaxReceiveMessageSize(kRequestBytesMax)
      .SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1)
      .SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1)
      .SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 2);
  return builder.BuildAndStart();
}

}  // namespace

// gRPC serves connections, but we listen ourselves: its listener leaves the file's mode to the umask and takes a path
// even from a running server.
class AdminServer::Impl {
 public:
  Impl(SocketFile listener, posix::EventFd stop, const report::AgentView& view)
      : listener_(std::move(listener)), stop_(std::move(stop)), service_(MakeAdminService(view)) {}

  ~Impl() { Shutdown(absl::ZeroDuration()); }

  absl::Status Start() {
    server_ = BuildServer(service_.get());
    if (server_ == nullptr) return absl::InternalError("admin server: gRPC could not start a server");
    SetServing(false);
    acceptor_ = std::thread([this, listen_fd = listener_->fd()] { Accept(listen_fd); });
    return absl::OkStatus();
  }

  void SetServing(bool serving) {
    grpc::HealthCheckServiceInterface* health = server_->GetHealthCheckService();
    health->SetServingStatus("", serving);
    health->SetServingStatus(kServiceName, serving);
  }

  void Shutdown(absl::Duration timeout) {
    const std::lock_guard<std::mutex> lock(shutdown_mutex_);
    if (server_ == nullptr || !listener_.has_value()) return;
    stop_.Signal();
    if (acceptor_.joinable()) acceptor_.join();
    listener_.reset();
    server_->Shutdown(absl::ToChronoTime(absl::Now() + timeout));
    server_->Wait();
  }

 private:
  void Accept(int listen_fd) {
    // Signals are handled by the threads that wait for them.
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    pollfd fds[] = {{.fd = stop_.get(), .events = POLLIN, .revents = 0},
                    {.fd = listen_fd, .events = POLLIN, .revents = 0}};
    for (;;) {
      if (poll(fds, 2, -1) < 0) continue;
      if (fds[0].revents != 0) return;
      const int fd = accept4(listen_fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) {
        grpc::AddInsecureChannelFromFd(server_.get(), fd);  // takes the descriptor
      } else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
        poll(fds, 1, kAcceptRetryMs);
      }
    }
  }

  std::optional<SocketFile> listener_;  // until Shutdown
  const posix::EventFd stop_;           // signalled when the acceptor should end
  std::unique_ptr<grpc::Service> service_;
  std::unique_ptr<grpc::Server> server_;  // uses service_
  std::thread acceptor_;
  std::mutex shutdown_mutex_;
};

absl::StatusOr<std::unique_ptr<AdminServer>> AdminServer::Start(const std::string& socket_path,
                                                                const report::AgentView& view) {
  absl::StatusOr<SocketFile> listener = SocketFile::Listen(socket_path);
  if (!listener.ok()) return listener.status();
  posix::EventFd stop;
  if (!stop.ok()) return absl::ErrnoToStatus(errno, "admin server: eventfd");
  auto impl = std::make_unique<Impl>(*std::move(listener), std::move(stop), view);
  if (absl::Status status = impl->Start(); !status.ok()) return status;
  return std::unique_ptr<AdminServer>(new AdminServer(std::move(impl)));
}

absl::Status AdminServer::CheckSocket(const std::string& socket_path) {
  return SocketFile::Check(socket_path);
}

AdminServer::AdminServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AdminServer::~AdminServer() = default;

void AdminServer::SetServing(bool serving) {
  impl_->SetServing(serving);
}
void AdminServer::Shutdown(absl::Duration timeout) {
  impl_->Shutdown(timeout);
}

}  // namespace shunt::admin
