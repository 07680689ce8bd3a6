// SPDX-License-Identifier: Apache-2.0
// Ports kept from the node's own sockets: each test in a network namespace with a list of its own.
#include "userspace/datapath/kernel/attach/reserved_ports.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "tests/sandbox/network_namespace.h"
#include "userspace/datapath/kernel/attach/cleanup.h"
#include "userspace/datapath/kernel/attach/port_list.h"
#include "userspace/datapath/kernel/testing/sandbox_fixture.h"
#include "userspace/datapath/kernel/testing/test_node.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::datapath {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kList[] = "/proc/sys/net/ipv4/ip_local_reserved_ports";
constexpr char kPortRange[] = "/proc/sys/net/ipv4/ip_local_port_range";
constexpr PortRange kRange = {49152, 65535};

std::string List() {
  std::ifstream file(kList);
  std::string list;
  std::getline(file, list);
  return list;
}

void Write(const char* path, const std::string& text) {
  std::ofstream file(path);
  ASSERT_TRUE(file << text << std::flush) << path;
}

class ReservedPortsTest : public SandboxTest {
 protected:
  void SetUp() override {
    SandboxTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    absl::StatusOr<PinDirectory> pins = PinDirectory::OpenOrCreate(bpffs_);
    ASSERT_TRUE(pins.ok()) << pins.status();
    pins_ = *pins;
    absl::StatusOr<std::unique_ptr<testing::TestNode>> node = testing::TestNode::Create();
    ASSERT_TRUE(node.ok()) << node.status();
    node_ = *std::move(node);
    ASSERT_EQ(List(), "");
  }
  void TearDown() override {
    node_.reset();
    SandboxTest::TearDown();
  }

  // Returns how many ports were added.
  uint32_t Reserve(PortRange range = kRange) {
    const absl::StatusOr<uint32_t> added = ReservePorts(*pins_, range);
    EXPECT_TRUE(added.ok()) << added.status();
    return added.value_or(99999);
  }
  std::vector<std::string> Release() {
    std::vector<std::string> removed;
    const absl::Status status = ReleasePorts(*pins_, &removed);
    EXPECT_TRUE(status.ok()) << status;
    return removed;
  }

  std::optional<PinDirectory> pins_;
  std::unique_ptr<testing::TestNode> node_;
};

TEST_F(ReservedPortsTest, TheRangeIsReservedOnceAndReleased) {
  EXPECT_EQ(Reserve(), 16384u);
  EXPECT_EQ(List(), "49152-65535");
  EXPECT_EQ(Reserve(), 0u);
  EXPECT_THAT(Release(),
              ElementsAre("ports 49152-65535 of net.ipv4.ip_local_reserved_ports", bpffs_ + "/shunt/reserved_ports"));
  EXPECT_EQ(List(), "");
  EXPECT_THAT(Release(), IsEmpty());
}

TEST_F(ReservedPortsTest, WhatOthersReservedStaysBeforeAndAfter) {
  Write(kList, "8080,50000,65000-65010");
  EXPECT_EQ(Reserve(), 16384u - 12);
  EXPECT_EQ(List(), "8080,49152-65535");
  Release();
  EXPECT_EQ(List(), "8080,50000,65000-65010");
}

// A sysctl.d that is applied again, or a kubelet with its own list.
TEST_F(ReservedPortsTest, AListThatWasWrittenAsAWholeIsItsWritersAndIsAddedToAgain) {
  Reserve();
  Write(kList, "9000,60000");
  EXPECT_EQ(Reserve(), 16384u - 1);
  EXPECT_EQ(List(), "9000,49152-65535");
  Release();
  EXPECT_EQ(List(), "9000,60000");
}

TEST_F(ReservedPortsTest, WhatOthersAddedSinceStays) {
  Reserve();
  Write(kList, List() + ",7000");
  EXPECT_EQ(Reserve(), 0u);
  Release();
  EXPECT_EQ(List(), "7000");
}

TEST_F(ReservedPortsTest, AListWithoutOursIsLeftAsItIs) {
  Reserve();
  Write(kList, "50000-50010");
  EXPECT_THAT(Release(), ElementsAre(bpffs_ + "/shunt/reserved_ports"));
  EXPECT_EQ(List(), "50000-50010");
}

TEST_F(ReservedPortsTest, AnotherRangeReleasesTheOneBefore) {
  Write(kList, "61000");
  EXPECT_EQ(Reserve({60000, 61999}), 1999u);
  EXPECT_EQ(Reserve({61500, 62499}), 500u);
  EXPECT_EQ(List(), "61000,61500-62499");
  Release();
  EXPECT_EQ(List(), "61000");
}

