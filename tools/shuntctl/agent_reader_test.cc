// SPDX-License-Identifier: Apache-2.0
// shuntctl and a server of the admin API, through a socket file and all of gRPC; and the binary itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "tools/shuntctl/run.h"
#include "userspace/admin/server.h"
#include "userspace/admin/testing/scripted_agent.h"

namespace shunt::shuntctl {
namespace {

using ::testing::HasSubstr;

class AgentReaderTest : public ::testing::Test {
 protected:
  AgentReaderTest() {
    char name[] = "/tmp/shuntctl-XXXXXX";
    directory_ = mkdtemp(name);
    socket_ = directory_ + "/admin.sock";
  }
  ~AgentReaderTest() override {
    server_.reset();
    std::filesystem::remove_all(directory_);
  }

  void Start() {
    auto server = admin::AdminServer::Start(socket_, agent_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  // Standard output of the binary; `status` is its exit status.
  std::string Execute(const std::string& arguments, int* status) {
    FILE* pipe =
        popen(absl::StrCat(SHUNTCTL_BINARY, " -s ", socket_, " ", arguments, " 2>", directory_, "/err").c_str(), "r");
    std::string out;
    char buffer[4096];
    for (size_t got; (got = fread(buffer, 1, sizeof(buffer), pipe)) > 0;) out.append(buffer, got);
    *status = WEXITSTATUS(pclose(pipe));
    return out;
  }
  std::string Errors() const {
    std::ifstream file(directory_ + "/err");
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  admin::testing::ScriptedAgent agent_ = admin::testing::SmallCluster();
  std::string directory_;
  std::string socket_;
  std::unique_ptr<admin::AdminServer> server_;
};

// The socket changes nothing in what is printed.
TEST_F(AgentReaderTest, EveryCommandPrintsOverTheSocketWhatTheAgentSays) {
  agent_.status.failed_services = 0;
  Start();
  for (const char* line : {"service list", "service show shop/cart", "backend list", "map list", "map dump frontends",
                           "prog list", "device list", "flow list -o wide", "flow count",
                           "-j flow count --state opening", "flow show tcp 192.0.2.9:40000 203.0.113.5:30080",
                           "snat list", "status", "version", "-j service list", "-o yaml service show shop/search"}) {
    std::vector<std::string> arguments;
    std::istringstream words(line);
    for (std::string word; words >> word;) arguments.push_back(word);
    arguments.insert(arguments.end(), {"-s", socket_});
    std::ostringstream over_socket;
    std::ostringstream without;
    std::ostringstream err;
    Environment environment{.out = over_socket, .err = err, .wait = [](absl::Duration) { return false; }};
    EXPECT_EQ(RunShuntctl(arguments, environment), kExitOk) << line << ": " << err.str();
    Environment direct{
        .out = without,
        .err = err,
        .open = [this](const Options&) { return ReadView(std::make_unique<admin::testing::ScriptedAgent>(agent_)); },
        .wait = [](absl::Duration) { return false; }};
    EXPECT_EQ(RunShuntctl(arguments, direct), kExitOk) << line;
    EXPECT_EQ(over_socket.str(), without.str()) << line;
    EXPECT_FALSE(without.str().empty()) << line;
  }
}

TEST_F(AgentReaderTest, AnAgentThatIsNotThereIsNamedWithWhatToDo) {
  struct Row {
    const char* sentence;
    std::string path;
    absl::StatusCode code;
    std::string message;
  };
  std::ofstream(directory_ + "/file") << "no socket";
  const Row rows[] = {
      {"no such socket", socket_, absl::StatusCode::kUnavailable,
       absl::StrCat(
           "cannot reach the agent at ", socket_,
           ": No such file or directory; is shuntd running? Name its "
           "socket with --socket, read the pins with --offline, or ask the agent of a cluster's node with --node")},
      {"not a socket", directory_ + "/file", absl::StatusCode::kUnavailable, "Connection refused; is shuntd running?"},
      {"too long a path", "/" + std::string(200, 'x'), absl::StatusCode::kInvalidArgument, "at most 107 bytes"},
  };
  for (const Row& row : rows) {
    const std::unique_ptr<StateReader> reader = ReadAgent(row.path);
    const absl::Status status = reader->Status().status();
    EXPECT_EQ(status.code(), row.code) << row.sentence;
    EXPECT_THAT(status.message(), HasSubstr(row.message)) << row.sentence;
    EXPECT_EQ(reader->DumpMap("slots", [](v1::MapRow) {}), status) << row.sentence;
  }
}

TEST_F(AgentReaderTest, AnAgentThatGoesAwayIsNotWaitedFor) {
  Start();
  const std::unique_ptr<StateReader> reader = ReadAgent(socket_);
  ASSERT_TRUE(reader->Status().ok());
  server_.reset();
  const absl::Time start = absl::Now();
  EXPECT_EQ(reader->Status().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_LT(absl::Now() - start, absl::Seconds(20));
}

TEST_F(AgentReaderTest, AServiceListLargerThanGrpcsDefaultLimitArrives) {
  const report::ServiceStatus one = agent_.services[1];
  agent_.services.assign(20'000, one);  // some 10 MB; gRPC clients take 4 MiB unless told
  Start();
  const std::unique_ptr<StateReader> reader = ReadAgent(socket_);
  const auto services = reader->Services({});
  ASSERT_TRUE(services.ok()) << services.status();
  EXPECT_EQ(services->services_size(), 20'000);
  EXPECT_GT(services->ByteSizeLong(), size_t{5} << 20);
}

TEST_F(AgentReaderTest, TheBinaryKeepsItsExitStatusesAndStreamsApart) {
  int status = -1;
  EXPECT_EQ(Execute("service list", &status), "");
  EXPECT_EQ(status, kExitFailed);
  EXPECT_THAT(Errors(), HasSubstr("is shuntd running?"));

  Start();
  EXPECT_THAT(Execute("service list", &status), HasSubstr("kubernetes"));
  EXPECT_EQ(status, kExitOk);
  EXPECT_EQ(Errors(), "");

  EXPECT_EQ(Execute("servise", &status), "");
  EXPECT_EQ(status, kExitUsage);
  EXPECT_THAT(Errors(), HasSubstr("did you mean 'service'?"));

  EXPECT_THAT(Execute("check", &status), HasSubstr("WRONG"));
  EXPECT_EQ(status, kExitFailed);
  EXPECT_THAT(Execute("help", &status), HasSubstr("Usage: shuntctl"));
  EXPECT_EQ(status, kExitOk);
}

}  // namespace
}  // namespace shunt::shuntctl
