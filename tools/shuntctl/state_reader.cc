// SPDX-License-Identifier: Apache-2.0
#include "tools/shuntctl/state_reader.h"

#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tools/shuntctl/pinned_view.h"
#include "userspace/admin/answers.h"

namespace shunt::shuntctl {
namespace {

// Answers as the agent's server would, without a socket between.
class ViewReader final : public StateReader {
 public:
  explicit ViewReader(std::unique_ptr<const report::AgentView> view) : view_(std::move(view)) {}

  absl::StatusOr<v1::AgentStatus> Status() override {
    absl::StatusOr<v1::GetStatusResponse> response = admin::AnswerGetStatus(*view_);
    if (!response.ok()) return response.status();
    return std::move(*response->mutable_status());
  }

  absl::StatusOr<v1::AuditReport> Audit() override {
    absl::StatusOr<v1::AuditResponse> response = admin::AnswerAudit(*view_);
    if (!response.ok()) return response.status();
    return std::move(*response->mutable_report());
  }

  absl::StatusOr<v1::ListServicesResponse> Services(const v1::ListServicesRequest& request) override {
    return admin::AnswerListServices(*view_, request, SIZE_MAX);
  }

  absl::StatusOr<v1::Service> Service(const v1::GetServiceRequest& request) override {
    absl::StatusOr<v1::GetServiceResponse> response = admin::AnswerGetService(*view_, request);
    if (!response.ok()) return response.status();
    return std::move(*response->mutable_service());
  }

  absl::StatusOr<v1::ListBackendsResponse> Backends(const v1::ListBackendsRequest& request) override {
    return admin::AnswerListBackends(*view_, request, SIZE_MAX);
  }

  absl::StatusOr<v1::ListDevicesResponse> Devices() override { return admin::AnswerListDevices(*view_); }

  absl::Status Flows(const v1::ListFlowsRequest& request, const std::function<void(v1::Flow)>& visit) override {
    return admin::AnswerListFlows(*view_, request, [&](v1::Flow flow) {
      visit(std::move(flow));
      return true;
    });
  }

  absl::StatusOr<v1::FlowCounts> CountFlows(const v1::CountFlowsRequest& request) override {
    absl::StatusOr<v1::CountFlowsResponse> response = admin::AnswerCountFlows(*view_, request);
    if (!response.ok()) return response.status();
    return std::move(*response->mutable_counts());
  }

  absl::StatusOr<v1::ListSnatSetsResponse> SnatSets() override { return admin::AnswerListSnatSets(*view_, SIZE_MAX); }

  absl::Status DumpMap(const std::string& map, const std::function<void(v1::MapRow)>& visit) override {
    v1::DumpMapRequest request;
    request.set_map(map);
    return admin::AnswerDumpMap(*view_, request, [&](v1::MapRow row) {
      visit(std::move(row));
      return true;
    });
  }

 private:
  const std::unique_ptr<const report::AgentView> view_;
};

}  // namespace

absl::Status CheckPinsWereRead(const v1::AgentStatus& status) {
  if (!status.maps().empty()) return absl::OkStatus();
  std::string why;
  for (const v1::Problem& problem : status.problems()) {
    if (problem.where() == "maps") why = absl::StrCat(": ", problem.what());
  }
  return absl::FailedPreconditionError(absl::StrCat("the agent cannot read the pins", why));
}

std::unique_ptr<StateReader> OpenReader(const Options& options) {
  if (!options.offline) return ReadAgent(options.socket);
  return ReadView(std::make_unique<PinnedView>(PinsBelow(options.bpffs)));
}

std::unique_ptr<StateReader> ReadView(std::unique_ptr<const report::AgentView> view) {
  return std::make_unique<ViewReader>(std::move(view));
}

}  // namespace shunt::shuntctl