TEST_F(ReservedPortsTest, AListOfManyPagesIsKeptWhole) {
  PortSet others;
  for (size_t port = 1; port < 40000; port += 2) others.set(port);
  const std::string list = FormatPortList(others);
  ASSERT_GT(list.size(), 100'000u);
  // As ReservePorts writes it, because a stream would give up after the kernel's first page.
  ASSERT_TRUE(ReservePorts(*pins_, {1, 39999}).ok());
  Release();
  for (size_t at = 0; at < list.size();) {
    const size_t end = list.find(',', at + 4000);
    const std::string part = list.substr(at, end == list.npos ? end : end - at);
    const posix::FileDescriptor file(open(kList, O_WRONLY | O_CLOEXEC));
    // Behind its beginning a write adds to the list.
    ASSERT_EQ(pwrite(file.get(), part.data(), part.size(), at == 0 ? 0 : 1), static_cast<ssize_t>(part.size()));
    at = end == list.npos ? list.size() : end + 1;
  }
  EXPECT_EQ(Reserve(), 16384u);
  EXPECT_EQ(Release().size(), 2u);
  std::string left(kPortListBytesMax, '\0');
  const posix::FileDescriptor file(open(kList, O_RDONLY | O_CLOEXEC));
  left.resize(static_cast<size_t>(std::max<ssize_t>(0, read(file.get(), left.data(), left.size()))));
  EXPECT_EQ(left, list + "\n");
}

TEST_F(ReservedPortsTest, AnAgentKilledBeforeItWroteTheListHasClaimedNothing) {
  Reserve();
  Write(kList, "\n");  // the record is there, the list is not
  ASSERT_EQ(List(), "");
  Write(kList, "55555");
  EXPECT_EQ(Reserve(), 16383u);
  Release();
  EXPECT_EQ(List(), "55555");
}

TEST_F(ReservedPortsTest, AnotherNamespacesListIsNotTouched) {
  Reserve();
  absl::StatusOr<sandbox::NetworkNamespace> other = sandbox::NetworkNamespace::Create();
  ASSERT_TRUE(other.ok()) << other.status();
  const sandbox::InNamespace elsewhere(*other);
  Write(kList, "49152-65535");
  EXPECT_THAT(Release(), ElementsAre(bpffs_ + "/shunt/reserved_ports"));
  EXPECT_EQ(List(), "49152-65535");
}

TEST_F(ReservedPortsTest, CleanupReleasesThem) {
  Reserve();
  std::vector<std::string> removed;
  const absl::Status status = Cleanup(bpffs_, &removed);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(List(), "");
  EXPECT_THAT(removed, Contains("ports 49152-65535 of net.ipv4.ip_local_reserved_ports"));
}

TEST_F(ReservedPortsTest, WhatIsMissingIsAListForSysctl) {
  EXPECT_EQ(*MissingReservation(*pins_, kRange), "49152-65535");
  Write(kList, "8080,50000");
  EXPECT_EQ(*MissingReservation(*pins_, kRange), "8080,49152-65535");
  Reserve();
  EXPECT_EQ(*MissingReservation(*pins_, kRange), "");
}

// With another --masquerade-ports.
TEST_F(ReservedPortsTest, WhatIsMissingIsOfTheRangeThatAnAgentLends) {
  Write(kList, "8080,40000");
  Reserve({40000, 56383});
  EXPECT_EQ(*MissingReservation(*pins_, kRange), "");
  Write(kList, "8080,40000");
  EXPECT_EQ(*MissingReservation(*pins_, kRange), "8080,40000-56383");
  Release();
  EXPECT_EQ(*MissingReservation(*pins_, kRange), "8080,40000,49152-65535");
}

// What the kernel makes of it: no socket that leaves the choice to the kernel gets a port of the range.
TEST_F(ReservedPortsTest, NoSocketIsGivenAReservedPort) {
  Write(kPortRange, "49150 49250");
  Reserve();
  std::vector<posix::FileDescriptor> sockets;
  int taken = 0;
  for (int i = 0; i < 101; ++i) {
    posix::FileDescriptor socket_fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = {.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    if (bind(socket_fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) continue;
    socklen_t length = sizeof(address);
    ASSERT_EQ(getsockname(socket_fd.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
    EXPECT_LT(ntohs(address.sin_port), kRange.first);
    sockets.push_back(std::move(socket_fd));
    ++taken;
  }
  EXPECT_GT(taken, 0);
  EXPECT_LE(taken, 2);
}

// Runs in a process of its own whose /proc/sys is read-only, as a container's is. Returns 0, or the step that failed.
int InContainer(const PinDirectory& pins, const char* host_directory) {
  if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 1;
  if (mount("/proc/sys", "/proc/sys", nullptr, MS_BIND, nullptr) != 0) return 2;
  if (mount(nullptr, "/proc/sys", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) != 0) return 3;
  const absl::StatusOr<uint32_t> refused = ReservePorts(pins, kRange);
  if (!absl::IsPermissionDenied(refused.status())) return 4;
  if (!absl::StrContains(refused.status().message(), "the host's /proc/sys/net")) return 5;
  if (List() != "") return 6;
  if (mount("proc", host_directory, "proc", 0, nullptr) != 0) return 7;
  const absl::StatusOr<uint32_t> added = ReservePorts(pins, kRange);
  if (!added.ok() || *added != 16384 || List() != "49152-65535") return 8;
  return ReleasePorts(pins, nullptr).ok() && List() == "" ? 0 : 9;
}

TEST_F(ReservedPortsTest, AContainerWritesItThroughAnotherMountOrSaysThatItNeedsOne) {
  std::string directory = "/tmp/shunt-proc-XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  const pid_t container = fork();
  if (container == 0) _exit(InContainer(*pins_, directory.c_str()));
  int status = 0;
  ASSERT_EQ(waitpid(container, &status, 0), container);
  rmdir(directory.c_str());
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace shunt::datapath
