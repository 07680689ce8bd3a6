// SPDX-License-Identifier: Apache-2.0
#include "userspace/admin/admin_service.h"

#include <grpcpp/server_context.h>

#include <functional>
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

// Reads everything that `answer` visits, and then writes it at the client's pace.
template <typename Buffer, typename Item, typename Response>
grpc::Status Stream(const std::string& call, grpc::ServerContext* context, grpc::ServerWriter<Response>* writer,
                    const std::function<absl::Status(const std::function<bool(Item)>& visit)>& answer) {
  Buffer buffer(kChunkBytes, kDumpBytesMax);
  size_t rows = 0;
  const absl::Status status = answer([&](Item item) {
    return (++rows % kRowsBetweenLooks != 0 || !context->IsCancelled()) && buffer.Add(std::move(item));
  });
  const grpc::Status went_away(grpc::StatusCode::CANCELLED, call + ": the client went away");
  if (context->IsCancelled()) return went_away;
  if (!status.ok()) return ToGrpc(status);
  if (buffer.full()) {
    return {grpc::StatusCode::RESOURCE_EXHAUSTED,
            call + ": more rows than the agent holds for one client; use shuntctl --offline"};
  }
  while (std::optional<Response> chunk = buffer.Take()) {
    // Blocks while the client's window is closed; returns false if the client went away.
    if (!writer->Write(*chunk)) return went_away;
  }
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

  grpc::Status ListFlows(grpc::ServerContext* context, const v1::ListFlowsRequest* request,
                         grpc::ServerWriter<v1::ListFlowsResponse>* writer) override {
    return Stream<FlowBuffer, v1::Flow>("ListFlows", context, writer, [&](const std::function<bool(v1::Flow)>& visit) {
      return AnswerListFlows(view_, *request, visit);
    });
  }

  grpc::Status CountFlows(grpc::ServerContext*, const v1::CountFlowsRequest* request,
                          v1::CountFlowsResponse* response) override {
    return Give(AnswerCountFlows(view_, *request), response);
  }

  grpc::Status ListSnatSets(grpc::ServerContext*, const v1::ListSnatSetsRequest*,
                            v1::ListSnatSetsResponse* response) override {
    return Give(AnswerListSnatSets(view_, kAnswerBytesMax), response);
  }

  grpc::Status DumpMap(grpc::ServerContext* context, const v1::DumpMapRequest* request,
                       grpc::ServerWriter<v1::DumpMapResponse>* writer) override {
    return Stream<DumpBuffer, v1::MapRow>(
        "DumpMap " + request->map(), context, writer,
        [&](const std::function<bool(v1::MapRow)>& visit) { return AnswerDumpMap(view_, *request, visit); });
  }

 private:
  const report::AgentView& view_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeAdminService(const report::AgentView& view) {
  return std::make_unique<AdminServiceImpl>(view);
}

}  // namespace shunt::admin
