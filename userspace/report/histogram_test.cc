// SPDX-License-Identifier: Apache-2.0
#include "userspace/report/histogram.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace shunt::report {
namespace {

using ::testing::DoubleEq;
using ::testing::ElementsAre;

TEST(HistogramTest, ABoundBelongsToItsBucket) {
  Histogram histogram({1, 2, 4});
  for (const double value : {0.0, 1.0, 1.5, 2.0, 4.0, 4.5, 100.0}) histogram.Observe(value);
  EXPECT_THAT(histogram.counts(), ElementsAre(2, 2, 1, 2));
  EXPECT_EQ(histogram.count(), 7u);
  EXPECT_DOUBLE_EQ(histogram.sum(), 113.0);
}

TEST(HistogramTest, WhatIsNoNumberIsAboveEveryBound) {
  Histogram histogram({1});
  histogram.Observe(std::nan(""));
  EXPECT_THAT(histogram.counts(), ElementsAre(0, 1));
}

TEST(HistogramTest, TwoBecomeOne) {
  Histogram histogram({1, 2});
  Histogram other({1, 2});
  histogram.Observe(0.5);
  other.Observe(0.5);
  other.Observe(3);
  histogram.Merge(other);
  EXPECT_THAT(histogram.counts(), ElementsAre(2, 0, 1));
  EXPECT_EQ(histogram.count(), 3u);
  EXPECT_DOUBLE_EQ(histogram.sum(), 4);
}

TEST(HistogramTest, BoundsByFactorAndByStep) {
  EXPECT_THAT(ExponentialBounds(0.5, 2, 4), ElementsAre(0.5, 1, 2, 4));
  EXPECT_THAT(LinearBounds(60, 5, 3), ElementsAre(DoubleEq(60), DoubleEq(65), DoubleEq(70)));
}

}  // namespace
}  // namespace shunt::report
