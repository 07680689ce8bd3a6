// SPDX-License-Identifier: Apache-2.0
// Connections are distributed by weight.
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/kernel/dials.h"
#include "tests/kernel/kernel_test.h"

namespace shunt::kernel_test {
namespace {

constexpr int kDials = 20'000;

// Returns the probability of a chi-square value this large or larger by chance. Exact for an even number of degrees of
// freedom: e^-y times the first terms of e^y, with y half the value.
double ProbabilityOfChiSquare(double value, int degrees) {
  double term = 1, sum = 1;
  for (int k = 1; k < degrees / 2; ++k) sum += term *= value / 2 / k;
  return std::exp(-value / 2) * sum;
}

struct WeightsCase {
  const char* name;
  std::vector<uint32_t> weights;  // an odd number of them above 0, so that the degrees of freedom are even
};

class WeightsTest : public KernelTest, public ::testing::WithParamInterface<WeightsCase> {
 protected:
  static std::string Endpoint(size_t i, bool v6) {
    return v6 ? absl::StrCat("fd00:244:11::", i + 1) : absl::StrCat("10.244.11.", i + 1);
  }

  void ApplyWeights() {
    ServiceStory story("weighted");
    story.ClusterIp("10.96.4.1").ClusterIp("fd00:96::4:1").Port(53, kUdp, 8081);
    for (size_t i = 0; i < GetParam().weights.size(); ++i) {
      for (const bool v6 : {false, true}) {
        story.Endpoint({.address = Endpoint(i, v6)}).Weight(Endpoint(i, v6), GetParam().weights[i]);
      }
    }
    Apply({story});
  }

  static void ExpectShares(Shares shares, bool v6) {
    double sum = 0, chi_square = 0;
    int degrees = -1, counted = 0;
    for (const uint32_t weight : GetParam().weights) sum += weight;
    for (size_t i = 0; i < GetParam().weights.size(); ++i) {
      const double expected = kDials * GetParam().weights[i] / sum;
      const int seen = shares[Endpoint(i, v6)];
      counted += seen;
      if (expected == 0) {
        EXPECT_EQ(seen, 0) << "endpoint " << i << " has weight 0";
        continue;
      }
      ++degrees;
      chi_square += (seen - expected) * (seen - expected) / expected;
    }
    EXPECT_EQ(counted, kDials) << "some went elsewhere: " << ::testing::PrintToString(shares);
    EXPECT_EQ(degrees % 2, 0);
    EXPECT_GT(ProbabilityOfChiSquare(chi_square, degrees), 1e-6)
        << "chi-square " << chi_square << ": " << ::testing::PrintToString(shares);
  }
};

INSTANTIATE_TEST_SUITE_P(Sets, WeightsTest,
                         ::testing::Values(WeightsCase{"Equal", {1, 1, 1, 1, 1, 1, 1}},
                                           WeightsCase{"Uneven", {1, 2, 3, 4, 10}},
                                           WeightsCase{"WithDrained", {0, 5, 0, 3, 2}},
                                           WeightsCase{"CanaryOfOnePercent", {99, 1, 100}}),
                         [](const auto& param) { return std::string(param.param.name); });

TEST_P(WeightsTest, UdpConnectsAreSharedOutByWeight) {
  ApplyWeights();
  ExpectShares(ConnectUdp(world().pod(), "10.96.4.1:53", kDials), false);
}

TEST_P(WeightsTest, FirstDatagramsOverIpv6AreSharedOutByWeight) {
  ApplyWeights();
  ExpectShares(SendUdp(world().pod(), "[fd00:96::4:1]:53", kDials), true);
}

}  // namespace
}  // namespace shunt::kernel_test
