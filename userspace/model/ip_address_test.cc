// SPDX-License-Identifier: Apache-2.0
#include "userspace/model/ip_address.h"

#include <gtest/gtest.h>

#include "absl/hash/hash_testing.h"

namespace shunt::model {
namespace {

IpAddress Address(absl::string_view text) {
  const std::optional<IpAddress> address = IpAddress::Parse(text);
  EXPECT_TRUE(address.has_value()) << text;
  return address.value_or(IpAddress());
}

struct GoodText {
  const char* sentence;
  const char* text;
  const char* canonical;
  IpFamily family;
};

TEST(IpAddressTest, ReadsEveryFormAndWritesTheCanonicalOne) {
  constexpr GoodText kRows[] = {
      {"plain IPv4", "10.96.0.1", "10.96.0.1", IpFamily::kV4},
      {"the highest IPv4 address", "255.255.255.255", "255.255.255.255", IpFamily::kV4},
      {"leading zeros of an octet are decimal, not octal", "010.096.000.001", "10.96.0.1", IpFamily::kV4},
      {"any number of leading zeros", "0000010.0.0.0000000000001", "10.0.0.1", IpFamily::kV4},
      {"v4-mapped text is IPv4", "::ffff:1.2.3.4", "1.2.3.4", IpFamily::kV4},
      {"v4-mapped text in hexadecimal is IPv4 too", "::ffff:102:304", "1.2.3.4", IpFamily::kV4},
      {"unspecified IPv6", "::", "::", IpFamily::kV6},
      {"loopback IPv6", "::1", "::1", IpFamily::kV6},
      {"a run at the end", "fd00::", "fd00::", IpFamily::kV6},
      {"leading zeros of a group go", "fd00:0001::0042", "fd00:1::42", IpFamily::kV6},
      {"letters become small", "FD00::ABCD", "fd00::abcd", IpFamily::kV6},
      {"a single zero group is not shortened", "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", IpFamily::kV6},
      {"a single zero group written short is written out", "2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1",
       IpFamily::kV6},
      {"of two runs the longer is shortened", "2001:0:0:1:0:0:0:1", "2001:0:0:1::1", IpFamily::kV6},
      {"of two equal runs the first is shortened", "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1", IpFamily::kV6},
      {"no zero group at all", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8", IpFamily::kV6},
      {"v4-compatible addresses have no dots", "::1.2.3.4", "::102:304", IpFamily::kV6},
      {"the well-known NAT64 prefix has no dots either", "64:ff9b::1.2.3.4", "64:ff9b::102:304", IpFamily::kV6},
  };
  for (const GoodText& row : kRows) {
    SCOPED_TRACE(row.sentence);
    const IpAddress address = Address(row.text);
    EXPECT_EQ(address.ToString(), row.canonical);
    EXPECT_EQ(address.family(), row.family);
    EXPECT_EQ(Address(address.ToString()), address);
  }
}

TEST(IpAddressTest, RefusesWhatIsNoAddress) {
  const struct {
    const char* sentence;
    absl::string_view text;
  } kRows[] = {
      {"nothing", ""},
      {"a word", "None"},
      {"three octets", "10.0.1"},
      {"five octets", "10.0.0.0.1"},
      {"an empty octet", "10..0.1"},
      {"an octet above 255", "10.0.0.256"},
      {"an octet that overflows", "10.0.0.4294967297"},
      {"hexadecimal", "0x0a.0.0.1"},
      {"a sign", "+10.0.0.1"},
      {"white space in front", " 10.0.0.1"},
      {"white space behind", "10.0.0.1 "},
      {"a trailing dot", "10.0.0.1."},
      {"a zone", "fe80::1%eth0"},
      {"brackets", "[::1]"},
      {"nine groups", "1:2:3:4:5:6:7:8:9"},
      {"two runs", "1::2::3"},
      {"five digits in a group", "fd00::12345"},
      {"a prefix", "10.0.0.0/8"},
      {"longer than any address", "0000:0000:0000:0000:0000:ffff:255.255.255.255:0000:0000"},
      {"a NUL inside IPv6 text", absl::string_view("::1\0x", 5)},
      {"a NUL inside IPv4 text", absl::string_view("10.0.0.1\0", 9)},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.sentence);
    EXPECT_EQ(IpAddress::Parse(row.text), std::nullopt);
  }
}

TEST(IpAddressTest, ClassesOfAddressesHaveExactBorders) {
  enum Class { kPlain, kUnspecified, kLoopback, kLinkLocal, kMulticast, kLinkLocalMulticast };
  const struct {
    const char* text;
    Class expected;
  } kRows[] = {
      {"0.0.0.0", kUnspecified},
      {"0.0.0.1", kPlain},
      {"126.255.255.255", kPlain},
      {"127.0.0.0", kLoopback},
      {"127.255.255.255", kLoopback},
      {"128.0.0.0", kPlain},
      {"169.253.255.255", kPlain},
      {"169.254.0.0", kLinkLocal},
      {"169.254.255.255", kLinkLocal},
      {"169.255.0.0", kPlain},
      {"223.255.255.255", kPlain},
      {"224.0.0.0", kLinkLocalMulticast},
      {"224.0.0.255", kLinkLocalMulticast},
      {"224.0.1.0", kMulticast},
      {"224.1.0.0", kMulticast},
      {"225.0.0.0", kMulticast},
      {"239.255.255.255", kMulticast},
      {"240.0.0.0", kPlain},
      {"255.255.255.255", kPlain},
      {"::", kUnspecified},
      {"::1", kLoopback},
      {"::2", kPlain},
      {"fe7f::1", kPlain},
      {"fe80::1", kLinkLocal},
      {"febf:ffff::1", kLinkLocal},
      {"fec0::1", kPlain},
      {"feff::1", kPlain},
      {"ff00::", kMulticast},
      {"ff01::1", kMulticast},
      {"ff02::1", kLinkLocalMulticast},
      {"ff12::1", kLinkLocalMulticast},
      {"ff05::2", kMulticast},
      {"::ffff:127.0.0.1", kLoopback},
      {"::127.0.0.1", kPlain},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.text);
    const IpAddress address = Address(row.text);
    EXPECT_EQ(address.IsUnspecified(), row.expected == kUnspecified);
    EXPECT_EQ(address.IsLoopback(), row.expected == kLoopback);
    EXPECT_EQ(address.IsLinkLocal(), row.expected == kLinkLocal);
    EXPECT_EQ(address.IsMulticast(), row.expected == kMulticast || row.expected == kLinkLocalMulticast);
    EXPECT_EQ(address.IsLinkLocalMulticast(), row.expected == kLinkLocalMulticast);
  }
}

TEST(IpAddressTest, BytesAreNetworkOrderAndV4IsMapped) {
  const std::array<uint8_t, 16> expected = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 96, 0, 1};
  EXPECT_EQ(Address("10.96.0.1").bytes(), expected);
  EXPECT_EQ(IpAddress::FromV4(0x0a600001), Address("10.96.0.1"));
  EXPECT_EQ(IpAddress::Unspecified(IpFamily::kV4), Address("0.0.0.0"));
  EXPECT_EQ(IpAddress::Unspecified(IpFamily::kV6), Address("::"));
  EXPECT_EQ(IpAddress(), Address("::"));
}

