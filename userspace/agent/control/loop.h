// SPDX-License-Identifier: Apache-2.0
// The only thread of the agent that changes the kernel's plans: it reads the inbox and the node's addresses, steps the
// reconciler at a pace of its own and logs what each step did.
#ifndef SHUNT_AGENT_CONTROL_LOOP_H_
#define SHUNT_AGENT_CONTROL_LOOP_H_

#include <chrono>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "userspace/agent/control/audit_desk.h"
#include "userspace/agent/control/inbox.h"
#include "userspace/agent/control/metrics.h"
#include "userspace/agent/control/reconciler.h"
#include "userspace/agent/process/lasting_state.h"
#include "userspace/agent/process/line_budget.h"
#include "userspace/datapath/datapath.h"
#include "userspace/report/audit_report.h"
#include "userspace/report/source_version.h"

namespace shunt::agent {

// The node's own addresses and their changes. Called in the loop's thread.
class AddressFeed {
 public:
  virtual ~AddressFeed() = default;

  // Readable when addresses may have changed; negative if they never change. Always the same descriptor.
  virtual int fd() const = 0;
  // Consumes the announcements of changes and reads all addresses. kUnavailable if they changed meanwhile: try again.
  virtual absl::StatusOr<std::vector<datapath::NodeAddress>> Read() = 0;
};

// What the loop knows beyond the ledger.
struct LoopState {
  bool synced = false;             // every source has delivered its first state, applied or refused
  uint64_t applies = 0;            // steps that gave something to the datapath
  int64_t last_apply_time_ms = 0;  // since 1970; 0: never
  std::vector<sources::SourceProblem> source_problems;
  std::string addresses_problem;  // empty: the kernel knows the node's addresses
  std::string node_problem;       // empty: this node's name is that of a Node
};

// What follows from the loop's work. Called in the loop's thread.
class LoopListener {
 public:
  virtual ~LoopListener() = default;

  // Called once, after the first step.
  virtual void FirstApplied() = 0;
  // Called after every step; after the first one, before FirstApplied.
  virtual void Stepped() = 0;
  // Called when a later agent may refuse state of this kind of object that is older than `version`.
  virtual void Progressed(sources::ObjectKind kind, const report::SourceVersion& version) = 0;
  // Offers all that the sources have delivered after it has changed, at most every ViewPace() and once at the end.
  // Returns false to be called again later.
  virtual bool Changed(sources::ClusterView view) = 0;
  virtual std::chrono::milliseconds ViewPace() const = 0;
};

class Loop {
 public:
  // A step begins at once when the loop has been idle; after it the next one waits until at least kPace has passed
  // since its beginning, and as long as it took, but no longer than kRestMax. So a lone change is in the kernel in the
  // time of one step; a storm becomes at most 100 batches a second, each bounded by what changed meanwhile (an endpoint
  // that flaps ten times in 10 ms is written once) and by ReconcilerOptions::step_cost_max, and one core does not
  // belong to the loop alone. The grace period of a changed pool takes 10 to 15 ms: a shorter pace would only queue up
  // behind it. A change that arrives at the beginning of a long step waits for its end, for the rest, and for a step.
  static constexpr std::chrono::milliseconds kPace{10};
  static constexpr std::chrono::milliseconds kRestMax{20};
  // How often an idle loop lets the datapath take back ids whose grace period has passed.
  static constexpr std::chrono::seconds kReclaim{1};
  // How often, at most, the datapath follows what is announced: a node that starts pods announces a lot.
  static constexpr std::chrono::milliseconds kFollow{50};
  // How often the loop tells the programs that it lives.
  static constexpr std::chrono::seconds kSignOfLife{1};
  // How often the kernel is compared with what is planned, in parts of kInspectedRows, each some 0.2 ms, between which
  // changes are applied.
  static constexpr std::chrono::minutes kAudit{5};
  static constexpr size_t kInspectedRows = 4096;
  // How soon, at the latest, a view is offered again that the listener had no use for.
  static constexpr std::chrono::minutes kRefusedView{1};

  // What is passed by reference must outlive the loop.
  Loop(ReconcilerOptions options, datapath::Datapath& datapath, Ledger& ledger, Inbox& inbox, AddressFeed& addresses);

  // Runs until `stop` is requested, and tells `listener` of its work. What has been delivered by then but not applied
  // is dropped: the next agent starts from the sources again. Called once.
  void Run(std::stop_token stop, LoopListener& listener);

  LoopState state() const;  // thread-safe
  // Compares the kernel with what is planned, from now on, and waits for the report. Returns kUnavailable if the loop
  // has ended. Thread-safe. REQUIRES: the caller is not the loop's own thread.
  absl::StatusOr<report::AuditReport> Audit();
  report::AuditReport last_audit() const { return audit_desk_.last(); }  // thread-safe
  Metrics& metrics() { return metrics_; }
  // Returns this node's addresses on which NodePorts answer. REQUIRES: the caller is the loop's own thread.
  std::vector<datapath::NodeAddress> NodePortAddresses() const { return reconciler_.NodePortAddressesNow(); }

 private:
  void ReadInbox(LoopListener& listener);
  void ReadAddresses();
  void Step(LoopListener& listener);
  void ReportNode();
  void GiveSignOfLife();
  void Inspect(SteadyTime now);
  void EndAudit(absl::StatusOr<datapath::Drift> drift);
  void ShowView(LoopListener& listener);
  void FollowAnnouncements(SteadyTime now);
  void Wait(SteadyTime until) const;
  void LogOutcome(const StepOutcome& outcome, std::chrono::duration<double, std::milli> took);
  void ReportProblems(size_t source, std::vector<sources::SourceProblem> problems);

  datapath::Datapath& datapath_;
  Ledger& ledger_;
  Inbox& inbox_;
  AddressFeed& addresses_;
  Reconciler reconciler_;
  SteadyTime not_before_;  // of the next step
  SteadyTime next_sign_of_life_;
  SteadyTime next_follow_;
  SteadyTime next_audit_ = SteadyTime::max();
  bool auditing_ = false;                     // a part of the kernel is still to be compared
  SteadyTime next_view_ = SteadyTime::max();  // never before the first apply
  bool view_changed_ = false;
  bool addresses_pending_ = true;
  std::vector<std::vector<sources::SourceProblem>> problems_of_;  // by the source's number
  Metrics metrics_;
  AuditDesk audit_desk_;
  LineBudget progress_lines_;
  LineBudget trouble_lines_;
  LastingState sign_of_life_;  // what keeps the loop from giving one
  LastingState reading_addresses_;
  LastingState applying_addresses_;
  LastingState failures_;     // whether some Service has failed
  bool some_failed_ = false;  // the last step left some

  mutable std::mutex mutex_;
  LoopState state_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_CONTROL_LOOP_H_
