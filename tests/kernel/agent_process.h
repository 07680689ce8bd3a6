// SPDX-License-Identifier: Apache-2.0
// The fixture of tests that start and kill agents while applications dial.
#ifndef SHUNT_TESTS_KERNEL_AGENT_PROCESS_H_
#define SHUNT_TESTS_KERNEL_AGENT_PROCESS_H_

#include <gtest/gtest.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/kernel/dialler.h"
#include "tests/kernel/history.h"

namespace shunt::kernel_test {

// A cgroup, a bpffs and a directory of manifests of the test's own, with a Service for every frontend of the history.
class AgentProcessTest : public ::testing::Test {
 protected:
  using Clock = std::chrono::steady_clock;
  // After this time something counts as hanging; nothing takes longer.
  static constexpr std::chrono::seconds kPatience{60};

  void SetUp() override;
  // Removes everything that the agents have left.
  void TearDown() override;

  // Writes the frontend's Service with a new set of endpoints, as one file, by one atomic replacement.
  void WriteNewSet(int frontend);
  // Starts an agent with the test's pins, manifests and cgroup. `more` are further options.
  void StartAgent(const char* binary, const std::vector<std::string>& more = {});
  // Kills the agent and returns its wait status. Fails if it goes on.
  int KillAgent(int signal);

  std::string WholeLog() const;
  std::string Log() const;  // the end of it
  // Returns how many agents so far have applied everything.
  int AgentsReady() const { return Count("Everything is applied"); }
  int Count(const std::string& said) const;
  // Waits until one more agent than `ready_before` has applied everything and a connection to the frontend has reached
  // its latest set.
  bool DoesItsWork(int ready_before, int frontend, const Dialler& dialler) const;
  // Returns true once a connection to every frontend reaches its latest set.
  bool ReachesLatest(std::chrono::seconds patience);
  // Returns a number that grows by at least one with every new set that a connection meets.
  static uint64_t SetsSeen(const Dialler& dialler);

  History history_;
  std::string cgroup_, bpffs_, directory_;
  std::string attach_to_;  // the agents' --cgroup; cgroup_ unless the test says otherwise

 private:
  std::string Manifests() const { return directory_ + "/manifests"; }

  pid_t agent_ = -1;
};

}  // namespace shunt::kernel_test

#endif  // SHUNT_TESTS_KERNEL_AGENT_PROCESS_H_
