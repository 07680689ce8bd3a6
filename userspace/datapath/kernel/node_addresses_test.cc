// SPDX-License-Identifier: Apache-2.0
// Which of the kernel's addresses take NodePorts. No privilege needed: the messages are built by hand.
#include "userspace/datapath/kernel/node_addresses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

namespace shunt::datapath {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// rtnetlink's answer, built by hand.
class AddressMessages {
 public:
  AddressMessages& Address(int family, uint32_t flags, std::initializer_list<std::pair<uint16_t, std::string>> parts,
                           uint32_t interface = 1) {
    std::string body(sizeof(ifaddrmsg), '\0');
    reinterpret_cast<ifaddrmsg*>(body.data())->ifa_family = static_cast<uint8_t>(family);
    reinterpret_cast<ifaddrmsg*>(body.data())->ifa_index = interface;
    Part(body, IFA_FLAGS, std::string(reinterpret_cast<const char*>(&flags), sizeof(flags)));
    for (const auto& [type, value] : parts) Part(body, type, value);
    return Message(RTM_NEWADDR, 0, body);
  }
  AddressMessages& Message(uint16_t type, uint16_t flags, const std::string& body) {
    nlmsghdr header{};
    header.nlmsg_len = static_cast<uint32_t>(sizeof(header) + body.size());
    header.nlmsg_type = type;
    header.nlmsg_flags = flags;
    bytes_.append(reinterpret_cast<const char*>(&header), sizeof(header));
    bytes_ += body;
    bytes_.resize((bytes_.size() + 3) / 4 * 4);
    return *this;
  }
  absl::Status Parse(AddressDump* dump) const { return ParseAddressMessages(bytes_.data(), bytes_.size(), dump); }
  std::string& bytes() { return bytes_; }

 private:
  static void Part(std::string& body, uint16_t type, const std::string& value) {
    rtattr attribute{static_cast<uint16_t>(sizeof(rtattr) + value.size()), type};
    body.append(reinterpret_cast<const char*>(&attribute), sizeof(attribute));
    body += value;
    body.resize((body.size() + 3) / 4 * 4);
  }

