// SPDX-License-Identifier: Apache-2.0
#include "userspace/model/names.h"

#include <gtest/gtest.h>

namespace shunt::model {
namespace {

TEST(ProtocolTest, NamesAreThoseOfKubernetesAndReadBack) {
  EXPECT_EQ(ProtocolName(Protocol::kTcp), "TCP");
  EXPECT_EQ(ProtocolName(Protocol::kUdp), "UDP");
  EXPECT_EQ(ProtocolName(Protocol::kSctp), "SCTP");
  for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp, Protocol::kSctp}) {
    EXPECT_EQ(ParseProtocol(ProtocolName(protocol)), protocol);
  }
}

TEST(ProtocolTest, RefusesOtherSpellings) {
  for (const char* name : {"", "tcp", "TCP ", "ICMP", "6"}) EXPECT_EQ(ParseProtocol(name), std::nullopt) << name;
}

TEST(ObjectNameTest, OrderIsNamespaceThenName) {
  EXPECT_LT((ObjectName{"a", "z"}), (ObjectName{"b", "a"}));
  EXPECT_LT((ObjectName{"a", "a"}), (ObjectName{"a", "b"}));
  // The separator is not compared: "a-b" sorts after "a" as a namespace.
  EXPECT_LT((ObjectName{"a", "x"}), (ObjectName{"a-b", "a"}));
  EXPECT_EQ((ObjectName{"kube-system", "kube-dns"}).ToString(), "kube-system/kube-dns");
}

}  // namespace
}  // namespace shunt::model
