// SPDX-License-Identifier: Apache-2.0
// An agent that is started with another limit on sockets takes over; the sockets that live notice nothing.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/kernel/kernel_test.h"
#include "userspace/datapath/kernel/kernel_datapath.h"

namespace shunt::kernel_test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class ResizeTest : public DiallingTest {
 protected:
  // One socket of each kind that the programs remember.
  struct Live {
    ClientSocket tcp, connected, unconnected;
  };
  Live Dial() {
    Live live{Open(SOCK_STREAM), Open(SOCK_DGRAM), Open(SOCK_DGRAM)};
    EXPECT_EQ(live.tcp.Connect(Service(80)), 0);
    EXPECT_EQ(live.tcp.Receive().text, NameOf(Backend(8080)));
    EXPECT_EQ(live.connected.Connect(Service(53)), 0);
    return live;
  }
  void Check(const Live& live) {
    EXPECT_EQ(live.tcp.PeerName().from, Service(80));
    EXPECT_EQ(live.connected.PeerName().from, Service(53));
    for (const SocketAddress& dialled : {Service(53), OtherService(53)}) {
      ASSERT_EQ(live.unconnected.SendTo(dialled, "hello"), 0);
      EXPECT_EQ(live.unconnected.Receive().from, dialled);
    }
    ASSERT_EQ(live.connected.Send("hello"), 0);
    EXPECT_EQ(live.connected.Receive().from, Service(53));
  }

  void Restart(uint32_t sockets) {
    datapath::KernelOptions options = Options();
    options.limits.sockets = sockets;
    Reopen(options);
    EXPECT_TRUE(kernel_datapath().programs_current());
    EXPECT_THAT(kernel_datapath().problems(), IsEmpty());
    Apply({Web(), Api()});
  }
  report::MapFill Fill(const char* map) {
    for (const report::MapFill& fill : maps().FillLevels()) {
      if (fill.name == map) return fill;
    }
    return {};
  }
};
INSTANTIATE_TEST_SUITE_P(Dialling, ResizeTest,
                         ::testing::Combine(::testing::Values(SocketMemory::kRow), ::testing::ValuesIn(kDiallings)),
                         DiallingName);

TEST_P(ResizeTest, UpAndDownLiveSocketsKeepWhatTheyRemember) {
  uint64_t size = 4096;
  for (const uint32_t sockets : {16'384u, 512u}) {
    SCOPED_TRACE(sockets);
    Live before = Dial();
    Check(before);
    // Seldom two of them would have the same row, and then one has its memory in socket storage.
    const uint64_t rows = RowsOf("socket_state");
    ASSERT_GT(rows, 0u);
    Restart(sockets);
    EXPECT_EQ(Fill("socket_state").capacity, sockets);
    EXPECT_EQ(Fill("socket_state").used, 0u);
    EXPECT_EQ(Fill("previous_state").capacity, size);
    EXPECT_EQ(Fill("previous_state").used, rows);
    EXPECT_EQ(RowsOf("socket_state"), rows) << "a dump shows both";
    Check(before);

    Live after = Dial();
    Check(after);
    EXPECT_GT(Fill("socket_state").used, 0u);
    EXPECT_EQ(Fill("previous_state").used, rows);

    // There is no third size: the next one waits.
    Restart(64);
    EXPECT_THAT(kernel_datapath().notes(), Contains(HasSubstr("keeps its")));
    EXPECT_EQ(Fill("socket_state").capacity, sockets);
    Check(before);
    Check(after);

    // What a socket dials next is in the row that it has.
    ASSERT_EQ(before.connected.Connect(OtherService(53)), 0);
    EXPECT_EQ(before.connected.PeerName().from, OtherService(53));
    EXPECT_EQ(Fill("previous_state").used, rows);
    before = Dial();
    EXPECT_EQ(Fill("previous_state").used, 0u) << "closed sockets hold rows";
    Restart(sockets);
    EXPECT_EQ(Fill("previous_state").capacity, 0u) << "it is gone";
    EXPECT_THAT(kernel_datapath().notes(), Not(Contains(HasSubstr("keeps its"))));
    Check(before);
    Check(after);
    size = sockets;
  }
}

// The agent's own sockets too: those that it opens before the programs are replaced, and those after.
TEST_P(ResizeTest, AnExemptSocketStaysExempt) {
  ClientSocket exempt = Open(SOCK_DGRAM);
  ASSERT_TRUE(kernel_datapath().ExemptSocket(exempt.fd()).ok());
  Restart(512);
  ASSERT_EQ(exempt.Connect(Service(53)), 0);
  EXPECT_EQ(exempt.PeerName().from, Service(53));
  EXPECT_EQ(Reason("exempt_socket"), 1u);
}

}  // namespace
}  // namespace shunt::kernel_test
