// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/control/loop.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "userspace/agent/process/clock.h"
#include "userspace/agent/process/log.h"

namespace shunt::agent {
namespace {

SteadyTime Now() {
  return std::chrono::steady_clock::now();
}

bool IsReadable(int fd) {
  pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
  return fd >= 0 && ::poll(&ready, 1, 0) > 0;
}

// Returns whether `budget` allows a line now. If it does, first logs how many lines it has suppressed.
bool MayLog(LineBudget& budget, SteadyTime now) {
  if (!budget.Spend(now)) return false;
  if (const uint64_t suppressed = budget.TakeSuppressed(); suppressed > 0) {
    LogNote(0, "Suppressed similar messages", {{"lines", suppressed}});
  }
  return true;
}

}  // namespace

Loop::Loop(ReconcilerOptions options, datapath::Datapath& datapath, Ledger& ledger, Inbox& inbox,
           AddressFeed& addresses)
    : datapath_(datapath),
      ledger_(ledger),
      inbox_(inbox),
      addresses_(addresses),
      reconciler_(options, datapath, ledger),
      problems_of_(options.sources),
      metrics_(ReadClocks().wall_ms) {}

LoopState Loop::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

void Loop::Run(std::stop_token stop, LoopListener& listener) {
  // A request to stop wakes the loop as a message does.
  const std::stop_callback wake(stop, [this] { inbox_.Ring(); });
  SteadyTime reclaim = Now() + kReclaim;
  while (!stop.stop_requested()) {
    ReadInbox(listener);
    ReadAddresses();
    const SteadyTime now = Now();
    if (now >= next_sign_of_life_) GiveSignOfLife();
    if (now >= next_follow_) FollowAnnouncements(now);
    const std::optional<SteadyTime> next = reconciler_.NextStep();
    if (next.has_value() && std::max(*next, not_before_) <= now) {
      Step(listener);
      reclaim = Now() + kReclaim;
      continue;
    }
    if (now >= reclaim) {
      datapath_.Reclaim();
      reclaim = now + kReclaim;
    }
    if (auditing_ || audit_desk_.TakeQuestions() || now >= next_audit_) Inspect(now);
    if (now >= next_view_ && view_changed_) ShowView(listener);
    // ReadInbox may have consumed the wake-up of a request to stop.
    if (stop.stop_requested()) break;
    const SteadyTime chores = auditing_ ? now : std::min(reclaim, next_sign_of_life_);
    Wait(next.has_value() ? std::min(std::max(*next, not_before_), chores) : chores);
  }
  audit_desk_.Close();
  if (view_changed_) ShowView(listener);
}

absl::StatusOr<report::AuditReport> Loop::Audit() {
  return audit_desk_.Ask([this] { inbox_.Ring(); });
}

void Loop::GiveSignOfLife() {
  next_sign_of_life_ = Now() + kSignOfLife;
  const absl::Status given = datapath_.GiveSignOfLife(ReadBootTime());
  if (sign_of_life_.IsWorthALine(given.message(), Now())) {
    LogError(given, "Could not tell the programs that the agent lives");
  }
}

// Compares one part. Only a difference is worth an audit that nothing else is applied beside.
void Loop::Inspect(SteadyTime now) {
  if (!auditing_) next_audit_ = now + kAudit;
  const datapath::Inspected found = reconciler_.Inspect(kInspectedRows);
  auditing_ = found == datapath::Inspected::kMore;
  if (auditing_) return;
  EndAudit(found == datapath::Inspected::kAgrees ? datapath::Drift() : reconciler_.Audit(now));
}

void Loop::EndAudit(absl::StatusOr<datapath::Drift> drift) {
  report::AuditReport report;
  report.time_ms = ReadClocks().wall_ms;
  if (drift.ok()) {
    report.services = std::move(drift->services);
    report.shared = drift->shared;
    report.unrepaired = static_cast<uint32_t>(drift->failures.size());
    report.hooks = std::move(drift->hooks);
    metrics_.AuditDone(report.differences(),
                       report.differences() - std::min<uint64_t>(report.unrepaired, report.differences()),
                       report.time_ms);
    if (report.differences() > 0) {
      LogWarning("Repaired drift in BPF maps", {{"services", report.services.size()},
                                                {"first", report.services.empty() ? "" : report.services[0].ToString()},
                                                {"shared_rows", report.shared},
                                                {"hooks", report.hooks.size()},
                                                {"unrepaired", report.unrepaired}});
    }
  } else {
    report.problem = std::string(drift.status().message());
    LogError(drift.status(), "Could not audit BPF maps");
  }
  audit_desk_.Answer(std::move(report));
}

void Loop::ShowView(LoopListener& listener) {
  view_changed_ = !listener.Changed(reconciler_.View());
  const std::chrono::milliseconds pace = listener.ViewPace();
  next_view_ = Now() + (view_changed_ ? std::min<std::chrono::milliseconds>(pace, kRefusedView) : pace);
}

void Loop::ReadInbox(LoopListener& listener) {
  std::map<sources::ObjectKind, report::SourceVersion> last;  // only the last progress of each kind counts
  for (Message& message : inbox_.Take()) {
    if (auto* delivery = std::get_if<Delivery>(&message)) {
      const uint64_t number = metrics_.Taken(delivery->events, delivery->queued);
      reconciler_.Deliver(std::move(delivery->events), number);
      metrics_.SetNode(reconciler_.this_node());
    } else if (const auto* synced = std::get_if<SourceSynced>(&message)) {
      reconciler_.Synced(synced->source);
    } else if (auto* progress = std::get_if<SourceProgress>(&message)) {
      last[progress->kind] = {.version = std::move(progress->version), .objects = progress->count};
    } else if (auto* report = std::get_if<SourceReport>(&message)) {
      ReportProblems(report->source, std::move(report->problems));
    }
  }
  for (const auto& [kind, version] : last) listener.Progressed(kind, version);
}

void Loop::ReadAddresses() {
  if (IsReadable(addresses_.fd())) addresses_pending_ = true;
  if (!std::exchange(addresses_pending_, false)) return;
  absl::StatusOr<std::vector<datapath::NodeAddress>> addresses = addresses_.Read();
  if (addresses.ok()) {
    reconciler_.SetLocalAddresses(*std::move(addresses));
    reading_addresses_.IsWorthALine("", Now());
  } else if (absl::IsUnavailable(addresses.status())) {
    addresses_pending_ = true;  // they changed while being read; the announcement of that wakes the next round
  } else {
    addresses_pending_ = true;  // with the next round, a second from now at the latest
    if (reading_addresses_.IsWorthALine(addresses.status().message(), Now())) {
      LogError(addresses.status(), "Could not read this node's addresses; NodePorts keep those known so far");
    }
  }
}

void Loop::Step(LoopListener& listener) {
  const report::Moment begin = ReadClocks();
  const StepOutcome outcome = reconciler_.Step(begin.steady);
  const report::Moment end = ReadClocks();
  const auto took = end.steady - begin.steady;
  not_before_ = std::max<SteadyTime>(begin.steady + kPace, end.steady + std::min<SteadyTime::duration>(took, kRestMax));
  metrics_.StepDone({begin, end, outcome.first, outcome.applied, outcome.failures.size(), outcome.waiting});
  {
    const std::lock_guard lock(mutex_);
    state_.synced = true;
    state_.addresses_problem = std::string(outcome.node_addresses.message());
    if (outcome.first || outcome.applied + outcome.failures.size() > 0) {
      ++state_.applies;
      state_.last_apply_time_ms = end.wall_ms;
    }
  }
  LogOutcome(outcome, took);
  ReportNode();
  GiveSignOfLife();
  listener.Stepped();
  view_changed_ = true;
  if (!outcome.first) return;
  next_audit_ = end.steady + kAudit;
  next_view_ = end.steady;
  listener.FirstApplied();
}

void Loop::FollowAnnouncements(SteadyTime now) {
  if (!IsReadable(datapath_.announcements())) return;
  datapath_.FollowAnnouncements();
  next_follow_ = now + kFollow;
}

void Loop::Wait(SteadyTime until) const {
  const SteadyTime now = Now();
  const bool may_follow = now >= next_follow_;
  if (!may_follow) until = std::min(until, next_follow_);
  // poll ignores a negative descriptor.
  pollfd ready[3] = {{.fd = inbox_.fd(), .events = POLLIN, .revents = 0},
                     {.fd = addresses_.fd(), .events = POLLIN, .revents = 0},
                     {.fd = may_follow ? datapath_.announcements() : -1, .events = POLLIN, .revents = 0}};
  const auto left = std::chrono::ceil<std::chrono::nanoseconds>(until - now);
  if (left <= std::chrono::nanoseconds::zero()) return;
  const timespec timeout = {.tv_sec = static_cast<time_t>(left.count() / 1'000'000'000),
                            .tv_nsec = static_cast<long>(left.count() % 1'000'000'000)};
  ::ppoll(ready, std::size(ready), &timeout, nullptr);
}

void Loop::LogOutcome(const StepOutcome& outcome, std::chrono::duration<double, std::milli> took) {
  const SteadyTime now = Now();
  const Ledger::Totals totals = ledger_.totals();
  if (outcome.first) {
    LogNote(0, totals.failed == 0 ? "Everything is applied" : "Applied, except for the Services that failed",
            {{"services", totals.services},
             {"frontends", totals.frontends},
             {"failed", totals.failed},
             {"took_ms", took.count()}});
  } else if (outcome.applied + outcome.news.size() > 0 && MayLog(progress_lines_, now)) {
    LogNote(2, "Applied",
            {{"services", outcome.applied},
             {"planned", outcome.planned},
             {"failed", outcome.failures.size()},
             {"took_ms", took.count()}});
  }
  for (const datapath::ServiceFailure& failure : outcome.news) {
    if (!MayLog(trouble_lines_, now)) continue;
    LogError(failure.status, "Could not apply a Service; it will be retried",
             {{"service", failure.service.ToString()}});
  }
  const bool had_failed = std::exchange(some_failed_, totals.failed > 0);
  if (failures_.IsWorthALine(totals.failed > 0 ? "failed" : "", now) && outcome.news.empty()) {
    LogWarning("Services are still not applied; `shuntctl status` names them", {{"failed", totals.failed}});
  } else if (had_failed && totals.failed == 0) {
    LogNote(0, "Every Service that had failed is applied");
  }
  if (applying_addresses_.IsWorthALine(outcome.node_addresses.message(), now)) {
    LogError(outcome.node_addresses, "Could not apply the node's addresses; they will be retried");
  }
}

void Loop::ReportNode() {
  std::string problem = reconciler_.NodeProblem();
  metrics_.SetNodeProblem(problem);
  bool is_new = false;
  {
    const std::lock_guard lock(mutex_);
    is_new = problem != state_.node_problem;
    state_.node_problem = problem;
  }
  if (is_new && !problem.empty()) LogWarning("This node's name is wrong, or its Node is gone", {{"what", problem}});
}

void Loop::ReportProblems(size_t source, std::vector<sources::SourceProblem> problems) {
  // A source reports its whole list whenever it changes; only what is new in it is logged.
  const std::vector<sources::SourceProblem>& known = problems_of_[source];
  for (const sources::SourceProblem& problem : problems) {
    if (std::find(known.begin(), known.end(), problem) != known.end() || !MayLog(trouble_lines_, Now())) continue;
    LogWarning(problem.advice ? "Something that the source has read is not used"
                              : "The source has a problem; what it delivered before, if anything, stays in force",
               {{"where", problem.where}, {"what", problem.what}});
  }
  problems_of_[source] = std::move(problems);
  std::vector<sources::SourceProblem> all;
  for (const auto& of_one : problems_of_) all.insert(all.end(), of_one.begin(), of_one.end());
  const std::lock_guard lock(mutex_);
  state_.source_problems = std::move(all);
}

}  // namespace shunt::agent
