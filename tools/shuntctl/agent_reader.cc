// SPDX-License-Identifier: Apache-2.0
#include <grpcpp/grpcpp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "shunt/admin/v1/admin_service.grpc.pb.h"
#include "tools/shuntctl/state_reader.h"

namespace shunt::shuntctl {
namespace {

// The agent limits an answer to 64 MiB.
constexpr int kAnswerBytesMax = 65 << 20;
// An agent that is busy with 100,000 Services answers within a second or two.
constexpr std::chrono::seconds kCallTimeout(30);
constexpr std::chrono::seconds kDumpTimeout(300);

absl::Status ToAbsl(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const auto code = static_cast<absl::StatusCode>(status.error_code());
  if (code == absl::StatusCode::kDeadlineExceeded) {
    return absl::DeadlineExceededError("the agent did not answer in time; --offline reads the pins without it");
  }
  if (code == absl::StatusCode::kUnavailable) {
    return absl::UnavailableError(absl::StrCat("the agent went away: ", status.error_message()));
  }
  return {code, status.error_message()};
}

// Checks the socket before gRPC does, which would say only that it failed to connect.
absl::Status CheckSocket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(
        absl::StrCat("socket ", path, ": a socket's path has at most ", sizeof(address.sun_path) - 1, " bytes"));
  }
  memcpy(address.sun_path, path.data(), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return absl::ErrnoToStatus(errno, "cannot make a socket");
  const int result = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const int error = result == 0 ? 0 : errno;
  close(fd);
  if (error == 0) return absl::OkStatus();
  const std::string what = absl::StrCat("cannot reach the agent at ", path, ": ", strerror(error));
  if (error == EACCES || error == EPERM) {
    return absl::PermissionDeniedError(absl::StrCat(what, "; only its owner may use the socket: run this as root"));
  }
  return absl::UnavailableError(
      absl::StrCat(what,
                   "; is shuntd running? Name its socket with --socket, read the pins with --offline, or "
                   "ask the agent of a cluster's node with --node"));
}

class AgentReader final : public StateReader {
 public:
  explicit AgentReader(std::string socket) : socket_(std::move(socket)) {}

  absl::StatusOr<v1::AgentStatus> Status() override {
    absl::StatusOr<v1::GetStatusResponse> response =
        Call<v1::GetStatusResponse>(&v1::AdminService::Stub::GetStatus, v1::GetStatusRequest());
    if (!response.ok()) return response.status();
    return std::move(*response->mutable_status());
  }

  absl::StatusOr<v1::AuditReport> Audit() override {
    absl::StatusOr<v1::AuditResponse> response =
        Call<v1::AuditResponse>(&v1::AdminService::Stub::Audit, v1::AuditRequest());
    if (!response.ok()) return response.status();
    return std::move(*response->mutable_report());
  }

  absl::StatusOr<v1::ListServicesResponse> Services(const v1::ListServicesRequest& request) override {
    return Call<v1::ListServicesResponse>(&v1::AdminService::Stub::ListServices, request);
  }

  absl::StatusOr<v1::Service> Service(const v1::GetServiceRequest& request) override {
    absl::StatusOr<v1::GetServiceResponse> response =
        Call<v1::GetServiceResponse>(&v1::AdminService::Stub::GetService, request);
    if (!response.ok()) return response.status();
    return std::move(*response->mutable_service());
  }

  absl::StatusOr<v1::ListBackendsResponse> Backends(const v1::ListBackendsRequest& request) override {
    return Call<v1::ListBackendsResponse>(&v1::AdminService::Stub::ListBackends, request);
  }

  absl::StatusOr<v1::ListDevicesResponse> Devices() override {
    return Call<v1::ListDevicesResponse>(&v1::AdminService::Stub::ListDevices, v1::ListDevicesRequest());
  }

  absl::Status Flows(const v1::ListFlowsRequest& request, const std::function<void(v1::Flow)>& visit) override {
    if (absl::Status status = Connect(); !status.ok()) return status;
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kDumpTimeout);
    const auto chunks = stub_->ListFlows(&context, request);
    v1::ListFlowsResponse chunk;
    while (chunks->Read(&chunk)) {
      for (v1::Flow& flow : *chunk.mutable_flows()) visit(std::move(flow));
    }
    return ToAbsl(chunks->Finish());
  }

  absl::StatusOr<v1::FlowCounts> CountFlows(const v1::CountFlowsRequest& request) override {
    absl::StatusOr<v1::CountFlowsResponse> response =
        Call<v1::CountFlowsResponse>(&v1::AdminService::Stub::CountFlows, request);
    if (!response.ok()) return response.status();
    return std::move(*response->mutable_counts());
  }

  absl::StatusOr<v1::ListSnatSetsResponse> SnatSets() override {
    return Call<v1::ListSnatSetsResponse>(&v1::AdminService::Stub::ListSnatSets, v1::ListSnatSetsRequest());
  }

  absl::Status DumpMap(const std::string& map, const std::function<void(v1::MapRow)>& visit) override {
    if (absl::Status status = Connect(); !status.ok()) return status;
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kDumpTimeout);
    v1::DumpMapRequest request;
    request.set_map(map);
    const auto chunks = stub_->DumpMap(&context, request);
    v1::DumpMapResponse chunk;
    while (chunks->Read(&chunk)) {
      for (v1::MapRow& row : *chunk.mutable_rows()) visit(std::move(row));
    }
    return ToAbsl(chunks->Finish());
  }

 private:
  absl::Status Connect() {
    if (stub_ != nullptr) return absl::OkStatus();
    if (absl::Status status = CheckSocket(socket_); !status.ok()) return status;
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(kAnswerBytesMax);
    stub_ = v1::AdminService::NewStub(
        grpc::CreateCustomChannel("unix:" + socket_, grpc::InsecureChannelCredentials(), arguments));
    return absl::OkStatus();
  }

  template <typename Response, typename Request>
  absl::StatusOr<Response> Call(grpc::Status (v1::AdminService::Stub::*call)(grpc::ClientContext*, const Request&,
                                                                             Response*),
                                const Request& request) {
    if (absl::Status status = Connect(); !status.ok()) return status;
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kCallTimeout);
    Response response;
    if (absl::Status status = ToAbsl(((*stub_).*call)(&context, request, &response)); !status.ok()) return status;
    return response;
  }

  const std::string socket_;
  std::unique_ptr<v1::AdminService::Stub> stub_;  // null: not connected yet
};

}  // namespace

std::unique_ptr<StateReader> ReadAgent(const std::string& socket) {
  return std::make_unique<AgentReader>(socket);
}

}  // namespace shunt::shuntctl