TEST(IpAddressTest, OrderIsThatOfTheBytes) {
  EXPECT_LT(Address("9.0.0.0"), Address("10.0.0.0"));
  EXPECT_LT(Address("10.0.0.2"), Address("10.0.0.10"));
  EXPECT_LT(Address("255.255.255.255"), Address("fd00::1"));
}

TEST(IpAddressTest, EqualValuesHashEqually) {
  EXPECT_TRUE(absl::VerifyTypeImplementsAbslHashCorrectly(
      {IpAddress(), Address("10.0.0.1"), Address("::ffff:10.0.0.1"), Address("10.0.0.2"), Address("fd00::1")}));
}

TEST(IpAddressTest, PortFollowsTheAddressAsInAUrl) {
  EXPECT_EQ(Address("10.0.0.1").ToStringWithPort(80), "10.0.0.1:80");
  EXPECT_EQ(Address("fd00::1").ToStringWithPort(65535), "[fd00::1]:65535");
}

TEST(IpPrefixTest, ReadsPrefixesAndClearsHostBits) {
  const struct {
    const char* sentence;
    const char* text;
    const char* canonical;
  } kRows[] = {
      {"IPv4", "10.0.0.0/8", "10.0.0.0/8"},
      {"IPv6", "fd00::/8", "fd00::/8"},
      {"white space around", " \t10.0.0.0/8 \n", "10.0.0.0/8"},
      {"host bits are cleared", "10.1.2.3/12", "10.0.0.0/12"},
      {"host bits are cleared within a byte", "10.255.255.255/13", "10.248.0.0/13"},
      {"one address", "10.1.2.3/32", "10.1.2.3/32"},
      {"everything of IPv4", "10.1.2.3/0", "0.0.0.0/0"},
      {"everything of IPv6", "fd00::1/0", "::/0"},
      {"one IPv6 address", "fd00::1/128", "fd00::1/128"},
      {"leading zeros are decimal", "010.0.0.0/08", "10.0.0.0/8"},
      {"v4-mapped text counts 128 bits", "::ffff:10.0.0.0/104", "10.0.0.0/8"},
      {"a prefix wider than the v4-mapped block is IPv6", "::ffff:10.0.0.0/95", "::fffe:0:0/95"},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.sentence);
    const std::optional<IpPrefix> prefix = IpPrefix::Parse(row.text);
    ASSERT_TRUE(prefix.has_value());
    EXPECT_EQ(prefix->ToString(), row.canonical);
    EXPECT_EQ(IpPrefix::Parse(prefix->ToString()), prefix);
  }
}

