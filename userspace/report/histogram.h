// SPDX-License-Identifier: Apache-2.0
// Counts of observations by size, as Prometheus has them, as a plain value.
#ifndef SHUNT_REPORT_HISTOGRAM_H_
#define SHUNT_REPORT_HISTOGRAM_H_

#include <cstdint>
#include <vector>

namespace shunt::report {

class Histogram {
 public:
  // No buckets but the one for everything.
  Histogram() : Histogram(std::vector<double>()) {}
  // `upper_bounds` of the buckets, each inclusive; one more takes what is above. REQUIRES: they rise.
  explicit Histogram(std::vector<double> upper_bounds);

  // NaN counts as above every bound.
  void Observe(double value);
  // Takes over the other's observations. REQUIRES: the same bounds.
  void Merge(const Histogram& other);

  const std::vector<double>& upper_bounds() const { return upper_bounds_; }
  // Of each bucket alone, not of those below it; one more than there are bounds.
  const std::vector<uint64_t>& counts() const { return counts_; }
  uint64_t count() const { return count_; }
  double sum() const { return sum_; }

 private:
  std::vector<double> upper_bounds_;
  std::vector<uint64_t> counts_;
  uint64_t count_ = 0;
  double sum_ = 0;
};

// `count` bounds from `first`, each `factor` times the one before.
std::vector<double> ExponentialBounds(double first, double factor, int count);
// `count` bounds from `first`, each `step` more than the one before.
std::vector<double> LinearBounds(double first, double step, int count);

}  // namespace shunt::report

#endif  // SHUNT_REPORT_HISTOGRAM_H_
