// SPDX-License-Identifier: Apache-2.0
#include "userspace/admin/http/metrics_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "userspace/admin/testing/exposition_parser.h"

namespace shunt::admin::http {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::ParsedFamily;
using testing::ParsedSample;
using testing::ParseExposition;

constexpr int64_t kNowMs = 1'785'020'653'250;

// A snapshot in which every metric has a sample.
report::MetricsSnapshot Everything() {
  report::MetricsSnapshot snapshot{.now_ms = kNowMs};
  report::AgentStatus& status = snapshot.status;
  status.version = "1.2.3";
  status.abi_version = 1;
  status.synced = true;
  status.applies = 12;
  status.last_apply_time_ms = kNowMs - 1500;
  status.services = 3;
  status.frontends = 5;
  status.backends = 7;
  status.failed_services = 1;
  status.programs = {{.name = "sock_connect4", .hook = "cgroup/connect4", .attached = true}};
  status.maps = {{.name = "pools", .used = 4, .capacity = 16, .memory_bytes = 4096},
                 {.name = "socket_state"},
                 {.name = "socket_storage", .type = "sk_storage"}};
  status.reasons = {{.name = "no_endpoints", .meaning = "refused", .count = 9},
                    {.name = "no_state", .meaning = "untouched", .count = 50'000}};
  status.problems = {{"map pools", "a sentence with \"quotes\"\nand lines"},
                     {.where = "kube-proxy", .what = "answers here", .advice = true}};
  status.service_warnings = {{{"shop", "cart"}, report::WarningKind::kConflict, "a tenant's mistake"}};
  status.warned_services = {1, 0, 0, 2};
  snapshot.agent.loop.apply_latency.Observe(0.0003);
  snapshot.agent.loop.apply_latency.Observe(20);
  snapshot.agent.loop.full_steps.Observe(1.5);
  snapshot.agent.loop.partial_steps.Observe(0.0015);
  snapshot.agent.loop.programming[1].Observe(0.3);
  snapshot.agent.loop.last_sync_ms = kNowMs;
  status.socket_sweeps.ended_udp = 2;
  snapshot.agent.health_page_answers[{report::HealthPage::kHealthz, 503}] = 4;
  snapshot.local_misses.external[1] = 6;
  snapshot.source.reflectors = {
      {.resource = "services", .relists = 2, .last_event_time_ms = kNowMs, .current_as_of_ms = kNowMs - 2250}};
  snapshot.source.requests = {{"200", "GET", "10.0.0.1:6443", 8}, {"<error>", "GET", "10.0.0.1:6443", 1}};
  snapshot.traffic.ports = {{.service = {"shop", "cart"}, .port = 80, .counters = {.translated = 11}}};
  snapshot.traffic.backends = {{{*model::IpAddress::Parse("fd00::1"), 8080}, 10}};
  snapshot.process = {.cpu_seconds = 1.25, .resident_bytes = 50 << 20, .open_descriptors = 30, .start_time_s = 1e9};
  status.packet_path = {.devices_in_force = 4, .devices_missing = 1, .flows = 90, .flows_limit = 1024};
  report::PacketMetrics& packets = snapshot.packets.emplace();
  packets.flows.rounds = 33;
  packets.flows.kinds = {{report::FlowKind::kOpen, 80, 2}, {report::FlowKind::kRetired, 10, 99}};
  packets.snat_ports_used = 70;
  packets.snat_ports = 16'384;
  return snapshot;
}

std::vector<ParsedFamily> Parse(const report::MetricsSnapshot& snapshot) {
  const std::string page = MetricsText(snapshot);
  absl::StatusOr<std::vector<ParsedFamily>> families = ParseExposition(page);
  EXPECT_TRUE(families.ok()) << families.status() << page;
  return families.ok() ? *families : std::vector<ParsedFamily>();
}

// Returns the samples whose name begins with the prefix, as "name{label=value,...} value".
std::vector<std::string> Samples(const std::vector<ParsedFamily>& families, absl::string_view prefix) {
  std::vector<std::string> samples;
  for (const ParsedFamily& family : families) {
    for (const ParsedSample& sample : family.samples) {
      if (!absl::StartsWith(sample.name, prefix)) continue;
      samples.push_back(absl::StrCat(sample.name, "{", absl::StrJoin(sample.labels, ",", absl::PairFormatter("=")),
                                     "} ", sample.value));
    }
  }
  return samples;
}

TEST(MetricsPageTest, ThePageIsValidAndEveryFamilyHasASample) {
  for (const ParsedFamily& family : Parse(Everything())) EXPECT_THAT(family.samples, Not(IsEmpty())) << family.name;
}

TEST(MetricsPageTest, AnAgentThatHasJustStartedHasAValidPageToo) {
  Parse(report::MetricsSnapshot());
}

TEST(MetricsPageTest, ValuesStandUnderTheirNamesAndLabels) {
  const std::vector<ParsedFamily> families = Parse(Everything());
  EXPECT_THAT(Samples(families, "shunt_build_info"), ElementsAre("shunt_build_info{abi=1,version=1.2.3} 1"));
  EXPECT_THAT(Samples(families, "shunt_map_pressure"), ElementsAre("shunt_map_pressure_ratio{map=pools} 0.25"))
      << "a map without a limit is under no pressure";
  EXPECT_THAT(Samples(families, "shunt_map_entries"),
              ElementsAre("shunt_map_entries{map=pools} 4", "shunt_map_entries{map=socket_state} 0"))
      << "rows that are in the sockets cannot be counted";
  EXPECT_THAT(Samples(families, "shunt_attached"), ElementsAre("shunt_attached_programs{hook=cgroup/connect4} 1"));
  EXPECT_THAT(Samples(families, "shunt_untranslated"), ElementsAre("shunt_untranslated_total{reason=no_endpoints} 9"))
      << "a getpeername on any socket of the node is no failure";
  EXPECT_THAT(Samples(families, "shunt_nothing"),
              ElementsAre("shunt_nothing_to_translate_total{reason=no_state} 50000"));
  EXPECT_THAT(Samples(families, "shunt_problems"), ElementsAre("shunt_problems{} 1"))
      << "neither advice nor what a tenant does";
  EXPECT_THAT(
      Samples(families, "shunt_services_with_warnings"),
      ElementsAre("shunt_services_with_warnings{kind=conflict} 1", "shunt_services_with_warnings{kind=dead} 0",
                  "shunt_services_with_warnings{kind=protocol} 0", "shunt_services_with_warnings{kind=object} 2"));
  EXPECT_THAT(Samples(families, "shunt_state_age"), ElementsAre("shunt_state_age_seconds{resource=services} 2.25"));
  EXPECT_THAT(
      Samples(families, "shunt_service_translations"),
      ElementsAre("shunt_service_translations_total{family=IPv4,namespace=shop,port=80,protocol=TCP,service=cart} 11"));
  EXPECT_THAT(Samples(families, "shunt_backend_chosen"),
              ElementsAre("shunt_backend_chosen_total{backend=[fd00::1]:8080} 10"));
  EXPECT_THAT(Samples(families, "kubeproxy_proxy_healthz"),
              ElementsAre("kubeproxy_proxy_healthz_total{code=200} 0", "kubeproxy_proxy_healthz_total{code=503} 4"));
  EXPECT_THAT(
      Samples(families, "kubeproxy_sync_proxy_rules_no_local_endpoints"),
      Contains("kubeproxy_sync_proxy_rules_no_local_endpoints_total{ip_family=IPv6,traffic_policy=external} 6"));
  EXPECT_THAT(Samples(families, "rest_client"),
              ElementsAre("rest_client_requests_total{code=200,host=10.0.0.1:6443,method=GET} 8",
                          "rest_client_requests_total{code=<error>,host=10.0.0.1:6443,method=GET} 1"));
}

TEST(MetricsPageTest, PacketsHaveFlowsPortsAndDevices) {
  const std::vector<ParsedFamily> families = Parse(Everything());
  EXPECT_THAT(Samples(families, "shunt_devices"), ElementsAre("shunt_devices{} 4", "shunt_devices_missing{} 1"));
  EXPECT_THAT(Samples(families, "shunt_flows"),
              ElementsAre("shunt_flows_limit{} 1024", "shunt_flows{state=open} 80", "shunt_flows{state=retired} 10"));
  EXPECT_THAT(Samples(families, "shunt_flow_"),
              ElementsAre("shunt_flow_ends_total{state=open} 2", "shunt_flow_collector_rounds_total{} 33"))
      << "a retired flow has ended before";
  EXPECT_THAT(Samples(families, "shunt_snat"),
              ElementsAre("shunt_snat_ports_used_max{} 70", "shunt_snat_ports_limit{} 16384"));
}

TEST(MetricsPageTest, WherePacketsAreNotTranslatedTheirFamiliesHaveNoSamples) {
  report::MetricsSnapshot snapshot = Everything();
  snapshot.status.packet_path.reset();
  snapshot.packets.reset();
  const std::vector<ParsedFamily> families = Parse(snapshot);
  for (const char* prefix : {"shunt_devices", "shunt_flow", "shunt_snat"}) {
    EXPECT_THAT(Samples(families, prefix), IsEmpty()) << prefix;
  }
}

TEST(MetricsPageTest, HistogramsHaveTheBucketsThatDashboardsKnow) {
  const std::vector<ParsedFamily> families = Parse(Everything());
  const auto buckets = [&](const std::string& name) { return Samples(families, name + "_bucket"); };
  EXPECT_EQ(buckets("shunt_apply_latency_seconds").size(), 17u);
  EXPECT_THAT(buckets("shunt_apply_latency_seconds"), Contains("shunt_apply_latency_seconds_bucket{le=0.0005} 1"));
  EXPECT_THAT(buckets("shunt_apply_latency_seconds"), Contains("shunt_apply_latency_seconds_bucket{le=+Inf} 2"));
  EXPECT_EQ(buckets("kubeproxy_sync_proxy_rules_duration_seconds").size(), 2 * 16u);
  EXPECT_THAT(buckets("kubeproxy_sync_proxy_rules_duration_seconds"),
              Contains("kubeproxy_sync_proxy_rules_duration_seconds_bucket{ip_family=IPv6,le=16.384} 2"));
  EXPECT_EQ(buckets("kubeproxy_network_programming_duration_seconds").size(), 2 * 81u);
  for (const char* le : {"0.25} 0", "0.5} 1", "1} 1", "59} 1", "60} 1", "115} 1", "120} 1", "300} 1", "+Inf} 1"}) {
    EXPECT_THAT(buckets("kubeproxy_network_programming_duration_seconds"),
                Contains(absl::StrCat("kubeproxy_network_programming_duration_seconds_bucket{ip_family=IPv6,le=", le)));
  }
}

TEST(MetricsPageTest, NoSentenceOfAnObjectGetsIntoThePage) {
  EXPECT_THAT(MetricsText(Everything()), Not(HasSubstr("sentence with")));
}

TEST(MetricsPageTest, WhateverIsInANameThePageStaysValid) {
  report::MetricsSnapshot snapshot = Everything();
  snapshot.traffic.ports[0].service = {"a\"b\\c\n", "\xff\xfe{}, "};
  const std::vector<ParsedFamily> families = Parse(snapshot);
  EXPECT_THAT(Samples(families, "shunt_service_translations"),
              ElementsAre("shunt_service_translations_total{family=IPv4,namespace=a\"b\\c\n,port=80,protocol=TCP,"
                          "service=\xef\xbf\xbd\xef\xbf\xbd{}, } 11"));
}

class ScriptedMetrics final : public report::MetricsView {
 public:
  report::MetricsSnapshot Metrics() const override { return Everything(); }
};

TEST(MetricsPageTest, ThePageIsAtItsPathWithItsVersion) {
  const ScriptedMetrics metrics;
  const Handler handler = MetricsHandler(metrics);
  const Response page = handler({.method = "GET", .path = "/metrics"});
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(page.body, HasSubstr("\n# TYPE shunt_services gauge\nshunt_services 3\n"));
  EXPECT_EQ(handler({.method = "GET", .path = "/"}).status, 404);
}

// "name | type | labels", as in the tables of docs/metrics.md.
std::set<std::string> Described(const std::vector<ParsedFamily>& families) {
  std::set<std::string> rows;
  for (const ParsedFamily& family : families) {
    std::set<std::string> labels;
    for (const ParsedSample& sample : family.samples) {
      for (const auto& [label, value] : sample.labels) {
        if (label != "le") labels.insert(label);
      }
    }
    rows.insert(absl::StrCat(family.name, " | ", family.type, " | ", absl::StrJoin(labels, ", ")));
  }
  return rows;
}

TEST(MetricsPageTest, TheDocumentListsExactlyTheseWithTheirTypesAndLabels) {
  std::ifstream document(SHUNT_METRICS_DOCUMENT);
  std::set<std::string> rows;
  for (std::string line; std::getline(document, line);) {
    if (!absl::StartsWith(line, "| `")) continue;
    std::vector<std::string> cells = absl::StrSplit(line, '|');
    ASSERT_EQ(cells.size(), 6u) << line;
    for (std::string& cell : cells) absl::StripAsciiWhitespace(&cell);
    std::set<std::string> labels;
    for (const absl::string_view label : absl::StrSplit(cells[3], ", ", absl::SkipEmpty())) {
      labels.insert(std::string(label.substr(1, label.size() - 2)));
    }
    const std::string row =
        absl::StrCat(cells[1].substr(1, cells[1].size() - 2), " | ", cells[2], " | ", absl::StrJoin(labels, ", "));
    EXPECT_TRUE(rows.insert(row).second) << "twice: " << row;
    EXPECT_FALSE(cells[4].empty()) << row;
  }
  EXPECT_EQ(rows, Described(Parse(Everything())));
}

struct InvalidPage {
  const char* sentence;
  const char* page;
};

// The parser checks the pages above; here it proves that it can reject a page.
TEST(ExpositionParserTest, RefusesWhatPrometheusOrItsLintersWould) {
  const InvalidPage pages[] = {
      {"no end of the last line", "# HELP a b\n# TYPE a gauge\na 1"},
      {"no TYPE", "# HELP a b\na 1\n"},
      {"no HELP", "# TYPE a gauge\na 1\n"},
      {"a family twice", "# HELP a b\n# TYPE a gauge\na 1\n# HELP a b\n# TYPE a gauge\n"},
      {"a sample of another family", "# HELP a b\n# TYPE a gauge\nb 1\n"},
      {"a counter without _total", "# HELP a b\n# TYPE a counter\na 1\n"},
      {"a sample twice", "# HELP a b\n# TYPE a gauge\na{x=\"1\"} 1\na{x=\"1\"} 2\n"},
      {"a bad name", "# HELP a-b b\n# TYPE a-b gauge\na-b 1\n"},
      {"a bad label", "# HELP a b\n# TYPE a gauge\na{x-y=\"1\"} 1\n"},
      {"a label's quote", "# HELP a b\n# TYPE a gauge\na{x=\"\"\"} 1\n"},
      {"an invalid escape", "# HELP a b\n# TYPE a gauge\na{x=\"\\t\"} 1\n"},
      {"no number", "# HELP a b\n# TYPE a gauge\na one\n"},
      {"a histogram that falls",
       "# HELP a b\n# TYPE a histogram\na_count 1\na_sum 1\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\n"},
      {"a histogram without +Inf", "# HELP a b\n# TYPE a histogram\na_count 1\na_sum 1\na_bucket{le=\"1\"} 1\n"},
      {"milliseconds", "# HELP a_ms b\n# TYPE a_ms gauge\na_ms 1\n"},
  };
  for (const InvalidPage& page : pages) EXPECT_FALSE(ParseExposition(page.page).ok()) << page.sentence;
  EXPECT_TRUE(ParseExposition("# HELP a b\n# TYPE a gauge\na{x=\"\\\"\\\\\\n\",y=\"\"} 1e+06\n").ok());
}

}  // namespace
}  // namespace shunt::admin::http
