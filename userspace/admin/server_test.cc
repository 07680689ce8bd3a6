// SPDX-License-Identifier: Apache-2.0
// The server as a client sees it: over a socket file, through gRPC.
#include "userspace/admin/server.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <thread>
#include <utility>

#include "absl/synchronization/notification.h"
#include "shunt/admin/v1/admin_service.grpc.pb.h"
#include "userspace/admin/testing/scripted_agent.h"
#include "userspace/admin/testing/standard_services.h"

namespace shunt::admin {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() {
    char name[] = "/tmp/shunt-admin-XXXXXX";
    directory_ = mkdtemp(name);
    path_ = directory_ + "/run/admin.sock";
  }
  ~ServerTest() override {
    server_.reset();
    std::filesystem::remove_all(directory_);
  }

  void Start() { Start(agent_); }
  void Start(const report::AgentView& view) {
    auto server = AdminServer::Start(path_, view);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  // Starts a server that asks an agent of another kind, and returns that agent.
  template <typename Agent>
  const Agent& StartWith() {
    auto agent = std::make_unique<Agent>();
    const Agent& asked = *agent;
    other_agent_ = std::move(agent);
    Start(asked);
    return asked;
  }

  std::shared_ptr<grpc::Channel> Channel() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel("unix:" + path_, grpc::InsecureChannelCredentials(), arguments);
  }
  std::unique_ptr<v1::AdminService::Stub> Stub() const { return v1::AdminService::NewStub(Channel()); }

  testing::ScriptedAgent agent_ = testing::SmallCluster();
  std::unique_ptr<const report::AgentView> other_agent_;
  std::string directory_;
  std::string path_;
  std::unique_ptr<AdminServer> server_;
};

