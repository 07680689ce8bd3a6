// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/client/api_server_probe.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "absl/strings/str_cat.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::sources::kubernetes {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

// A loopback port that accepts connections, or one where the kernel drops every packet, like a ClusterIP that nothing
// translates.
class Port {
 public:
  enum class Kind { kListens, kDrops, kRefuses };

  explicit Port(Kind kind) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    number_ = ntohs(address.sin_port);
    if (kind == Kind::kRefuses) return;
    sock_filter nothing[] = {{BPF_RET | BPF_K, 0, 0, 0}};
    const sock_fprog program{1, nothing};
    if (kind == Kind::kDrops) {
      EXPECT_EQ(setsockopt(fd_.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)), 0);
    }
    EXPECT_EQ(listen(fd_.get(), 1), 0);
  }

  ClientConfig client() const { return {.servers = {{absl::StrCat("https://127.0.0.1:", number_), ""}}}; }

 private:
  const posix::FileDescriptor fd_;
  int number_ = 0;
};

const InClusterPlace kPod{.host = "127.0.0.1", .port = "443"};

// Long enough for a connection on loopback where that must succeed; the other tests wait for all of it.
absl::Status Probe(const ClientConfig& client, const InClusterPlace& pod = kPod, const ProxyEnvironment& proxies = {},
                   milliseconds timeout = milliseconds(50)) {
  return ProbeClusterIp(client, pod, proxies, {}, timeout);
}

TEST(ApiServerProbe, RefusesAClusterIpThatNothingTranslatesAndSaysWhatToGive) {
  const Port port(Port::Kind::kDrops);
  const absl::Status status = Probe(port.client());
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              testing::AllOf(HasSubstr(port.client().servers[0].url), HasSubstr("Connection timed out"),
                             HasSubstr("--api-server https://CONTROL-PLANE:6443")));
}

TEST(ApiServerProbe, AcceptsAnAddressThatConnects) {
  const Port port(Port::Kind::kListens);
  EXPECT_TRUE(Probe(port.client(), kPod, {}, std::chrono::minutes(1)).ok());
}

TEST(ApiServerProbe, TakesARefusedConnectionForAnApiServerThatIsDown) {
  const Port port(Port::Kind::kRefuses);
  EXPECT_TRUE(Probe(port.client(), kPod, {}, std::chrono::minutes(1)).ok());
}

TEST(ApiServerProbe, JudgesOnlyTheAddressOfThePodsEnvironment) {
  const Port port(Port::Kind::kDrops);
  EXPECT_TRUE(Probe(port.client(), {}).ok()) << "no pod";
  EXPECT_TRUE(Probe(port.client(), {.host = "10.96.0.1"}).ok()) << "another address";
  EXPECT_TRUE(Probe(port.client(), {.host = "api.example"}).ok()) << "a name";
  ClientConfig two = port.client();
  two.servers.push_back({"https://10.0.0.1:6443", ""});
  EXPECT_TRUE(Probe(two).ok()) << "there is another server";
}

TEST(ApiServerProbe, DoesNotJudgeWhatGoesThroughAProxy) {
  const Port port(Port::Kind::kDrops);
  ClientConfig client = port.client();
  client.proxy_url = "http://proxy:3128";
  EXPECT_TRUE(Probe(client).ok());
}

TEST(ApiServerProbe, PreparesItsSocketAsTheTransportDoes) {
  const Port port(Port::Kind::kListens);
  int prepared = -1;
  EXPECT_TRUE(ProbeClusterIp(port.client(), kPod, {}, [&](int fd) {
                prepared = fd;
                return absl::PermissionDeniedError("goes on all the same");
              }).ok());
  EXPECT_GE(prepared, 0);
}

}  // namespace
}  // namespace shunt::sources::kubernetes
