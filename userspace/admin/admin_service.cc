// SPDX-License-Identifier: Apache-2.0
#include "userspace/admin/admin_service.h"

#include <grpcpp/server_context.h>

#include <optional>
#include <string>
#include <utility>

#include "shunt/admin/v1/admin_service.grpc.pb.h"
#include "userspace/admin/answers.h"
#include "userspace/admin/dump_buffer.h"

namespace shunt::admin {
namespace {

// Enough for 100,000 Services of about 500 bytes; clients must accept as much.
constexpr size_t kAnswerBytesMax = size_t{64} << 20;
// For comparison: all slots of the default limits take 12 MiB.
constexpr size_t kDumpBytesMax = size_t{128} << 20;
// Well below the 4 MiB that clients accept by default.
constexpr size_t kChunkBytes = size_t{128} << 10;
constexpr size_t kRowsBetweenLooks = 1024;

// absl and gRPC use the same codes.
grpc::Status ToGrpc(const absl::Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message())};
}

template <typename Response>
grpc::Status Give(absl::StatusOr<Response> answer, Response* response) {
  if (!answer.ok()) return ToGrpc(answer.status());
  *response = *std::move(answer);
  return grpc::Status::OK;
}

class AdminServiceImpl final : public v1::AdminService::Service {
 public:
  explicit AdminServiceImpl(const report::AgentView& view) : view_(view) {}

  grpc::Status GetStatus(grpc::ServerContext*, const v1::GetStatusRequest*, v1::GetStatusResponse* response) override {
    return Give(AnswerGetStatus(view_), response);
  }

  grpc::Status ListServices(grpc::ServerContext*, const v1::ListServicesRequest* request,
                            v1::ListServicesResponse* response) override {
    return Give(AnswerListServices(view_, *request, kAnswerBytesMax), response);
  }

  grpc::Status GetService(grpc::ServerContext*, const v1::GetServiceRequest* request,
                          v1::GetServiceResponse* response) override {
    return Give(AnswerGetService(view_, *request), response);
  }

  grpc::Status ListBackends(grpc::ServerContext*, const v1::ListBackendsRequest* request,
                            v1::ListBackendsResponse* response) override {
    return Give(AnswerListBackends(view_, *request, kAnswerBytesMax), response);
  }

  grpc::Status ListDevices(grpc::ServerContext*, const v1::ListDevicesRequest*,
                           v1::ListDevicesResponse* response) override {
    return Give(AnswerListDevices(view_), response);
  }

  grpc::Status Audit(grpc::ServerContext*, const v1::AuditRequest*, v1::AuditResponse* response) override {
    return Give(AnswerAudit(view_), response);
  }

  grpc::Status DumpMap(grpc::ServerContext* context, const v1::DumpMapRequest* request,
                       grpc::ServerWriter<v1::DumpMapResponse>* writer) override {
    DumpBuffer buffer(kChunkBytes, kDumpBytesMax);
    size_t rows = 0;
    const absl::Status status = AnswerDumpMap(view_, *request, [&](v1::MapRow row) {
      return (++rows % kRowsBetweenLooks != 0 || !context->IsCancelled()) && buffer.Add(std::move(row));
    });
    if (context->IsCancelled()) return {grpc::StatusCode::CANCELLED, "DumpMap: the client went away"};
    if (!status.ok()) return ToGrpc(status);
    if (buffer.full()) {
      return {grpc::StatusCode::RESOURCE_EXHAUSTED,
              "DumpMap " + request->map() + ": more rows than the agent holds for one client; use shuntctl --offline"};
    }
    while (std::optional<v1::DumpMapResponse> chunk = buffer.Take()) {
      // Blocks while the client's window is closed; returns false if the client went away.
      if (!writer->Write(*chunk)) return {grpc::StatusCode::CANCELLED, "DumpMap: the client went away"};
    }
    return grpc::Status::OK;
  }

 private:
  const report::AgentView& view_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeAdminService(const report::AgentView& view) {
  return std::make_unique<AdminServiceImpl>(view);
}

}  // namespace shunt::admin
