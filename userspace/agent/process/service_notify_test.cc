// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/process/service_notify.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <string>

#include "absl/strings/str_cat.h"

namespace shunt::agent {
namespace {

TEST(ServiceNotifyTest, SendsToPathsAndAbstractNames) {
  for (const std::string& name :
       {absl::StrCat(testing::TempDir(), "/notify.", ::getpid()), absl::StrCat("@shunt-notify-test-", ::getpid())}) {
    const int receiver = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path, sizeof(address.sun_path) - 1);
    if (name[0] == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    ASSERT_EQ(::bind(receiver, reinterpret_cast<const sockaddr*>(&address), size), 0) << name;
    const absl::Status sent = NotifySupervisor(name, "READY=1\nSTATUS=3 services");
    EXPECT_TRUE(sent.ok()) << sent;
    char text[64] = {};
    EXPECT_GT(::recv(receiver, text, sizeof(text) - 1, MSG_DONTWAIT), 0);
    EXPECT_STREQ(text, "READY=1\nSTATUS=3 services");
    ::close(receiver);
    if (name[0] == '/') ::unlink(name.c_str());
  }
}

TEST(ServiceNotifyTest, NobodyAskedOrNobodyListens) {
  EXPECT_TRUE(NotifySupervisor("", "READY=1").ok());
  EXPECT_EQ(std::string(NotifySupervisor("relative", "READY=1").message()),
            "notify the service manager: NOTIFY_SOCKET=relative is not an absolute path or @NAME of at most 107 bytes");
  EXPECT_EQ(std::string(NotifySupervisor("/nonexistent/notify", "READY=1").message()),
            "notify the service manager at /nonexistent/notify: No such file or directory");
}

}  // namespace
}  // namespace shunt::agent
