// SPDX-License-Identifier: Apache-2.0
#include "tools/shuntctl/state_reader.h"

#include <cstdint>
#include <utility>

#include "userspace/admin/answers.h"

namespace shunt::shuntctl {
namespace {

class QueriesReader final : public StateReader {
 public:
  explicit QueriesReader(report::AgentQueries queries) : queries_(std::move(queries)) {}

  absl::StatusOr<v1::AgentStatus> Status() override {
    v1::GetStatusResponse response = admin::AnswerGetStatus(queries_);
    return std::move(*response.mutable_status());
  }

  absl::StatusOr<v1::AuditReport> Audit() override {
    absl::StatusOr<v1::AuditResponse> response = admin::AnswerAudit(queries_);
    if (!response.ok()) return response.status();
    return std::move(*response->mutable_report());
  }

  absl::StatusOr<v1::ListServicesResponse> Services(const v1::ListServicesRequest& request) override {
    return admin::AnswerListServices(queries_, request, SIZE_MAX);
  }

  absl::StatusOr<v1::Service> Service(const v1::GetServiceRequest& request) override {
    absl::StatusOr<v1::GetServiceResponse> response = admin::AnswerGetService(queries_, request);
    if (!response.ok()) return response.status();
    return std::move(*response->mutable_service());
  }

  absl::StatusOr<v1::ListBackendsResponse> Backends(const v1::ListBackendsRequest& request) override {
    return admin::AnswerListBackends(queries_, request, SIZE_MAX);
  }

  absl::Status DumpMap(const std::string& map, const std::function<void(v1::MapRow)>& visit) override {
    v1::DumpMapRequest request;
    request.set_map(map);
    return admin::AnswerDumpMap(queries_, request, [&](v1::MapRow row) {
      visit(std::move(row));
      return true;
    });
  }

 private:
  const report::AgentQueries queries_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<StateReader>> OpenReader(const Options& options) {
  return options.offline ? OpenPins(options.bpffs) : ConnectToAgent(options.socket);
}

std::unique_ptr<StateReader> ReadQueries(report::AgentQueries queries) {
  return std::make_unique<QueriesReader>(std::move(queries));
}

}  // namespace shunt::shuntctl
