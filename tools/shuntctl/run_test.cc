// SPDX-License-Identifier: Apache-2.0
// Whole command lines: what they print, on which stream, with which exit status. The transcripts in testdata/ are what
// a user would see; SHUNT_UPDATE_GOLDENS=1 rewrites them.
#include "tools/shuntctl/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tools/shuntctl/map_room.h"
#include "tools/shuntctl/map_table.h"
#include "tools/shuntctl/pinned_view.h"
#include "tools/shuntctl/printable.h"
#include "tools/shuntctl/testing/memory_pins.h"
#include "userspace/admin/testing/scripted_agent.h"
#include "userspace/report/reason_kind.h"

namespace shunt::shuntctl {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

struct Outcome {
  int status = 0;
  std::string out;
  std::string err;
};

class RunTest : public ::testing::Test {
 protected:
  // --offline reads what the agent's maps would hold.
  std::unique_ptr<StateReader> Open(const Options& options) {
    ++opened_;
    auto agent = std::make_unique<admin::testing::ScriptedAgent>(agent_);
    agent->unreadable = !open_error_.ok() ? open_error_ : options.offline ? absl::OkStatus() : agent_error_;
    if (!options.offline || !agent->unreadable.ok()) return ReadView(std::move(agent));
    return ReadView(std::make_unique<PinnedView>([this] { return pins_.Open(); }));
  }

  Outcome Run(absl::string_view line) {
    std::ostringstream out;
    std::ostringstream err;
    Environment environment{.out = out,
                            .err = err,
                            .out_is_terminal = terminal_,
                            .open = [this](const Options& options) { return Open(options); },
                            .wait = [this](absl::Duration interval) { return wait_(interval); }};
    std::vector<std::string> arguments;
    if (!line.empty()) arguments = absl::StrSplit(line, ' ');
    const int status = RunShuntctl(arguments, environment);
    return {status, out.str(), err.str()};
  }

  // Runs every "$ shuntctl ..." line of the transcript and compares what follows.
  void CheckTranscript(const std::string& name) {
    const std::string path = absl::StrCat(SHUNT_TESTDATA, "/", name);
    std::ifstream file(path);
    ASSERT_TRUE(file) << path;
    std::string written;
    std::string actual;
    std::string line;
    while (std::getline(file, line)) {
      absl::StrAppend(&written, line, "\n");
      if (absl::StartsWith(line, "# ")) absl::StrAppend(&actual, line, "\n");
      if (!absl::StartsWith(line, "$ shuntctl")) continue;
      const Outcome outcome = Run(absl::StripPrefix(absl::StripPrefix(line, "$ shuntctl"), " "));
      absl::StrAppend(&actual, line, "\n", outcome.out, outcome.err);
      if (outcome.status != 0) absl::StrAppend(&actual, "[exit status ", outcome.status, "]\n");
      absl::StrAppend(&actual, "\n");
    }
    if (std::getenv("SHUNT_UPDATE_GOLDENS") != nullptr) {
      std::ofstream(path) << actual;
    } else {
      EXPECT_EQ(actual, written) << path;
    }
  }

