// SPDX-License-Identifier: Apache-2.0
#include "tests/scenarios/stage.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tests/scenarios/plan_text.h"
#include "userspace/model/ip_address.h"
#include "userspace/sources/manifest/manifest.h"

namespace shunt::scenarios {
namespace {

constexpr char kNodeName[] = "node-a";
// Far longer than any retry waits.
constexpr std::chrono::hours kPatience(1);
constexpr int kStepsMax = 10'000;
constexpr int kGracePeriodsMax = 1000;
constexpr size_t kPage = 100;

absl::StatusOr<sources::ObjectKind> ParseKind(absl::string_view text) {
  for (const auto kind :
       {sources::ObjectKind::kService, sources::ObjectKind::kEndpointSlice, sources::ObjectKind::kNode}) {
    if (sources::KindName(kind) == text) return kind;
  }
  return absl::InvalidArgumentError(absl::StrCat("delete: no such kind: ", text));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Stage>> Stage::Open(Floor& floor) {
  std::unique_ptr<Stage> stage(new Stage(floor));
  if (absl::Status status = stage->StartAgent(); !status.ok()) return status;
  return stage;
}

absl::Status Stage::StartAgent() {
  reconciler_.reset();
  datapath_.reset();
  auto datapath = floor_.Open();
  if (!datapath.ok()) return datapath.status();
  datapath_ = *std::move(datapath);
  ledger_ = std::make_unique<agent::Ledger>();
  reconciler_ =
      std::make_unique<agent::Reconciler>(agent::ReconcilerOptions{.node_name = kNodeName}, *datapath_, *ledger_);
  std::vector<sources::Event> events;
  for (const auto& [key, object] : objects_) events.emplace_back(sources::Upsert{object});
  reconciler_->SetLocalAddresses(node_addresses_);
  reconciler_->Deliver(std::move(events));
  reconciler_->Synced(0);
  return Settle();
}

absl::Status Stage::Do(const Step& step) {
  switch (step.verb) {
    case Step::Verb::kApply:
      return Apply(step.body);
    case Step::Verb::kDelete:
      return Delete(step.arguments[0], step.arguments[1]);
    case Step::Verb::kNodeAddresses:
      return SetNodeAddresses(step.arguments);
    case Step::Verb::kRestart:
      return StartAgent();
    case Step::Verb::kExpectPlan:
    case Step::Verb::kExpectMaps:
      break;
  }
  return absl::InvalidArgumentError("an expectation is nothing to do");
}

absl::Status Stage::Apply(absl::string_view manifest) {
  sources::Manifest decoded = sources::DecodeManifest(manifest);
  if (!decoded.errors.empty()) {
    const sources::ParseError& error = decoded.errors[0];
    return absl::InvalidArgumentError(absl::StrCat("apply, line ", error.line, " of it: ", error.what));
  }
  if (decoded.objects.empty()) return absl::InvalidArgumentError("apply: no object of a kind that Shunt reads");
  std::vector<sources::Event> events;
  for (sources::DecodedObject& object : decoded.objects) {
    objects_[{sources::KindOf(object.object), sources::NameOf(object.object)}] = object.object;
    events.emplace_back(sources::Upsert{std::move(object.object)});
  }
  reconciler_->Deliver(std::move(events));
  return Settle();
}

absl::Status Stage::Delete(absl::string_view kind_text, absl::string_view name_text) {
  const absl::StatusOr<sources::ObjectKind> kind = ParseKind(kind_text);
  if (!kind.ok()) return kind.status();
  const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(name_text, absl::MaxSplits('/', 1));
  model::ObjectName name = {std::string(parts.first), std::string(parts.second)};
  if (*kind == sources::ObjectKind::kNode) name = {"", std::string(name_text)};
  if (objects_.erase({*kind, name}) == 0) {
    return absl::NotFoundError(absl::StrCat("delete ", kind_text, " ", name_text, ": there is none"));
  }
  reconciler_->Deliver({sources::Remove{*kind, name}});
  return Settle();
}

absl::Status Stage::SetNodeAddresses(absl::Span<const std::string> texts) {
  node_addresses_.clear();
  for (absl::string_view text : texts) {
    const bool host_only = absl::ConsumePrefix(&text, "host:");
    const auto address = model::IpAddress::Parse(text);
    if (!address) return absl::InvalidArgumentError(absl::StrCat("node-addresses: ", text, " is no address"));
    node_addresses_.push_back({*address, host_only});
  }
  reconciler_->SetLocalAddresses(node_addresses_);
  return Settle();
}

absl::Status Stage::Settle() {
  for (int i = 0; i < kStepsMax && reconciler_->NextStep().has_value(); ++i) {
    now_ += kPatience;
    const agent::StepOutcome outcome = reconciler_->Step(now_);
    if (floor_.has_errors()) {
      floor_.LetGracePass();  // otherwise every attempt would take other ids, until all are used
      continue;
    }
    if (!outcome.node_addresses.ok()) return outcome.node_addresses;
    for (const datapath::ServiceFailure& failure : outcome.failures) {
      return absl::Status(failure.status.code(),
                          absl::StrCat("apply ", failure.service.ToString(), ": ", failure.status.message()));
    }
  }
  if (reconciler_->NextStep().has_value()) return absl::DeadlineExceededError("the agent does not come to rest");
  return CheckIds();
}

absl::Status Stage::CheckIds() {
  absl::StatusOr<MapRows> rows = ReadMapRows(floor_.tables());
  if (!rows.ok()) return rows.status();
  if (rows_.has_value()) {
    for (const std::string& change : ChangedIds(*rows_, *rows)) return absl::InternalError(change);
  }
  rows_ = *std::move(rows);
  return absl::OkStatus();
}

std::string Stage::PlanText() const {
  std::string text;
  for (auto page = ledger_->PageAfter(nullptr, kPage); !page.empty();
       page = ledger_->PageAfter(&page.back().plan->service, kPage)) {
    for (const agent::Ledger::Entry& entry : page) text += scenarios::PlanText(*entry.plan);
  }
  return text.empty() ? "nothing\n" : text;
}

absl::StatusOr<std::string> Stage::MapText(const std::string& expected) {
  std::string text;
  for (int i = 0; i < kGracePeriodsMax; ++i) {
    floor_.LetGracePass();
    datapath_->Reclaim();
    const absl::StatusOr<MapRows> rows = ReadMapRows(floor_.tables());
    if (!rows.ok()) return rows.status();
    text = scenarios::MapText(*rows);
    if (text == expected) break;
  }
  return text;
}

}  // namespace shunt::scenarios