  std::string bytes_;
};

std::string Wire(const char* text) {
  const auto bytes = model::IpAddress::Parse(text)->bytes();
  const bool v4 = model::IpAddress::Parse(text)->IsV4();
  return std::string(reinterpret_cast<const char*>(bytes.data()) + (v4 ? 12 : 0), v4 ? 4 : 16);
}

std::vector<std::string> Found(const AddressMessages& messages) {
  AddressDump dump;
  absl::Status status = messages.Parse(&dump);
  EXPECT_TRUE(status.ok()) << status;
  std::vector<std::string> texts;
  for (const InterfaceAddress& found : dump.addresses) {
    texts.push_back(found.address.address.ToString() + (found.address.host_only ? " host only" : ""));
  }
  return texts;
}

TEST(ParseAddressMessages, KeepsWhereNodePortsAnswer) {
  struct Row {
    const char* why;
    int family;
    uint32_t flags;
    const char* local;
    const char* address;
    std::vector<std::string> found;
  };
  const Row rows[] = {
      {"an IPv4 address", AF_INET, 0, "192.0.2.1", "192.0.2.1", {"192.0.2.1"}},
      {"point to point: the local end, not the peer's", AF_INET, 0, "192.0.2.1", "192.0.2.2", {"192.0.2.1"}},
      {"IPv6 has no local part", AF_INET6, 0, nullptr, "2001:db8::1", {"2001:db8::1"}},
      {"loopback is for the host alone", AF_INET, 0, "127.0.0.1", "127.0.0.1", {"127.0.0.1 host only"}},
      {"so is ::1", AF_INET6, 0, nullptr, "::1", {"::1 host only"}},
      {"other loopback addresses take no NodePort", AF_INET, 0, "127.0.0.53", "127.0.0.53", {}},
      {"nor do link-local IPv6 addresses", AF_INET6, 0, nullptr, "fe80::1", {}},
      {"an address still being probed is not ours yet", AF_INET6, IFA_F_TENTATIVE, nullptr, "2001:db8::1", {}},
      {"unless it is used optimistically",
       AF_INET6,
       IFA_F_TENTATIVE | IFA_F_OPTIMISTIC,
       nullptr,
       "2001:db8::1",
       {"2001:db8::1"}},
      {"a duplicate is somebody else's", AF_INET6, IFA_F_DADFAILED, nullptr, "2001:db8::1", {}},
      {"a deprecated address still answers", AF_INET6, IFA_F_DEPRECATED, nullptr, "2001:db8::1", {"2001:db8::1"}},
      {"no address at all", AF_INET, 0, nullptr, nullptr, {}},
  };
  for (const Row& row : rows) {
    AddressMessages messages;
    if (row.address == nullptr) {
      messages.Address(row.family, row.flags, {});
    } else if (row.local == nullptr) {
      messages.Address(row.family, row.flags, {{IFA_ADDRESS, Wire(row.address)}});
    } else {
      messages.Address(row.family, row.flags, {{IFA_ADDRESS, Wire(row.address)}, {IFA_LOCAL, Wire(row.local)}});
    }
    EXPECT_EQ(Found(messages), row.found) << row.why;
  }
}

// kube-proxy's IPVS mode puts the address of every Service on a device of its own.
TEST(AddressesBut, AnAddressOfAnotherInterfaceStays) {
  AddressDump dump;
  ASSERT_TRUE(AddressMessages()
                  .Address(AF_INET, 0, {{IFA_LOCAL, Wire("192.0.2.1")}}, 2)
                  .Address(AF_INET, 0, {{IFA_LOCAL, Wire("10.96.0.1")}}, 7)
                  .Address(AF_INET, 0, {{IFA_LOCAL, Wire("192.0.2.1")}}, 7)
                  .Address(AF_INET6, 0, {{IFA_ADDRESS, Wire("fd00:96::1")}}, 7)
                  .Address(AF_INET, 0, {{IFA_LOCAL, Wire("192.0.2.1")}}, 3)
                  .Parse(&dump)
                  .ok());
  const auto texts = [&](const std::vector<uint32_t>& left_out) {
    std::vector<std::string> addresses;
    for (const NodeAddress& address : AddressesBut(left_out, dump.addresses))
      addresses.push_back(address.address.ToString());
    return addresses;
  };
  EXPECT_THAT(texts({}), ElementsAre("10.96.0.1", "192.0.2.1", "fd00:96::1")) << "each once, in order";
  EXPECT_THAT(texts({7}), ElementsAre("192.0.2.1")) << "an external IP that is the node's own address";
  EXPECT_THAT(texts({7, 2, 3}), IsEmpty());
}

TEST(IsOnlyAbout, OneOtherInterfaceOrMessageIsEnough) {
  const auto announce = [](uint16_t type, uint32_t interface) {
    ifaddrmsg message{};
    message.ifa_index = interface;
    AddressMessages messages;
    messages.Message(type, 0, std::string(reinterpret_cast<const char*>(&message), sizeof(message)));
    return messages.bytes();
  };
  const auto is_only = [](const std::vector<uint32_t>& interfaces, const std::string& bytes) {
    return IsOnlyAbout(interfaces, bytes.data(), bytes.size());
  };
  const std::string both = announce(RTM_NEWADDR, 7) + announce(RTM_DELADDR, 7);
  EXPECT_TRUE(is_only({5, 7}, both));
  EXPECT_FALSE(is_only({5}, both));
  EXPECT_FALSE(is_only({}, both));
  EXPECT_FALSE(is_only({7}, both + announce(RTM_NEWADDR, 2)));
  EXPECT_FALSE(is_only({7}, both + announce(RTM_NEWLINK, 7)));
  EXPECT_FALSE(is_only({7}, both.substr(0, both.size() - 1)));
  EXPECT_FALSE(is_only({7}, ""));
}

TEST(ParseAddressMessages, EndsInterruptionsAndErrorsAreSeen) {
  AddressDump dump;
  ASSERT_TRUE(AddressMessages()
                  .Address(AF_INET, 0, {{IFA_LOCAL, Wire("192.0.2.1")}})
                  .Message(NLMSG_DONE, NLM_F_DUMP_INTR, std::string(4, '\0'))
                  .Parse(&dump)
                  .ok());
  EXPECT_TRUE(dump.done);
  EXPECT_TRUE(dump.interrupted);
  EXPECT_EQ(dump.addresses.size(), 1u);

  const int refused = -EPERM;
  absl::Status status =
      AddressMessages()
          .Message(NLMSG_ERROR, 0, std::string(reinterpret_cast<const char*>(&refused), sizeof(refused)))
          .Parse(&dump);
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
}

// The sanitizers see any read beyond the end.
TEST(ParseAddressMessages, MessagesCutAnywhereAreHarmless) {
  AddressMessages whole;
  whole.Address(AF_INET, 0, {{IFA_ADDRESS, Wire("192.0.2.1")}})
      .Address(AF_INET6, 0, {{IFA_ADDRESS, Wire("2001:db8::1")}})
      .Message(NLMSG_ERROR, 0, "");
  for (size_t length = 0; length < whole.bytes().size(); ++length) {
    AddressMessages cut = whole;
    cut.bytes().resize(length);
    AddressDump dump;
    (void)cut.Parse(&dump);
    EXPECT_LE(dump.addresses.size(), 2u);
  }
  AddressMessages short_address;
  short_address.Address(AF_INET, 0, {{IFA_LOCAL, "abc"}}).Address(AF_INET6, 0, {{IFA_ADDRESS, "abcd"}});
  EXPECT_THAT(Found(short_address), IsEmpty());
}

}  // namespace
}  // namespace shunt::datapath
