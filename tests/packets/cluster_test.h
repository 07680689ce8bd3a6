// SPDX-License-Identifier: Apache-2.0
// For tests end to end: the packet path's programs at devices of node A, in the network of tests/sandbox.
#ifndef SHUNT_PACKETS_CLUSTER_TEST_H_
#define SHUNT_PACKETS_CLUSTER_TEST_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "tests/packets/packet_programs.h"
#include "tests/sandbox/cluster_network.h"
#include "tests/sandbox/network_namespace.h"
#include "userspace/datapath/kernel/testing/sandbox_fixture.h"

namespace shunt::packets {

// A test calls these in their order, by ASSERT_NO_FATAL_FAILURE.
class ClusterTest : public datapath::SandboxTest {
 protected:
  void MakeNetwork(const sandbox::ClusterOptions& options) {
    auto network = sandbox::ClusterNetwork::Create(options);
    ASSERT_TRUE(network.ok()) << network.status();
    network_ = *std::move(network);
  }

  void AddPod(int node, sandbox::PodLink link) {
    auto pod = network_->AddPod(node, link);
    ASSERT_TRUE(pod.ok()) << pod.status();
    pods_.push_back(*std::move(pod));
  }

  // Leaves the calling thread in node A, whose NodePorts are to answer at these addresses.
  void LoadPrograms(std::vector<std::string> node_addresses) {
    inside_ = std::make_unique<sandbox::InNamespace>(network_->node(0));
    auto programs = PacketPrograms::Create(bpffs_, cgroup_, {.node_addresses = std::move(node_addresses)});
    ASSERT_TRUE(programs.ok()) << programs.status();
    programs_ = *std::move(programs);
  }

  void Attach(absl::Span<const ToldDevice> devices) {
    for (const ToldDevice& device : devices) {
      ASSERT_TRUE(programs_->Tell(device).ok()) << device.name;
      const absl::Status attached = programs_->Attach(device.name);
      ASSERT_TRUE(attached.ok()) << attached;
    }
  }

  void TearDown() override {
    programs_.reset();
    inside_.reset();
    SandboxTest::TearDown();
  }

  std::unique_ptr<sandbox::ClusterNetwork> network_;
  std::vector<sandbox::Pod> pods_;
  std::unique_ptr<sandbox::InNamespace> inside_;  // node A
  std::unique_ptr<PacketPrograms> programs_;
};

}  // namespace shunt::packets

#endif  // SHUNT_PACKETS_CLUSTER_TEST_H_
