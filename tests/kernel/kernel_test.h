// SPDX-License-Identifier: Apache-2.0
// The fixture of tests with real sockets, the real planner, the real datapath and the real programs.
#ifndef SHUNT_TESTS_KERNEL_KERNEL_TEST_H_
#define SHUNT_TESTS_KERNEL_KERNEL_TEST_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "tests/kernel/world.h"
#include "tests/sandbox/client_socket.h"
#include "tests/sandbox/service_story.h"
#include "userspace/datapath/datapath.h"
#include "userspace/datapath/map_reader.h"

namespace shunt::datapath {
struct KernelOptions;
class KernelDatapath;
}  // namespace shunt::datapath

namespace shunt::kernel_test {

using model::Protocol;
using model::SocketAddress;
using sandbox::At;
using sandbox::ClientSocket;
using sandbox::Received;
using sandbox::ServiceStory;

constexpr Protocol kTcp = Protocol::kTcp;
constexpr Protocol kUdp = Protocol::kUdp;

// Where the programs remember a socket. Both must behave the same.
enum class SocketMemory {
  kRow,      // in the socket's direct-mapped row
  kStorage,  // in socket storage, because all rows belong to other sockets
};

// Opens a datapath in a cgroup and a bpffs directory of the test's own, and moves the process into the cgroup. At the
// end no row of a closed socket and no pin may be left.
class KernelTest : public ::testing::Test {
 protected:
  KernelTest();
  ~KernelTest() override;
  void SetUp() override;
  void TearDown() override;

  // ---- a test's own fixture may override these ----
  virtual SocketMemory memory() const { return SocketMemory::kRow; }
  virtual datapath::KernelOptions Options() const;

  World& world() { return *World::Get(); }
  datapath::Datapath& datapath();
  datapath::KernelDatapath& kernel_datapath() { return *datapath_; }
  // The maps' rows in readable form.
  datapath::MapReader maps() const;
  const std::string& bpffs() const { return bpffs_; }
  const std::string& cgroup() const { return cgroup_; }

  // Closes the datapath and opens another on the same pins, as a restarted agent does.
  void Reopen(const datapath::KernelOptions& options);

  // Changes these Services and leaves the others alone; fails the test unless all were applied.
  void Apply(const std::vector<ServiceStory>& stories);
  void Remove(const ServiceStory& story);

  ClientSocket PodSocket(int family, int type) { return ClientSocket(world().pod(), family, type); }
  ClientSocket HostSocket(int family, int type) { return ClientSocket(world().host(), family, type); }

  // Returns how often the programs counted this reason since the datapath was opened.
  uint64_t Reason(absl::string_view name);
  // Returns the number of rows of sockets in a map, without the fixture's own.
  size_t RowsOf(absl::string_view map);
  // Describes the sockets that have a row.
  std::vector<std::string> Sockets();

 private:
  void TakeAllRows();

  std::string cgroup_;
  std::string bpffs_;
  std::unique_ptr<datapath::KernelDatapath> datapath_;
  std::vector<ClientSocket> row_holders_;
};

// Runs every test in both kinds of memory.
class SocketTest : public KernelTest, public ::testing::WithParamInterface<SocketMemory> {
 protected:
  SocketMemory memory() const override { return GetParam(); }
};

// How an application dials: its socket's family and the service's.
struct Dialling {
  const char* name;
  int socket_family;
  const char* cluster_ip;  // of Web()
  const char* backend;     // address of its only endpoint in that family
  const char* other_ip;    // of Api()
  const char* other_backend;
  const char* unserved;  // ClusterIP of Empty()
};
extern const Dialling kDiallings[3];
inline void PrintTo(const Dialling& dialling, std::ostream* out) {
  *out << dialling.name;
}
inline void PrintTo(SocketMemory memory, std::ostream* out) {
  *out << (memory == SocketMemory::kRow ? "row" : "storage");
}

// Runs every test in both kinds of memory, with IPv4, IPv6, and IPv4 through an IPv6 socket.
class DiallingTest : public KernelTest, public ::testing::WithParamInterface<std::tuple<SocketMemory, Dialling>> {
 protected:
  // Applies Web(), Api() and Empty().
  void SetUp() override;
  SocketMemory memory() const override { return std::get<0>(GetParam()); }

  const Dialling& dialling() const { return std::get<1>(GetParam()); }
  SocketAddress Service(uint16_t port) const { return {*model::IpAddress::Parse(dialling().cluster_ip), port}; }
  SocketAddress Backend(uint16_t port) const { return {*model::IpAddress::Parse(dialling().backend), port}; }
  SocketAddress OtherService(uint16_t port) const { return {*model::IpAddress::Parse(dialling().other_ip), port}; }
  SocketAddress OtherBackend(uint16_t port) const { return {*model::IpAddress::Parse(dialling().other_backend), port}; }
  SocketAddress Unserved(uint16_t port) const { return {*model::IpAddress::Parse(dialling().unserved), port}; }
  ClientSocket Open(int type) { return PodSocket(dialling().socket_family, type); }
};

// Three dual-stack Services: 80/TCP to 8080 and 53/UDP to 8081, with one endpoint per family; "empty" has none.
ServiceStory Web();
ServiceStory Api();
ServiceStory Empty();

// Returns the name that a server at this address sends: over TCP first, over UDP before the text.
std::string NameOf(const SocketAddress& address);

std::string MemoryName(const ::testing::TestParamInfo<SocketMemory>& param);
std::string DiallingName(const ::testing::TestParamInfo<std::tuple<SocketMemory, Dialling>>& param);

#define SHUNT_IN_BOTH_MEMORIES(fixture)                                                                    \
  INSTANTIATE_TEST_SUITE_P(Memory, fixture, ::testing::Values(SocketMemory::kRow, SocketMemory::kStorage), \
                           ::shunt::kernel_test::MemoryName)
#define SHUNT_IN_EVERY_DIALLING(fixture)                                                                     \
  INSTANTIATE_TEST_SUITE_P(Dialling, fixture,                                                                \
                           ::testing::Combine(::testing::Values(SocketMemory::kRow, SocketMemory::kStorage), \
                                              ::testing::ValuesIn(kDiallings)),                              \
                           ::shunt::kernel_test::DiallingName)

}  // namespace shunt::kernel_test

#endif  // SHUNT_TESTS_KERNEL_KERNEL_TEST_H_