  admin::testing::ScriptedAgent agent_ = admin::testing::SmallCluster();
  const testing::MemoryPins pins_{agent_.services};
  absl::Status open_error_;
  absl::Status agent_error_;  // not returned with --offline
  bool terminal_ = false;
  int opened_ = 0;
  std::function<bool(absl::Duration)> wait_ = [](absl::Duration) { return false; };
};

TEST_F(RunTest, ServiceTranscript) {
  CheckTranscript("service.txt");
}
TEST_F(RunTest, MapTranscript) {
  CheckTranscript("map.txt");
}
TEST_F(RunTest, OtherObjectsTranscript) {
  CheckTranscript("objects.txt");
}
TEST_F(RunTest, DocumentsTranscript) {
  CheckTranscript("documents.txt");
}
TEST_F(RunTest, MistakesTranscript) {
  CheckTranscript("mistakes.txt");
}
TEST_F(RunTest, HelpTranscript) {
  CheckTranscript("help.txt");
}

TEST_F(RunTest, OfflineTranscript) {
  CheckTranscript("offline.txt");
}

TEST_F(RunTest, WhenNobodyAnswersEveryCommandSaysSoButVersion) {
  open_error_ = absl::UnavailableError("cannot reach the agent at /run/x: No such file; is shuntd running?");
  for (const char* line : {"service list", "service show a/b", "backend list", "flow list", "flow count",
                           "flow show tcp 10.0.0.1:1 10.0.0.2:2", "snat list", "device list", "map list",
                           "map dump pools", "prog list", "status"}) {
    const Outcome outcome = Run(line);
    EXPECT_EQ(outcome.status, kExitFailed) << line;
    EXPECT_THAT(outcome.out, IsEmpty()) << line;
    EXPECT_EQ(outcome.err, absl::StrCat("shuntctl: ", line, ": ", open_error_.message(), "\n"));
  }
  const Outcome version = Run("version");
  EXPECT_EQ(version.status, kExitOk);
  EXPECT_THAT(version.out, HasSubstr("is shuntd running?"));
}

TEST_F(RunTest, FollowingTranscript) {
  agent_ = admin::testing::FollowingCluster();
  CheckTranscript("following.txt");
}

TEST_F(RunTest, CheckWithoutAnAgentLooksAtThePins) {
  agent_error_ = absl::UnavailableError("cannot reach the agent at /run/x: Connection refused; is shuntd running?");
  CheckTranscript("dead_agent.txt");
  const Outcome neither = [this] {
    open_error_ = absl::NotFoundError("cannot read the pins below /sys/fs/bpf: nothing is pinned");
    return Run("check");
  }();
  EXPECT_EQ(neither.status, kExitFailed);
  EXPECT_THAT(neither.out, HasSubstr("WRONG     agent"));
  EXPECT_THAT(neither.out, HasSubstr("WRONG     pins"));
  EXPECT_EQ(neither.err, "shuntctl: check: 2 things are wrong\n");
}

TEST_F(RunTest, CheckSaysWhatAnAuditFound) {
  agent_.status.failed_services = 0;
  agent_.status.problems.clear();
  agent_.status.maps[1].used = 10;
  struct Row {
    const char* sentence;
    absl::StatusOr<report::AuditReport> audit;
    int status;
    const char* line;
  };
  const model::ObjectName cart{"shop", "cart"};
  const model::ObjectName search{"shop", "search"};
  const Row rows[] = {
      {"nothing", report::AuditReport{}, kExitOk, "ok        maps       as planned\n"},
      {"one Service", report::AuditReport{.services = {cart}}, kExitDrift,
       "warning   maps       1 Service differed and was repaired: shop/cart\n"},
      {"two Services", report::AuditReport{.services = {cart, search}}, kExitDrift,
       "warning   maps       2 Services differed and were repaired: shop/cart, shop/search\n"},
      {"many Services", report::AuditReport{.services = std::vector<model::ObjectName>(12, cart)}, kExitDrift,
       "shop/cart, shop/cart and 7 more\n"},
      {"only what Services share", report::AuditReport{.shared = 1}, kExitDrift,
       "warning   maps       1 row of no single Service differed and was repaired\n"},
      {"a hook", report::AuditReport{.hooks = {"sock_connect4"}}, kExitDrift,
       "warning   maps       1 hook (sock_connect4) differed and was repaired\n"},
      {"both", report::AuditReport{.services = {cart}, .shared = 3}, kExitDrift,
       "1 Service and 3 rows of no single Service differed and were repaired: shop/cart\n"},
      {"one that cannot be repaired", report::AuditReport{.services = {cart, search}, .unrepaired = 1}, kExitFailed,
       "WRONG     maps       2 Services differed and were repaired, but for 1: shop/cart, shop/search\n"},
      {"only one, which cannot be", report::AuditReport{.services = {cart}, .unrepaired = 1}, kExitFailed,
       "WRONG     maps       1 Service differed and was not repaired: shop/cart\n"},
      {"that it could not look", report::AuditReport{.problem = "map pools: gone"}, kExitFailed,
       "WRONG     maps       no audit: map pools: gone\n"},
      {"that the agent stops", absl::UnavailableError("the agent is stopping"), kExitFailed,
       "WRONG     maps       no audit: the agent is stopping\n"},
      {"an agent too old to be asked", absl::UnimplementedError(""), kExitOk, "unknown   maps       not compared"},
  };
  for (const Row& row : rows) {
    agent_.audit = row.audit;
    const Outcome outcome = Run("check");
    EXPECT_EQ(outcome.status, row.status) << row.sentence << "\n" << outcome.out;
    EXPECT_THAT(outcome.out, HasSubstr(row.line)) << row.sentence;
    EXPECT_EQ(outcome.err.empty(), row.status == kExitOk) << row.sentence;
  }
  agent_.status.synced = false;
  agent_.audit = report::AuditReport{.problem = "nothing has been applied yet"};
  EXPECT_THAT(Run("check").out, HasSubstr("unknown   maps       no audit: nothing has been applied yet"));
}

TEST_F(RunTest, HelpNeverAsksTheAgent) {
  for (const char* line : {"help", "-h", "service help", "service list help", "service list -h", "help service list",
                           "help se li", "map h", "status help", "--help status"}) {
    const Outcome outcome = Run(line);
    EXPECT_EQ(outcome.status, kExitOk) << line;
    EXPECT_THAT(outcome.out, HasSubstr("xamples:\n  shuntctl")) << line;
    EXPECT_THAT(outcome.err, IsEmpty()) << line;
  }
  EXPECT_EQ(opened_, 0);
}

TEST_F(RunTest, ANamespaceIsRefusedWhereItNarrowsNothing) {
  for (const char* line :
       {"map dump frontends", "map list", "device list", "prog list", "status", "check", "version"}) {
    const Outcome outcome = Run(absl::StrCat(line, " -n shop"));
    EXPECT_EQ(outcome.status, kExitUsage) << line;
    EXPECT_THAT(outcome.out, IsEmpty()) << line;
    EXPECT_THAT(outcome.err, HasSubstr(absl::StrCat(line == absl::string_view("map dump frontends") ? "map dump" : line,
                                                    " is about the whole node: it takes no --namespace")));
    EXPECT_THAT(Run(absl::StrCat(line, " -n shop --help")).err, IsEmpty()) << line;
  }
  EXPECT_EQ(Run("status -n shop -A").status, kExitOk);
  for (const char* line : {"service list -n shop", "service show -n shop cart", "backend list -n shop"}) {
    EXPECT_EQ(Run(line).status, kExitOk) << line;
  }
}

TEST_F(RunTest, PrefixesMeanTheSame) {
  const std::string whole = Run("service list").out;
  for (const char* line : {"service", "se", "se l", "serv li"}) {
    EXPECT_EQ(Run(line).out, whole) << line;
  }
  for (const char* line : {"services", "svc list", "services ls", "svc get", "service show"}) {
    EXPECT_EQ(Run(line).out, whole) << line;
  }
  EXPECT_EQ(Run("svc get shop/cart").out, Run("service show shop/cart").out);
  EXPECT_EQ(Run("backends").out, Run("backend list").out);
  EXPECT_EQ(Run("map show").out, Run("map list").out);
  EXPECT_EQ(Run("prog show").out, Run("prog list").out);
  EXPECT_EQ(Run("programs").out, Run("prog list").out);
  EXPECT_EQ(Run("m d po").out, Run("map dump pools").out);
  EXPECT_EQ(Run("map dump frontends").out, Run("map dump frontend_rows").out);
}

TEST_F(RunTest, HostileNamesCannotTouchTheTerminalInAnyFormat) {
  const std::string evil =
      "\x1b[2J\r\n\xe2\x80\xae\x9b"
      "31m";
  report::ServiceStatus& service = agent_.services[1];
  service.plan.service = {evil, evil};
  service.plan.warnings = {evil};
  service.applied = absl::InternalError(evil);
  service.plan.ports[0].name = evil;
  for (model::PlannedEndpoint& endpoint : service.plan.ports[0].endpoints) {
    endpoint.pod_name = endpoint.node_name = endpoint.zone = endpoint.slice_name = endpoint.address_text = evil;
  }
  service.plan.ports[0].frontends[0].conflict_with = {evil, evil};
  agent_.backends[1].services = {{evil, evil}};
  agent_.status.problems = {{evil, evil}};
  agent_.status.socket_sweeps.problem = evil;
  agent_.status.version = agent_.status.source = agent_.status.node_name = agent_.status.cgroup = evil;
  agent_.status.programs[0].name = agent_.status.maps[0].name = evil;
  agent_.status.source_status = {.reflectors = {{.resource = evil, .resource_version = evil, .last_error = evil}},
                                 .server = evil};
  agent_.audit = report::AuditReport{.services = {{evil, evil}}};
  agent_.maps["service_ports"] = {report::ServicePortRow{.service = {evil, evil}, .port_name = evil}};
  for (const char* format : {"table", "wide", "json", "yaml"}) {
    for (const std::string& command : std::vector<std::string>{
             "service list", "service show " + evil + "/" + evil, "backend list", "map list", "map dump service_ports",
             "prog list", "status", "check", "version", "service show x/y", "map dump " + evil, evil}) {
      const Outcome outcome = Run(absl::StrCat("-o ", format, " ", command));
      for (const std::string& text : {outcome.out, outcome.err}) {
        for (const char c : text) {
          // U+202E and C1 are escaped too, so what is left beyond ASCII is U+FFFD for bytes that are not UTF-8.
          const bool replacement = c == '\xef' || c == '\xbf' || c == '\xbd';
          ASSERT_TRUE(c == '\n' || (c >= 0x20 && c < 0x7f) || replacement) << format << " " << Printable(command);
        }
      }
    }
  }
}

TEST_F(RunTest, CheckFindsWhatIsWrongAndOnlyThat) {
  agent_.status.failed_services = 0;
  agent_.status.problems.clear();
  agent_.status.maps[1].used = 10;
  ASSERT_EQ(Run("check").status, kExitOk) << Run("check").out;
  struct Row {
    const char* sentence;
    std::function<void(report::AgentStatus&)> spoil;
    int status;
    const char* line;
  };
  const Row rows[] = {
      {"not synced", [](auto& s) { s.synced = false; }, kExitFailed, "WRONG     sources"},
      {"a Service failed", [](auto& s) { s.failed_services = 2; }, kExitFailed,
       "not take the plan of 2 Services; it holds 3, with"},
      {"the only Service failed", [](auto& s) { s.services = 0, s.failed_services = 1; }, kExitFailed,
       "not take the plan of 1 Service; it holds 0, with"},
      {"a problem", [](auto& s) { s.problems = {{"a.yaml:7", "bad port"}}; }, kExitFailed, "WRONG     a.yaml:7"},
      {"a problem that is only advice", [](auto& s) { s.problems = {{"kube-proxy", "one is alive", true}}; }, kExitOk,
       "warning   kube-proxy"},
      {"an agent that only observes", [](auto& s) { s.observing = true; }, kExitOk, "warning   mode"},
      {"namespaces that cannot be entered", [](auto& s) { s.socket_sweeps.problem = "enter /run/netns/x: no"; },
       kExitOk, "warning   sockets"},
      {"a program is detached", [](auto& s) { s.programs[1].attached = false; }, kExitFailed,
       "not attached: sock_connect6"},
      {"no program at all", [](auto& s) { s.programs.clear(); }, kExitFailed, "nothing is translated"},
      {"programs of an earlier build", [](auto& s) { s.programs_current = false; }, kExitFailed, "earlier build"},
      {"a map is full", [](auto& s) { s.maps[1].used = 1'048'576; }, kExitFailed, "WRONG     map slots"},
      {"a map is nearly full", [](auto& s) { s.maps[1].used = 900'000; }, kExitOk, "warning   map slots"},
      {"an LRU map is always full", [](auto& s) { s.maps[1] = {"affinities", "lru_hash", 9, 9, 0}; }, kExitOk,
       "none that could be full is above 80 %"},
      {"more sockets than rows", [](auto& s) { s.maps[1] = {"socket_state", "array", 64, 64, 0}; }, kExitOk,
       "warning   map socket_state   64 of 64 rows in use; a socket without one is served too, but slower: raise "
       "limits.sockets in shuntd's configuration and start shuntd again\n"},
      {"tenants' datagrams fill the map", [](auto& s) { s.maps[1] = {"socket_peers", "hash", 96, 96, 0}; }, kExitFailed,
       "WRONG     map socket_peers   96 of 96 rows in use; when it is full, a UDP socket that sends to more than eight "
       "Services gets ENOBUFS: raise limits.socketPeers in shuntd's configuration and start shuntd again, after "
       "`shuntd cleanup`\n"},
      {"an id led nowhere", [](auto& s) { s.reasons = {{"dangling", "a bug", 1}}; }, kExitOk, "1 time: a bug"},
      {"another version", [](auto& s) { s.version = "9.9.9"; }, kExitOk, "warning   agent"},
  };
  const report::AgentStatus good = agent_.status;
  for (const Row& row : rows) {
    agent_.status = good;
    row.spoil(agent_.status);
    const Outcome outcome = Run("check");
    EXPECT_EQ(outcome.status, row.status) << row.sentence << "\n" << outcome.out;
    EXPECT_THAT(outcome.out, HasSubstr(row.line)) << row.sentence;
    EXPECT_EQ(outcome.err.empty(), row.status == kExitOk) << row.sentence;
    const auto document = nlohmann::json::parse(Run("check -j").out);
    EXPECT_EQ(document["kind"], "CheckResult");
  }
}

TEST_F(RunTest, OnlyAMapWhoseFillSaysWhatStillFitsIsTheFullest) {
  agent_.status.failed_services = 0;
  agent_.status.problems.clear();
  agent_.status.maps.clear();
  std::vector<std::string> names = DumpableMaps();
  names.emplace_back("previous_state");
  for (const std::string& name : names) {
    const MapRoom* const room = FindMapRoom(name);
    ASSERT_NE(room, nullptr) << "map_room.cc does not say what it means that " << name << " fills up";
    EXPECT_EQ(room->limit.empty(), room->when_full == WhenFull::kNothing) << name;
    const bool matters = room->when_full != WhenFull::kNothing;
    agent_.status.maps.push_back({name, "array", matters ? 1u : 64u, 64, 4096});
  }
  EXPECT_THAT(Run("status").out, HasSubstr("Maps:      fullest is frontend_index, 1 of 64 (1.56%)\n"));
  EXPECT_EQ(Run("check").status, kExitOk) << Run("check").out;
  EXPECT_THAT(Run("check").out,
              HasSubstr(absl::StrCat(names.size(), " maps, and none that could be full is above 80 %\n")));
  agent_.status.maps.push_back({"of_a_later_build", "array", 64, 64, 4096});
  EXPECT_EQ(Run("check").status, kExitOk) << "nothing is known of it";
}

TEST_F(RunTest, WhenTheAgentCannotReadThePinsNothingIsSaidOfPrograms) {
  agent_.status.failed_services = 0;
  agent_.status.maps.clear();
  agent_.status.programs.clear();
  agent_.status.backends = 0;
  agent_.status.problems = {{"maps", "pins are missing in /b/plan-v1-1: pools"}};
  const Outcome check = Run("check");
  EXPECT_EQ(check.status, kExitFailed);
  EXPECT_THAT(check.out, HasSubstr("WRONG     maps       pins are missing in /b/plan-v1-1: pools\n"));
  EXPECT_THAT(check.out, HasSubstr("unknown   programs   not looked at, because the pins cannot be read: see maps\n"));
  EXPECT_THAT(check.out, HasSubstr("ok        rows       as planned\n")) << "the agent holds the maps open";
  for (const char* untrue : {"is complete", "none is attached", "map room"}) {
    EXPECT_THAT(check.out, Not(HasSubstr(untrue)));
  }
  EXPECT_EQ(check.err, "shuntctl: check: 1 thing is wrong\n");
  EXPECT_THAT(Run("status").out, HasSubstr("Programs:  not known, because the pins cannot be read\n"));
  for (const char* line : {"prog list", "map list", "prog list -j"}) {
    const Outcome outcome = Run(line);
    EXPECT_EQ(outcome.status, kExitFailed) << line;
    EXPECT_THAT(outcome.out, IsEmpty()) << line;
    EXPECT_THAT(outcome.err, HasSubstr("the agent cannot read the pins: pins are missing in /b/plan-v1-1: pools"));
  }
}

TEST_F(RunTest, CheckWarnsOfASilenceOnlyWhileItLasts) {
  agent_.status.reasons = {{"stale_agent", "no sign of life of the agent", 2}};
  EXPECT_THAT(Run("check").out, Not(HasSubstr("stale_agent")));
  EXPECT_THAT(Run("status").out, HasSubstr("stale_agent"));
}

TEST_F(RunTest, ATenantsMistakeIsAWarning) {
  agent_.status.failed_services = 0;
  agent_.status.problems.clear();
  agent_.status.maps[1].used = 10;
  agent_.status.service_warnings.clear();
  for (int i = 0; i < 7; ++i) {
    agent_.status.service_warnings.push_back(
        {{"shop", absl::StrCat("s", i)}, report::WarningKind::kDead, "port 80/TCP: every endpoint is refused"});
  }
  agent_.status.warned_services = {0, 1200, 0, 0};
  const Outcome outcome = Run("check");
  EXPECT_EQ(outcome.status, kExitOk) << outcome.out;
  EXPECT_THAT(outcome.err, IsEmpty());
  EXPECT_THAT(
      outcome.out,
      HasSubstr("warning   dead       Services that have a port without any endpoint that can be used: shop/s0, "
                "shop/s1, shop/s2, shop/s3, shop/s4 and 1195 more; see `shuntctl service show`\n"));
}

TEST_F(RunTest, AnAgentsSilenceIsToldWhereTheProgramsHeedIt) {
  EXPECT_THAT(Run("status").out, Not(HasSubstr("Silence")));
  agent_.status.sign_of_life = {.stale_after_ms = 600'000, .age_ms = 1'250};
  EXPECT_THAT(Run("status").out, HasSubstr("Silence:   --stale-after is 10m, the last sign of life was 1.2s ago\n"));
  EXPECT_THAT(Run("check").out, Not(HasSubstr("silence")));
  agent_.status.sign_of_life.age_ms = 600'100;
  const char kSilent[] = "nothing is translated: --stale-after is 10m, the last sign of life was 10m0.1s ago";
  EXPECT_THAT(Run("status").out, HasSubstr(absl::StrCat("Silence:   ", kSilent, "\n")));
  EXPECT_THAT(Run("check").out, HasSubstr(absl::StrCat(kSilent, "; see that shuntd runs\n")));
}

TEST_F(RunTest, WarningsBeyondTheAgentsLimitAreCounted) {
  agent_.status.service_warnings = {{.what = "and 1200 more Services with warnings"}};
  agent_.status.warned_services = {0, 0, 7, 0};
  EXPECT_THAT(Run("check").out, HasSubstr("Services that have a port whose protocol is not served here: 7; see"));
  EXPECT_THAT(Run("status").out, HasSubstr("  <none>    <none>   and 1200 more Services with warnings\n"));
}

TEST_F(RunTest, AResultWithoutRowsSaysSoAndIsNoFailure) {
  struct Row {
    const char* line;
    const char* out;
    const char* err;
  };
  agent_.maps["affinities"].clear();
  const Row rows[] = {
      {"service list -n typo", "", "No Services found in typo namespace.\n"},
      {"backend list -n typo", "", "No backends found in typo namespace.\n"},
      {"map dump affinities", "", "No rows found in map affinities.\n"},
      {"service list -n typo -j", "{\"apiVersion\":\"shunt.admin.v1\",\"kind\":\"ServiceList\",\"items\":[]}\n", ""},
  };
  for (const Row& row : rows) {
    const Outcome outcome = Run(row.line);
    EXPECT_EQ(outcome.status, kExitOk) << row.line;
    EXPECT_EQ(outcome.out, row.out) << row.line;
    EXPECT_EQ(outcome.err, row.err) << row.line;
  }
  agent_.services.clear();
  EXPECT_EQ(Run("service list").err, "No Services found.\n");
  int round = 0;
  wait_ = [&](absl::Duration) { return ++round < 4; };
  EXPECT_EQ(Run("service list -w").err, "No Services found.\n") << "said once";
}

TEST_F(RunTest, APortThatIsNotServedIsNotReady) {
  model::PortPlan& port = agent_.services[0].plan.ports[0];
  port.protocol = port.frontends[0].address.protocol = model::Protocol::kSctp;
  port.frontends[0].verdict = model::FrontendVerdict::kNoSocketHook;
  EXPECT_THAT(Run("service list -n default").out, HasSubstr("NotServed"));
  const std::string page = Run("service show default/kubernetes").out;
  EXPECT_THAT(page, HasSubstr("Programmed:    nothing: none of its ports is served here\n"));
  EXPECT_THAT(page, HasSubstr("Port 443/SCTP IPv4 https: NotServed\n"));
  EXPECT_THAT(page, HasSubstr("any       SCTP has no socket hook\n"));
  port.protocol = port.frontends[0].address.protocol = model::Protocol::kTcp;
  port.frontends[0].verdict = model::FrontendVerdict::kLocalAddress;
  EXPECT_THAT(Run("service list -n default").out, HasSubstr("NotServed"));
  EXPECT_THAT(Run("service show default/kubernetes").out,
              HasSubstr("any       an address of the node, left to the node\n"));
  agent_.services[0].plan.ports.clear();
  EXPECT_THAT(Run("service list -n default").out, HasSubstr("kubernetes   <none>   <none>"));
  EXPECT_THAT(Run("service list -n default").out, HasSubstr("NothingToServe"));
  EXPECT_THAT(Run("service show default/kubernetes").out, HasSubstr("Programmed:    nothing to serve\n"));
}

TEST_F(RunTest, ALoserOfAConflictIsNotSaidToLackEndpoints) {
  model::PortPlan& port = agent_.services[1].plan.ports[0];
  port.pools[1] = {.empty = model::EmptyPool::kLocalMiss, .scope = model::PoolScope::kLocal};
  ASSERT_THAT(Run("service show shop/cart:80").out, HasSubstr("Pool local is empty"));
  for (model::Frontend& frontend : port.frontends) frontend.conflict_with = {"shop", "older"};
  const std::string page = Run("service show shop/cart:80").out;
  EXPECT_THAT(page, HasSubstr("Conflict"));
  EXPECT_THAT(page, ::testing::Not(HasSubstr("Pool local is empty"))) << "no client is sent there";
}

TEST_F(RunTest, ProgramsThatDidNotRunDifferFromThoseThatAreNotCounted) {
  EXPECT_THAT(Run("prog list").err, IsEmpty());
  EXPECT_THAT(Run("prog list").out, HasSubstr("/sys/fs/cgroup   0      <none>\n")) << "others have run";
  for (report::ProgramStatus& program : agent_.status.programs) program.runs_counted = false;
  EXPECT_THAT(Run("prog list").out, HasSubstr("/sys/fs/cgroup   1000   123\n"));
  EXPECT_EQ(
      Run("prog list").err,
      "RUNS are of an earlier time, and are not counted now: `sysctl kernel.bpf_stats_enabled=1` makes the kernel "
      "count.\n");
  agent_.status.programs[0].runs = 0;
  EXPECT_THAT(Run("prog list").err, StartsWith("RUNS are not counted: `sysctl"));
  EXPECT_THAT(Run("prog list").out, HasSubstr("/sys/fs/cgroup   <none>   <none>\n"));
  EXPECT_EQ(Run("prog list").status, kExitOk);
}

TEST_F(RunTest, AServiceLacksLocalEndpointsIfClientsOnThisNodeDo) {
  model::PortPlan& port = agent_.services[1].plan.ports[0];
  port.pools[1] = {.empty = model::EmptyPool::kLocalMiss, .scope = model::PoolScope::kLocal};
  EXPECT_THAT(Run("service list -n shop").out, HasSubstr("2/5         Ready"));
  EXPECT_THAT(Run("service show shop/cart:80").out,
              HasSubstr("Pool local is empty: no endpoint on this node for connections from outside.\n"));

  port.frontends[0].internal_pool = 1;  // internalTrafficPolicy: Local
  EXPECT_THAT(Run("service list -n shop").out, HasSubstr("2/5         NoLocalEndpoints"));
  EXPECT_THAT(Run("service show shop/cart:80").out,
              HasSubstr("Pool local is empty: no endpoint on this node, connections are unreachable (EHOSTUNREACH),\n"
                        "  or left to the packet path if shuntd runs with --local-policy-miss=drop.\n"));
}

TEST_F(RunTest, EveryReasonWithAKindIsOneThatProgramsGive) {
  std::vector<std::string> names;
  const absl::Status dumped = pins_.Open()->DumpMap("reasons", [&](const report::MapRow& row) {
    names.push_back(std::get<report::ReasonRow>(row).name);
    return true;
  });
  ASSERT_EQ(dumped, absl::OkStatus());
  for (const report::ReasonKind kind : {report::ReasonKind::kNothingToTranslate, report::ReasonKind::kSuspect}) {
    ASSERT_THAT(report::ReasonsOfKind(kind), ::testing::Not(IsEmpty()));
    for (const absl::string_view name : report::ReasonsOfKind(kind)) {
      EXPECT_THAT(names, ::testing::Contains(std::string(name)));
      EXPECT_EQ(report::ReasonKindOf(name), kind);
    }
  }
  EXPECT_EQ(report::ReasonKindOf("a reason of a later version"), report::ReasonKind::kNotTranslated);
}

TEST_F(RunTest, WatchPrintsWhenTheAnswerChanges) {
  int round = 0;
  wait_ = [&](absl::Duration interval) {
    EXPECT_EQ(interval, absl::Milliseconds(500));
    ++round;
    if (round == 2) agent_.services.pop_back();
    return round < 4;
  };
  const Outcome outcome = Run("service list -w --interval 0.5 --no-headers");
  EXPECT_EQ(outcome.status, kExitOk);
  const std::vector<std::string> blocks = absl::StrSplit(outcome.out, "\n\n");
  ASSERT_EQ(blocks.size(), 2u) << outcome.out;
  EXPECT_THAT(blocks[0], HasSubstr("search"));
  EXPECT_THAT(blocks[1], ::testing::Not(HasSubstr("search")));
}

TEST_F(RunTest, WatchRedrawsATerminalAndSurvivesAnAgentThatRestarts) {
  terminal_ = true;
  int round = 0;
  wait_ = [&](absl::Duration) {
    ++round;
    open_error_ = round == 1 || round == 2 ? absl::UnavailableError("gone") : absl::OkStatus();
    if (round == 3) agent_.backends.pop_back();
    return round < 4;
  };
  const Outcome outcome = Run("backend list -w");
  EXPECT_EQ(outcome.status, kExitOk);
  EXPECT_THAT(outcome.out, StartsWith("\033[H\033[2J"));
  EXPECT_EQ(outcome.err, "shuntctl: backend list: gone\n") << "said once";
  EXPECT_EQ(opened_, 4) << "asked again every time";
}

TEST_F(RunTest, WatchFailsAtOnceIfTheFirstLookDoes) {
  open_error_ = absl::UnavailableError("gone");
  EXPECT_EQ(Run("status -w").status, kExitFailed);
  EXPECT_EQ(opened_, 1);
}

TEST_F(RunTest, AnAnswerThatCannotBeWrittenIsAFailure) {
  std::ostringstream err;
  std::ofstream full("/dev/full");
  Environment environment{.out = full,
                          .err = err,
                          .open = [this](const Options& options) { return Open(options); },
                          .wait = [](absl::Duration) { return false; }};
  EXPECT_EQ(RunShuntctl({"service", "list"}, environment), kExitFailed);
  EXPECT_THAT(err.str(), HasSubstr("cannot write"));
}

}  // namespace
}  // namespace shunt::shuntctl
