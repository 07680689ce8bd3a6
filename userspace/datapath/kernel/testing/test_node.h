// SPDX-License-Identifier: Apache-2.0
// For tests: the network namespace of a node, and another one with the far ends of the node's devices.
#ifndef SHUNT_DATAPATH_KERNEL_TESTING_TEST_NODE_H_
#define SHUNT_DATAPATH_KERNEL_TESTING_TEST_NODE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/sandbox/network_namespace.h"
#include "userspace/datapath/kernel/testing/test_devices.h"

namespace shunt::datapath::testing {

// The calling thread is in the node's namespace for as long as this lives.
class TestNode {
 public:
  static absl::StatusOr<std::unique_ptr<TestNode>> Create() {
    absl::StatusOr<sandbox::NetworkNamespace> node = sandbox::NetworkNamespace::Create();
    if (!node.ok()) return node.status();
    absl::StatusOr<sandbox::NetworkNamespace> outside = sandbox::NetworkNamespace::Create();
    if (!outside.ok()) return outside.status();
    return std::unique_ptr<TestNode>(new TestNode(*std::move(node), *std::move(outside)));
  }

  const sandbox::NetworkNamespace& outside() const { return outside_; }
  // Adds a device whose far end, of the same name, is outside.
  absl::Status AddDevice(const std::string& name, uint32_t index) const { return AddVeth(name, index, outside_.fd()); }

 private:
  TestNode(sandbox::NetworkNamespace node, sandbox::NetworkNamespace outside)
      : node_(std::move(node)), outside_(std::move(outside)), inside_(node_) {}

  sandbox::NetworkNamespace node_, outside_;
  sandbox::InNamespace inside_;
};

}  // namespace shunt::datapath::testing

#endif  // SHUNT_DATAPATH_KERNEL_TESTING_TEST_NODE_H_
