// SPDX-License-Identifier: Apache-2.0
// What is asked of the running kernel: checks of the host, addresses, cookies, cgroups, the grace period.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "tests/sandbox/cgroup.h"
#include "tests/sandbox/netlink.h"
#include "tests/sandbox/network_namespace.h"
#include "userspace/datapath/kernel/attach/cgroup_root.h"
#include "userspace/datapath/kernel/attach/host_check.h"
#include "userspace/datapath/kernel/attach/host_config.h"
#include "userspace/datapath/kernel/kernel_datapath.h"
#include "userspace/datapath/kernel/kernel_grace.h"
#include "userspace/datapath/kernel/node_addresses.h"
#include "userspace/datapath/kernel/testing/capabilities.h"
#include "userspace/datapath/kernel/testing/sandbox_fixture.h"

namespace shunt::datapath {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

class HostTest : public SandboxTest {};

const Finding* Find(const std::vector<Finding>& findings, absl::string_view what) {
  for (const Finding& finding : findings) {
    if (finding.what == what) return &finding;
  }
  ADD_FAILURE() << "no finding about " << what;
  return &findings.front();
}

TEST_F(HostTest, AHostThatCanRunItMissesNothing) {
  std::vector<Finding> findings = CheckHost({.bpffs = bpffs_, .cgroup = cgroup_});
  for (const Finding& finding : findings) {
    EXPECT_NE(finding.verdict, Verdict::kMissing) << finding.what << ": " << finding.detail;
    EXPECT_EQ(finding.verdict == Verdict::kOk, finding.what_to_do.empty()) << finding.what;
  }
  EXPECT_THAT(Find(findings, "programs")->detail, HasSubstr("verifier"));
  EXPECT_THAT(Find(findings, "attaching")->detail, HasSubstr("9 hooks of a trial cgroup below " + cgroup_));
  for (const auto& entry : std::filesystem::directory_iterator(cgroup_)) {
    EXPECT_FALSE(entry.is_directory()) << "left behind: " << entry.path();
  }
}

TEST_F(HostTest, WhatIsMissingIsNamedWithItsRemedy) {
  std::vector<Finding> findings = CheckHost({.bpffs = "/tmp", .cgroup = "/proc"});
  const Finding* bpffs = Find(findings, "BPF file system");
  EXPECT_EQ(bpffs->verdict, Verdict::kMissing);
  EXPECT_EQ(bpffs->what_to_do, "mount -t bpf -o mode=700 bpf /tmp");
  const Finding* cgroup = Find(findings, "cgroup");
  EXPECT_EQ(cgroup->verdict, Verdict::kMissing);
  EXPECT_THAT(cgroup->detail, HasSubstr("/proc is not in a cgroup2 file system: name one with --cgroup"));
  EXPECT_EQ(cgroup->what_to_do, "") << "the detail has said it";
  EXPECT_EQ(Find(findings, "programs")->verdict, Verdict::kOk) << "the other checks went on";
}

TEST_F(HostTest, CapabilitiesThatAreMissingAreNamed) {
  const absl::Status error = absl::PermissionDeniedError("load: no");
  EXPECT_EQ(MissingCapabilities(), "");
  EXPECT_EQ(WithMissingCapabilities(error), error);
  WithCapabilities({CAP_NET_ADMIN, CAP_PERFMON}, [&] {
    EXPECT_EQ(MissingCapabilities(), "CAP_BPF");
    EXPECT_EQ(WithMissingCapabilities(error),
              absl::PermissionDeniedError("missing: CAP_BPF; grant them or run as root: load: no"));
    EXPECT_EQ(WithMissingCapabilities(absl::OkStatus()), absl::OkStatus());
    const absl::Status open = KernelDatapath::Open({.bpffs = bpffs_, .cgroup = cgroup_}).status();
    EXPECT_THAT(std::string(open.message()), StartsWith("missing: CAP_BPF; grant them or run as root: "));
  });
  WithCapabilities({}, [&] {
    EXPECT_EQ(MissingCapabilities(), "CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON");
    std::vector<Finding> findings = CheckHost({.bpffs = bpffs_, .cgroup = cgroup_});
    EXPECT_EQ(Find(findings, "capabilities")->detail, "missing: CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON");
    EXPECT_EQ(Find(findings, "programs")->verdict, Verdict::kMissing);
    EXPECT_EQ(Find(findings, "programs")->what_to_do, "grant the capabilities that are missing");
  });
}

TEST_F(HostTest, CapSysAdminStandsInForTheOthers) {
  WithCapabilities({CAP_SYS_ADMIN}, [&] {
    EXPECT_EQ(MissingCapabilities(), "");
    std::vector<Finding> findings = CheckHost({.bpffs = bpffs_, .cgroup = cgroup_});
    for (const char* what : {"capabilities", "programs", "attaching"}) {
      EXPECT_EQ(Find(findings, what)->verdict, Verdict::kOk) << what << ": " << Find(findings, what)->detail;
    }
  });
}

TEST_F(HostTest, ADirectoryThatIsMissingIsMadeBeforeItIsMountedOn) {
  std::vector<Finding> findings = CheckHost({.bpffs = "/nonexistent/bpf", .cgroup = cgroup_});
  EXPECT_EQ(Find(findings, "BPF file system")->what_to_do,
            "mkdir -p /nonexistent/bpf && mount -t bpf -o mode=700 bpf /nonexistent/bpf");
}

TEST_F(HostTest, TheSwitchOfTheJitIsInTheHostsNamespaceAlone) {
  std::thread elsewhere([this] {
    absl::StatusOr<sandbox::NetworkNamespace> node = sandbox::NetworkNamespace::Create();
    ASSERT_TRUE(node.ok()) << node.status();
    ASSERT_TRUE(node->Enter().ok());
    std::vector<Finding> findings = CheckHost({.bpffs = bpffs_, .cgroup = cgroup_});
    EXPECT_EQ(Find(findings, "BPF JIT")->verdict, Verdict::kWarning);
    EXPECT_EQ(Find(findings, "BPF JIT")->what_to_do, "it is only in the host's network namespace: check there");
  });
  elsewhere.join();
}

TEST_F(HostTest, AddressesAreThoseOfTheNamespaceAndChangesAreAnnounced) {
  std::thread elsewhere([] {
    absl::StatusOr<sandbox::NetworkNamespace> node = sandbox::NetworkNamespace::Create();
    ASSERT_TRUE(node.ok()) << node.status();
    ASSERT_TRUE(node->Enter().ok());
    absl::StatusOr<NodeAddressWatch> watch = NodeAddressWatch::Open();
    ASSERT_TRUE(watch.ok()) << watch.status();
    const NodeAddress loopback4{*model::IpAddress::Parse("127.0.0.1"), true};
    const NodeAddress loopback6{*model::IpAddress::Parse("::1"), true};
    const NodeAddress added4{*model::IpAddress::Parse("192.0.2.1"), false};
    const NodeAddress added6{*model::IpAddress::Parse("2001:db8::1"), false};
    absl::StatusOr<std::vector<NodeAddress>> before = watch->Read();
    ASSERT_TRUE(before.ok()) << before.status();
    EXPECT_THAT(*before, UnorderedElementsAre(loopback4, loopback6));
    EXPECT_FALSE(*watch->Drain());

    ASSERT_TRUE(sandbox::AddLoopbackAddress(added4.address).ok());
    ASSERT_TRUE(sandbox::AddLoopbackAddress(added6.address).ok());
    pollfd readable{.fd = watch->fd(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(poll(&readable, 1, 2000), 1);
    EXPECT_TRUE(*watch->Drain());
    EXPECT_FALSE(*watch->Drain()) << "all announcements are consumed";
    absl::StatusOr<std::vector<NodeAddress>> after = watch->Read();
    ASSERT_TRUE(after.ok()) << after.status();
    EXPECT_THAT(*after, UnorderedElementsAre(loopback4, loopback6, added4, added6));
    EXPECT_TRUE(std::is_sorted(after->begin(), after->end()));
  });
  elsewhere.join();
}

// Sets a device of this thread's namespace up or down. Returns 0 or an errno.
int SwitchDevice(const char* device, bool up) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  std::strcpy(request.ifr_name, device);
  request.ifr_flags = up ? IFF_UP : 0;
  const int error = ioctl(fd, SIOCSIFFLAGS, &request) == 0 ? 0 : errno;
  close(fd);
  return error;
}

// Gives the loopback device another name. Returns 0 or an errno.
int RenameLoopback(const char* name) {
  if (const int error = SwitchDevice("lo", false); error != 0) return error;
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  std::strcpy(request.ifr_newname, name);
  const int error = ioctl(fd, SIOCSIFNAME, &request) == 0 ? 0 : errno;
  close(fd);
  return error != 0 ? error : SwitchDevice(name, true);
}

// A kube-proxy that uses IPVS gives the address of every Service to a device of its own, of this name.
TEST_F(HostTest, AddressesOfAServiceProxysDeviceAreNotTheNodes) {
  std::thread elsewhere([] {
    absl::StatusOr<sandbox::NetworkNamespace> node = sandbox::NetworkNamespace::Create();
    ASSERT_TRUE(node.ok()) << node.status();
    ASSERT_TRUE(node->Enter().ok());
    absl::StatusOr<NodeAddressWatch> watch = NodeAddressWatch::Open();
    ASSERT_TRUE(watch.ok()) << watch.status();
    const NodeAddress cluster_ip{*model::IpAddress::Parse("10.96.0.10"), false};
    ASSERT_TRUE(sandbox::AddLoopbackAddress(cluster_ip.address).ok());
    EXPECT_THAT(*watch->Read(), Contains(cluster_ip));
    EXPECT_FALSE(watch->has_service_device());
    ASSERT_EQ(RenameLoopback("kube-ipvs0"), 0);
    EXPECT_TRUE(*watch->Drain());
    EXPECT_THAT(*watch->Read(), Not(Contains(cluster_ip)));
    EXPECT_TRUE(watch->has_service_device());

    ASSERT_EQ(SwitchDevice("kube-ipvs0", false), 0);  // which takes ::1 from it
    pollfd readable{.fd = watch->fd(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(poll(&readable, 1, 2000), 1);
    EXPECT_FALSE(*watch->Drain()) << "what happens to that device need not be read";
  });
  elsewhere.join();
}

TEST_F(HostTest, TheCookieIsTheNamespacesOwn) {
  absl::StatusOr<uint64_t> cookie = NetnsCookie();
  ASSERT_TRUE(cookie.ok()) << cookie.status();
  EXPECT_EQ(*cookie, world_->host().Cookie());
  absl::StatusOr<sandbox::NetworkNamespace> pod = world_->NewPod();
  ASSERT_TRUE(pod.ok()) << pod.status();
  EXPECT_NE(*cookie, pod->Cookie());
}

TEST_F(HostTest, CgroupsAreKnownByTheKernelsId) {
  absl::StatusOr<Cgroup> cgroup = OpenCgroup(cgroup_);
  ASSERT_TRUE(cgroup.ok()) << cgroup.status();
  EXPECT_EQ(cgroup->id, sandbox::CgroupId(cgroup_));
  EXPECT_EQ(FindCgroupById(world_->cgroup(), cgroup->id), cgroup_);
  EXPECT_EQ(FindCgroupById(world_->cgroup(), 1ull << 60), "");
  EXPECT_EQ(FindCgroupById(world_->cgroup(), 0), "");
  absl::StatusOr<std::string> root = FindCgroupRoot();
  ASSERT_TRUE(root.ok()) << root.status();
  EXPECT_EQ(*root, *sandbox::FindCgroupMount());
  EXPECT_EQ(TopmostCgroup(cgroup_), *root);
  EXPECT_EQ(CgroupsAbove(cgroup_).front(), world_->cgroup());
  EXPECT_EQ(TopmostCgroup(*root), *root);
  EXPECT_EQ(TopmostCgroup("/proc"), "/proc");
  EXPECT_EQ(OpenCgroup(cgroup_ + "/none").status().code(), absl::StatusCode::kInvalidArgument);
}

// Runs in a process of its own that becomes a container as far as cgroups go: 0, or the step that failed.
int InContainer(const std::string& cgroup, const std::string& host_root, const std::string& bind_host_root_at) {
  // A new namespace shows its maker's cgroup as "/", and a new mount of cgroup2 there has that as its root.
  if (!sandbox::EnterCgroup(cgroup).ok()) return 1;
  if (unshare(CLONE_NEWCGROUP | CLONE_NEWNS) != 0) return 2;
  if (!bind_host_root_at.empty() &&
      mount(host_root.c_str(), bind_host_root_at.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    return 3;
  }
  std::ifstream file("/proc/self/mountinfo");
  std::string mounts((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  for (const std::string& other : CgroupMounts(mounts)) {
    if (other != bind_host_root_at) umount2(other.c_str(), MNT_DETACH);
  }
  if (mount("none", host_root.c_str(), "cgroup2", 0, nullptr) != 0) return 4;
  absl::StatusOr<std::string> found = FindCgroupRoot();
  if (!bind_host_root_at.empty()) return found.ok() && *found == bind_host_root_at ? 0 : 5;
  return absl::IsNotFound(found.status()) && absl::StrContains(found.status().message(), "--cgroup") ? 0 : 6;
}

// Attached to a container's own cgroup, programs would reach no other process.
TEST_F(HostTest, AContainersCgroupIsNotTakenForTheHosts) {
  absl::StatusOr<std::string> root = FindCgroupRoot();
  ASSERT_TRUE(root.ok()) << root.status();
  for (const char* bind_at : {"", "/tmp"}) {
    const pid_t container = fork();
    if (container == 0) _exit(InContainer(cgroup_, *root, bind_at));
    int status = 0;
    ASSERT_EQ(waitpid(container, &status, 0), container);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0) << "the host's root at '" << bind_at << "'";
  }
}

// Runs in a process of its own that sees a hybrid host's tree: a tmpfs with cgroup2 at `unified`. 0, or the step that
// failed.
int BesideVersion1(const std::string& tree, const std::string& cgroup) {
  if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 1;
  if (mount("tmpfs", tree.c_str(), "tmpfs", 0, nullptr) != 0) return 2;
  const std::string unified = tree + "/unified";
  std::filesystem::create_directory(unified);
  if (FindCgroupAt(tree).status().code() != absl::StatusCode::kInvalidArgument) return 3;
  if (mount(cgroup.c_str(), unified.c_str(), nullptr, MS_BIND, nullptr) != 0) return 4;
  absl::StatusOr<std::string> found = FindCgroupAt(tree);
  if (!found.ok() || *found != unified) return 5;
  return *FindCgroupAt(unified) == unified ? 0 : 6;
}

TEST_F(HostTest, OnAHybridHostTheCgroup2BelowTheGivenDirectoryIsMeant) {
  std::string tree = "/tmp/shunt-hybrid-XXXXXX";
  ASSERT_NE(mkdtemp(tree.data()), nullptr);
  const pid_t host = fork();
  if (host == 0) _exit(BesideVersion1(tree, cgroup_));
  int status = 0;
  ASSERT_EQ(waitpid(host, &status, 0), host);
  rmdir(tree.c_str());
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(HostTest, AGracePeriodCanBeHad) {
  absl::StatusOr<MapOfMapsGrace> grace = MapOfMapsGrace::Create();
  ASSERT_TRUE(grace.ok()) << grace.status();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(grace->Wait().ok());
  std::function<absl::Status()> wait = ChooseKernelGrace();
  ASSERT_NE(wait, nullptr);
  EXPECT_TRUE(wait().ok());
}

TEST_F(HostTest, MembarrierIsNotTrustedOnOneCpu) {
  absl::Status status = MembarrierGrace();
  if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
    EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  } else {
    EXPECT_TRUE(status.ok() || absl::IsUnimplemented(status)) << status;
  }
}

}  // namespace
}  // namespace shunt::datapath