TEST_F(ServerTest, ListensOnASocketOfMode0600) {
  Start();
  struct stat found;
  ASSERT_EQ(lstat(path_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode, static_cast<mode_t>(S_IFSOCK | 0600));
}

TEST_F(ServerTest, AnswersEveryUnaryCall) {
  Start();
  const auto stub = Stub();
  {
    grpc::ClientContext context;
    v1::GetStatusResponse response;
    const grpc::Status status = stub->GetStatus(&context, {}, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(response.status().pid(), 4242);
  }
  {
    grpc::ClientContext context;
    v1::ListServicesResponse response;
    ASSERT_TRUE(stub->ListServices(&context, {}, &response).ok());
    EXPECT_EQ(response.services_size(), 3);
  }
  {
    grpc::ClientContext context;
    v1::GetServiceRequest request;
    request.set_namespace_name("shop");
    request.set_name("cart");
    v1::GetServiceResponse response;
    ASSERT_TRUE(stub->GetService(&context, request, &response).ok());
    EXPECT_EQ(response.service().ports(0).endpoints_size(), 5);
  }
  {
    grpc::ClientContext context;
    v1::ListBackendsResponse response;
    ASSERT_TRUE(stub->ListBackends(&context, {}, &response).ok());
    EXPECT_EQ(response.backends_size(), 4);
  }
  {
    grpc::ClientContext context;
    v1::ListDevicesResponse response;
    ASSERT_TRUE(stub->ListDevices(&context, {}, &response).ok());
    EXPECT_EQ(response.devices_size(), 4);
    EXPECT_EQ(response.unmatched(0), "bond0");
  }
  {
    grpc::ClientContext context;
    v1::CountFlowsResponse response;
    ASSERT_TRUE(stub->CountFlows(&context, {}, &response).ok());
    EXPECT_EQ(response.counts().flows(), 2u);
  }
  {
    grpc::ClientContext context;
    v1::ListSnatSetsResponse response;
    ASSERT_TRUE(stub->ListSnatSets(&context, {}, &response).ok());
    EXPECT_EQ(response.sets(0).users(0).backend().address(), "10.244.1.5");
  }
  {
    grpc::ClientContext context;
    v1::AuditResponse response;
    ASSERT_TRUE(stub->Audit(&context, {}, &response).ok());
    EXPECT_EQ(response.report().time().seconds(), 1'763'850'100);
  }
}

TEST_F(ServerTest, ErrorsKeepTheirCodeAndWords) {
  Start();
  const auto stub = Stub();
  grpc::ClientContext context;
  v1::GetServiceRequest request;
  request.set_namespace_name("default");
  request.set_name("cart");
  v1::GetServiceResponse response;
  const grpc::Status status = stub->GetService(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(status.error_message(), "no Service default/cart; there is shop/cart");

  grpc::ClientContext dump_context;
  v1::DumpMapRequest dump;
  dump.set_map("frontenders");
  const auto reader = stub->DumpMap(&dump_context, dump);
  v1::DumpMapResponse chunk;
  EXPECT_FALSE(reader->Read(&chunk));
  const grpc::Status dump_status = reader->Finish();
  EXPECT_EQ(dump_status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(dump_status.error_message(), HasSubstr("there are affinities, backend_counters, "));
}

TEST_F(ServerTest, ARequestOfUnreasonableSizeIsRefused) {
  Start();
  grpc::ClientContext context;
  v1::GetServiceRequest request;
  request.set_name(std::string(1 << 20, 'x'));
  v1::GetServiceResponse response;
  EXPECT_EQ(Stub()->GetService(&context, request, &response).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(ServerTest, DumpsALongMapInChunksWithEveryRowOnceAndInOrder) {
  constexpr uint32_t kRows = 100'000;
  std::vector<report::MapRow>& slots = agent_.maps["slots"];
  slots.clear();
  for (uint32_t i = 0; i < kRows; ++i) slots.push_back(report::SlotRow{.slot = i});
  Start();
  const auto stub = Stub();
  grpc::ClientContext context;
  v1::DumpMapRequest request;
  request.set_map("slots");
  const auto reader = stub->DumpMap(&context, request);
  v1::DumpMapResponse chunk;
  uint32_t next = 0;
  int chunks = 0;
  while (reader->Read(&chunk)) {
    ++chunks;
    for (const v1::MapRow& row : chunk.rows()) ASSERT_EQ(row.slot().slot(), next++);
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(next, kRows);
  EXPECT_GE(chunks, 4);
}

// An agent with an endless map: only the visitor can stop the dump.
class EndlessMap final : public testing::ScriptedAgent {
 public:
  absl::Status DumpMap(absl::string_view, const std::function<bool(const report::MapRow&)>& visit) const override {
    started.Notify();
    while (visit(report::SlotRow{})) std::this_thread::sleep_for(std::chrono::microseconds(1));
    ended.Notify();
    return absl::OkStatus();
  }

  mutable absl::Notification started;
  mutable absl::Notification ended;
};

TEST_F(ServerTest, ListsManyFlowsInChunks) {
  constexpr uint32_t kFlows = 20'000;
  std::vector<report::MapRow>& rows = agent_.maps["flow_rows"];
  rows.clear();
  for (uint32_t i = 0; i < kFlows; ++i) rows.push_back(report::FlowRow{.row = i, .service_port = 1});
  Start();
  const auto stub = Stub();
  grpc::ClientContext context;
  const auto reader = stub->ListFlows(&context, v1::ListFlowsRequest());
  v1::ListFlowsResponse chunk;
  uint32_t next = 0;
  int chunks = 0;
  while (reader->Read(&chunk)) {
    ++chunks;
    for (const v1::Flow& flow : chunk.flows()) {
      ASSERT_EQ(flow.row().row(), next++);
      ASSERT_EQ(flow.service().name(), "cart");
    }
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(next, kFlows);
  EXPECT_GE(chunks, 4);
}

TEST_F(ServerTest, AClientThatGoesAwayEndsTheReadingOfTheMap) {
  const auto& agent = StartWith<EndlessMap>();
  const auto stub = Stub();
  grpc::ClientContext context;
  v1::DumpMapRequest request;
  request.set_map("slots");
  const auto reader = stub->DumpMap(&context, request);
  ASSERT_TRUE(agent.started.WaitForNotificationWithTimeout(absl::Seconds(20)));
  context.TryCancel();
  EXPECT_TRUE(agent.ended.WaitForNotificationWithTimeout(absl::Seconds(20)));
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(ServerTest, ASlowClientHoldsUpNobodyElse) {
  agent_.maps["service_ports"].assign(4'000, report::ServicePortRow{.service = {std::string(4000, 'n'), "s"}});
  Start();
  const auto stub = Stub();
  grpc::ClientContext slow_context;
  v1::DumpMapRequest request;
  request.set_map("service_ports");
  const auto slow = stub->DumpMap(&slow_context, request);
  v1::DumpMapResponse chunk;
  ASSERT_TRUE(slow->Read(&chunk));  // and reads no more: the window closes and the server's write blocks
  for (int i = 0; i < 5; ++i) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    v1::GetStatusResponse response;
    EXPECT_TRUE(stub->GetStatus(&context, {}, &response).ok());
  }
  int rows = chunk.rows_size();
  while (slow->Read(&chunk)) rows += chunk.rows_size();
  EXPECT_TRUE(slow->Finish().ok());
  EXPECT_EQ(rows, 4'000);
}

TEST_F(ServerTest, HealthSaysServingOnlyOnceTheAgentDoes) {
  Start();
  const auto channel = Channel();
  EXPECT_EQ(testing::CheckHealth(channel, ""), "NOT_SERVING");
  EXPECT_EQ(testing::CheckHealth(channel, "shunt.admin.v1.AdminService"), "NOT_SERVING");
  server_->SetServing(true);
  EXPECT_EQ(testing::CheckHealth(channel, ""), "SERVING");
  EXPECT_EQ(testing::CheckHealth(channel, "shunt.admin.v1.AdminService"), "SERVING");
  EXPECT_EQ(testing::CheckHealth(channel, "no.such.Service"), "NOT_FOUND");
  server_->SetServing(false);
  EXPECT_EQ(testing::CheckHealth(channel, ""), "NOT_SERVING");
}

TEST_F(ServerTest, ReflectionListsTheServices) {
  Start();
  const std::vector<std::string> services = testing::ListReflectedServices(Channel());
  EXPECT_THAT(services, Contains("shunt.admin.v1.AdminService"));
  EXPECT_THAT(services, Contains("grpc.health.v1.Health"));
}

TEST_F(ServerTest, ASecondServerOnTheSocketIsRefusedAndTheFirstGoesOn) {
  Start();
  EXPECT_EQ(AdminServer::Start(path_, agent_).status().code(), absl::StatusCode::kAlreadyExists);
  grpc::ClientContext context;
  v1::GetStatusResponse response;
  EXPECT_TRUE(Stub()->GetStatus(&context, {}, &response).ok());
}

// An agent that takes 200 ms for its status.
class SlowStatus final : public testing::ScriptedAgent {
 public:
  absl::StatusOr<report::AgentStatus> Status() const override {
    asked.Notify();
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    return status;
  }

  mutable absl::Notification asked;
};

TEST_F(ServerTest, ShutdownTakesTheSocketAwayAndWaitsForCallsUpToItsTimeout) {
  const auto& agent = StartWith<SlowStatus>();
  std::atomic<bool> answered = false;
  std::thread client([&, stub = Stub()] {
    grpc::ClientContext context;
    v1::GetStatusResponse response;
    answered = stub->GetStatus(&context, {}, &response).ok();
  });
  agent.asked.WaitForNotification();
  server_->Shutdown(absl::Seconds(20));
  client.join();
  EXPECT_TRUE(answered) << "a call in progress ends as if nothing were";
  EXPECT_FALSE(std::filesystem::exists(path_));
  server_->Shutdown(absl::Seconds(20));  // a second call does nothing
}

TEST_F(ServerTest, ShutdownCancelsWhatDoesNotEndByItself) {
  // 16 MB: more than windows and socket buffers hold if the client does not read.
  agent_.maps["service_ports"].assign(4'000, report::ServicePortRow{.service = {std::string(4000, 'n'), "s"}});
  Start();
  const auto stub = Stub();
  grpc::ClientContext context;
  v1::DumpMapRequest request;
  request.set_map("service_ports");
  const auto never_read = stub->DumpMap(&context, request);
  v1::DumpMapResponse chunk;
  ASSERT_TRUE(never_read->Read(&chunk));
  const absl::Time start = absl::Now();
  server_->Shutdown(absl::Milliseconds(100));
  EXPECT_LT(absl::Now() - start, absl::Seconds(20));
  while (never_read->Read(&chunk)) {
  }
  EXPECT_FALSE(never_read->Finish().ok());
}

TEST_F(ServerTest, ManyClientsAtOnceAreAllAnswered) {
  Start();
  std::atomic<int> answered = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      const auto stub = Stub();
      for (int call = 0; call < 25; ++call) {
        grpc::ClientContext context;
        v1::ListServicesResponse response;
        if (stub->ListServices(&context, {}, &response).ok() && response.services_size() == 3) ++answered;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(answered, 200);
}

}  // namespace
}  // namespace shunt::admin
