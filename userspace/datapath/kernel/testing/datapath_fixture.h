// SPDX-License-Identifier: Apache-2.0
// For tests of the whole datapath: a Service, a client that dials it, and what others may have left in the kernel.
#ifndef SHUNT_DATAPATH_KERNEL_TESTING_DATAPATH_FIXTURE_H_
#define SHUNT_DATAPATH_KERNEL_TESTING_DATAPATH_FIXTURE_H_

#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/sandbox/cgroup.h"
#include "tests/sandbox/client_socket.h"
#include "tests/sandbox/echo_server.h"
#include "tests/sandbox/service_story.h"
#include "userspace/datapath/kernel/attach/cgroup_root.h"
#include "userspace/datapath/kernel/kernel_datapath.h"
#include "userspace/datapath/kernel/pinned_reader.h"
#include "userspace/datapath/kernel/testing/sandbox_fixture.h"

namespace shunt::datapath {

class DatapathFixture : public SandboxTest {
 protected:
  static constexpr char kService[] = "10.96.0.1:80";
  static constexpr char kPod[] = "10.244.0.7:8080";

  void TearDown() override {
    datapath_.reset();
    SandboxTest::TearDown();
    if (!inner_.empty()) {
      EXPECT_EQ(rmdir(inner_.c_str()), 0);
    }
  }

  KernelOptions Options() const { return {.bpffs = bpffs_, .cgroup = cgroup_, .limits = TinyLimits()}; }

  std::unique_ptr<KernelDatapath> Open(const KernelOptions& options) {
    absl::StatusOr<std::unique_ptr<KernelDatapath>> opened = KernelDatapath::Open(options);
    EXPECT_TRUE(opened.ok()) << opened.status();
    return opened.ok() ? *std::move(opened) : nullptr;
  }

  // Starts the server that answers at kPod.
  void StartPod() { ASSERT_TRUE(pod_.emplace().Listen(world_->host(), 8080).ok()); }
  // Starts the pod, and an agent that serves it.
  void StartServing() {
    ASSERT_NO_FATAL_FAILURE(StartPod());
    datapath_ = Open(Options());
    ASSERT_NE(datapath_, nullptr);
    Serve(*datapath_);
  }
  // Ends the agent and starts the next one.
  void Restart(const KernelOptions& options) {
    datapath_.reset();
    datapath_ = Open(options);
    ASSERT_NE(datapath_, nullptr);
  }
  std::unique_ptr<KernelDatapath> datapath_;

  static model::ServicePlan Web() {
    return sandbox::ServiceStory("web")
        .ClusterIp("10.96.0.1")
        .Port(80, model::Protocol::kTcp, 8080)
        .Endpoints({"10.244.0.7"})
        .Plan();
  }
  static void Serve(Datapath& datapath) {
    const model::ServicePlan plan = Web();
    const model::ServicePlan* plans[] = {&plan};
    EXPECT_THAT(datapath.Apply(plans, ApplyScope::kAll), ::testing::IsEmpty());
  }

  // A socket in the cgroup that the programs serve.
  sandbox::ClientSocket Client(int type) {
    EXPECT_TRUE(sandbox::EnterCgroup(dial_from_.empty() ? cgroup_ : dial_from_).ok());
    sandbox::ClientSocket client(world_->host(), AF_INET, type);
    EXPECT_TRUE(sandbox::EnterCgroup(world_->cgroup()).ok());
    return client;
  }

  // Where a connection to the service arrives: the server says at which of its addresses.
  std::string Dial(KernelDatapath* exempt_by = nullptr) {
    const sandbox::ClientSocket client = Client(SOCK_STREAM);
    if (exempt_by != nullptr) {
      absl::Status exempt = exempt_by->ExemptSocket(client.fd());
      EXPECT_TRUE(exempt.ok()) << exempt;
    }
    if (int error = client.Connect(sandbox::At(kService)); error != 0) return strerror(error);
    const sandbox::Received peer = client.PeerName();
    peer_ = peer.from.address.ToStringWithPort(peer.from.port);
    return client.Receive().text;
  }
  std::string dial_from_;  // a cgroup; empty: cgroup_
  std::string peer_;       // the name of the last dial's peer

