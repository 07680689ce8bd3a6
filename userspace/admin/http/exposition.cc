// SPDX-License-Identifier: Apache-2.0
#include "userspace/admin/http/exposition.h"

#include <prometheus/text_serializer.h>

#include <limits>

#include "userspace/admin/utf8.h"

namespace shunt::admin::http {

void Exposition::Counter(absl::string_view name, absl::string_view help) {
  Begin(prometheus::MetricType::Counter, name, help);
}

void Exposition::Gauge(absl::string_view name, absl::string_view help) {
  Begin(prometheus::MetricType::Gauge, name, help);
}

void Exposition::Histogram(absl::string_view name, absl::string_view help) {
  Begin(prometheus::MetricType::Histogram, name, help);
}

void Exposition::Begin(prometheus::MetricType type, absl::string_view name, absl::string_view help) {
  End();
  family_.name = std::string(name);
  family_.help = std::string(help);
  family_.type = type;
}

void Exposition::End() {
  if (family_.name.empty()) return;
  prometheus::TextSerializer().Serialize(page_, {family_});
  family_ = {};
}

prometheus::ClientMetric& Exposition::AddMetric(Labels labels) {
  prometheus::ClientMetric& metric = family_.metric.emplace_back();
  for (const auto& [name, value] : labels) metric.label.push_back({std::string(name), ValidUtf8(value)});
  return metric;
}

void Exposition::Add(double value, Labels labels) {
  prometheus::ClientMetric& metric = AddMetric(labels);
  metric.counter.value = value;
  metric.gauge.value = value;
}

void Exposition::Add(const report::Histogram& histogram, Labels labels) {
  prometheus::ClientMetric::Histogram& out = AddMetric(labels).histogram;
  out.sample_count = histogram.count();
  out.sample_sum = histogram.sum();
  uint64_t below = 0;
  for (size_t i = 0; i < histogram.counts().size(); ++i) {
    below += histogram.counts()[i];
    const bool last = i == histogram.upper_bounds().size();
    out.bucket.push_back({below, last ? std::numeric_limits<double>::infinity() : histogram.upper_bounds()[i]});
  }
}

std::string Exposition::Take() {
  End();
  std::string page = std::move(page_).str();
  page_ = std::ostringstream();
  return page;
}

}  // namespace shunt::admin::http
