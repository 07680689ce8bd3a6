// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/control/node_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shunt::agent {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(NodeNameTest, ANameThatANodeHasIsNoProblem) {
  EXPECT_EQ(NodeNameProblem("node-a", true, {"node-a", "node-b"}), "");
  EXPECT_EQ(NodeNameProblem("node-a", false, {"node-a"}), "");
}

TEST(NodeNameTest, ManifestsNeedNotDescribeNodes) {
  EXPECT_EQ(NodeNameProblem("node-a", false, {}), "");
  EXPECT_THAT(NodeNameProblem("node-a", false, {"node-b"}), StartsWith("no Node named node-a is known"))
      << "but some do";
}

TEST(NodeNameTest, TheNearMissIsNamed) {
  EXPECT_THAT(NodeNameProblem("Node-A", false, {"node-a", "node-b"}),
              StartsWith("no Node named Node-A is known; Node node-a differs only in upper and lower case. "));
  EXPECT_THAT(NodeNameProblem("node-a.example.org", false, {"node-a"}),
              HasSubstr("; Node node-a has the same host name. "));
  EXPECT_THAT(NodeNameProblem("node-a", false, {"node-a.example.org"}),
              HasSubstr("; Node node-a.example.org has the same host name. "));
  EXPECT_THAT(NodeNameProblem("Node-A", true, {}), HasSubstr("; names of Nodes are in lower case, as in node-a. "))
      << "an API server delivers this node's object only";
  EXPECT_THAT(NodeNameProblem("other", true, {"node-a"}), Not(HasSubstr("node-a")));
}

}  // namespace
}  // namespace shunt::agent