  // A cgroup below the test's own.
  std::string NewInnerCgroup() {
    inner_ = cgroup_ + "/inner";
    EXPECT_EQ(mkdir(inner_.c_str(), 0755), 0);
    return inner_;
  }

  // What a reader beside the agent sees.
  std::vector<report::MapFill> FillLevels() const {
    const absl::StatusOr<std::unique_ptr<PinnedReader>> reader = PinnedReader::Open(bpffs_);
    EXPECT_TRUE(reader.ok()) << reader.status();
    return reader.ok() ? (*reader)->FillLevels() : std::vector<report::MapFill>();
  }
  std::vector<report::ProgramStatus> Programs() const {
    const absl::StatusOr<std::unique_ptr<PinnedReader>> reader = PinnedReader::Open(bpffs_);
    EXPECT_TRUE(reader.ok()) << reader.status();
    return reader.ok() ? (*reader)->Programs() : std::vector<report::ProgramStatus>();
  }

  // Gives the pinned plan the name of another version, which this build cannot read.
  void BecomeVersion2() {
    const std::string root = bpffs_ + "/shunt";
    ASSERT_EQ(rename((root + "/plan-v1-1").c_str(), (root + "/plan-v2-1").c_str()), 0);
    ASSERT_EQ(unlink((root + "/current").c_str()), 0);
    ASSERT_EQ(symlink("plan-v2-1", (root + "/current").c_str()), 0);
  }

  // The same of the memory that it uses.
  void GetMemoryOfVersion2() {
    const std::string root = bpffs_ + "/shunt", link = root + "/plan-v1-1/memory";
    ASSERT_EQ(rename((root + "/memory-v1-1").c_str(), (root + "/memory-v2-1").c_str()), 0);
    ASSERT_EQ(unlink(link.c_str()), 0);
    ASSERT_EQ(symlink("../memory-v2-1", link.c_str()), 0);
  }

  // Attaches a program to connect4 that refuses every call.
  posix::FileDescriptor RefuseEverything(uint32_t flags = BPF_F_ALLOW_MULTI) {
    const bpf_insn code[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
                             {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
    LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_CGROUP_INET4_CONNECT);
    posix::FileDescriptor program(bpf_prog_load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "refuses", "GPL", code, 2, &options));
    EXPECT_TRUE(program.ok());
    const absl::StatusOr<Cgroup> cgroup = OpenCgroup(cgroup_);
    EXPECT_TRUE(cgroup.ok()) << cgroup.status();
    if ((flags & BPF_F_ALLOW_MULTI) == 0) {
      EXPECT_EQ(bpf_prog_attach(program.get(), cgroup->fd.get(), BPF_CGROUP_INET4_CONNECT, flags), 0);
      return program;
    }
    posix::FileDescriptor link(bpf_link_create(program.get(), cgroup->fd.get(), BPF_CGROUP_INET4_CONNECT, nullptr));
    EXPECT_TRUE(link.ok());
    return link;
  }

  // The names of the directories in the pin directory, sorted.
  std::vector<std::string> Directories() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(bpffs_ + "/shunt")) {
      if (!entry.is_symlink()) names.push_back(entry.path().filename());
    }
    return names;
  }

  // Every path below the test's bpffs directory.
  std::vector<std::string> Left() const { return PathsBelow(bpffs_); }
  static std::vector<std::string> PathsBelow(const std::string& bpffs) {
    std::vector<std::string> paths;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(bpffs)) paths.push_back(entry.path());
    return paths;
  }

 private:
  std::optional<sandbox::EchoServer> pod_;
  std::string inner_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_TESTING_DATAPATH_FIXTURE_H_