TEST(IpPrefixTest, RefusesWhatIsNoPrefix) {
  for (const char* text :
       {"", "10.0.0.1", "fd00::1", "10.0.0.0/", "/8", "10.0.0.0/33", "fd00::/129", "10.0.0.0/-1", "10.0.0.0/+8",
        "10.0.0.0/8/8", "10.0.0.0/8x", "10.0.0.0 /8", "10.0.0.0/ 8", "10.0.0/8", "10.0.0.0/4294967304"}) {
    SCOPED_TRACE(text);
    EXPECT_EQ(IpPrefix::Parse(text), std::nullopt);
  }
}

TEST(IpPrefixTest, ContainsKnowsBordersAndFamilies) {
  const struct {
    const char* prefix;
    const char* address;
    bool expected;
  } kRows[] = {
      {"10.0.0.0/8", "10.0.0.0", true},
      {"10.0.0.0/8", "10.255.255.255", true},
      {"10.0.0.0/8", "9.255.255.255", false},
      {"10.0.0.0/8", "11.0.0.0", false},
      {"10.16.0.0/13", "10.23.255.255", true},
      {"10.16.0.0/13", "10.24.0.0", false},
      {"10.16.0.0/13", "10.15.255.255", false},
      {"10.1.2.3/32", "10.1.2.3", true},
      {"10.1.2.3/32", "10.1.2.2", false},
      {"0.0.0.0/0", "203.0.113.7", true},
      {"0.0.0.0/0", "fd00::1", false},
      {"::/0", "fd00::1", true},
      {"::/0", "10.0.0.1", false},
      {"fd00::/8", "fdff::1", true},
      {"fd00::/8", "fc00::1", false},
      {"fd00::1/128", "fd00::1", true},
      {"fd00::1/128", "fd00::2", false},
      {"fd00:0:0:0:8000::/65", "fd00::ffff:0:0:0", true},
      {"fd00:0:0:0:8000::/65", "fd00::7fff:0:0:0", false},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(testing::Message() << row.prefix << " and " << row.address);
    const std::optional<IpPrefix> prefix = IpPrefix::Parse(row.prefix);
    ASSERT_TRUE(prefix.has_value());
    EXPECT_EQ(prefix->Contains(Address(row.address)), row.expected);
  }
}

}  // namespace
}  // namespace shunt::model
