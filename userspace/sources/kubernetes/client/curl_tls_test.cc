// SPDX-License-Identifier: Apache-2.0
// The transport over TLS: which certificates it trusts, which credentials it shows, and how it follows changes of both.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "userspace/sources/kubernetes/client/curl_transport.h"
#include "userspace/sources/kubernetes/testing/recorder.h"
#include "userspace/sources/kubernetes/testing/scratch_directory.h"
#include "userspace/sources/kubernetes/testing/tls_server.h"

namespace shunt::sources::kubernetes {
namespace {

using testing::HasSubstr;

void AnswerAll(ServedConnection& connection) {
  while (!connection.ReadHead().empty()) connection.Answer("200 OK", "ok");
}

class CurlTlsTest : public testing::Test {
 protected:
  // By this server's name, or one of its own if `name` is not empty.
  Recorder Exchange(CurlTransport& transport, const std::string& url, const std::string& name = "") {
    Recorder recorder;
    transport.Start({.server = {url, name}, .target = "/api", .accept = "text/plain"}, recorder);
    WaitUntil(transport, [&] { return recorder.end.has_value(); });
    EXPECT_TRUE(recorder.end.has_value()) << "the exchange never ended";
    return recorder;
  }

  static std::unique_ptr<CurlTransport> NewTransport(Credentials credentials, bool skip_verification = false) {
    return *CurlTransport::Create(
        {.client = {.credentials = std::move(credentials), .skip_tls_verification = skip_verification}});
  }

  static void ExpectDenied(const Recorder& recorder, const std::string& words) {
    ASSERT_TRUE(recorder.end.has_value());
    EXPECT_EQ(recorder.end->code(), absl::StatusCode::kUnauthenticated) << *recorder.end;
    EXPECT_THAT(std::string(recorder.end->message()), HasSubstr(words));
    EXPECT_EQ(recorder.status(), 0);
  }

  ScratchDirectory directory_;
  TestAuthority authority_;
  TestAuthority stranger_;
  Identity identity_ = authority_.Issue("IP:127.0.0.1,DNS:kubernetes.default.svc");
};

TEST_F(CurlTlsTest, AServerOfTheAuthorityIsBelievedAndShownTheToken) {
  TlsServer server({.identity = identity_}, AnswerAll);
  const auto transport =
      NewTransport({.certificate_authority = {.text = authority_.certificate()}, .token = {.text = "secret"}});
  const Recorder recorder = Exchange(*transport, server.url());
  EXPECT_TRUE(recorder.end->ok()) << *recorder.end;
  EXPECT_EQ(recorder.body, "ok");
  EXPECT_THAT(server.heads().at(0), HasSubstr("\r\nAuthorization: Bearer secret\r\n"));
}

TEST_F(CurlTlsTest, AServerOfAnotherAuthorityIsNot) {
  TlsServer server({.identity = identity_}, AnswerAll);
  for (const TestAuthority& other : {stranger_, TestAuthority("of another name")}) {
    const auto transport = NewTransport({.certificate_authority = {.text = other.certificate()}});
    ExpectDenied(Exchange(*transport, server.url()), "is certificate-authority (or ca.crt) the one of this cluster?");
  }
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(CurlTlsTest, AnAuthorityThatIsNoCertificateBelievesNobody) {
  TlsServer server({.identity = identity_}, AnswerAll);
  const auto transport = NewTransport({.certificate_authority = {.text = "no PEM"}});
  ExpectDenied(Exchange(*transport, server.url()), "");
}

TEST_F(CurlTlsTest, AServerOfAnotherNameIsNotBelieved) {
  TlsServer server({.identity = authority_.Issue("DNS:api.example")}, AnswerAll);
  const auto transport = NewTransport({.certificate_authority = {.text = authority_.certificate()}});
  ExpectDenied(Exchange(*transport, server.url()), "give the name that its certificate bears as tls-server-name");
}

TEST_F(CurlTlsTest, ATlsServerNameIsAskedForAndVerifiedInsteadOfTheHost) {
  TlsServer server({.identity = identity_}, AnswerAll);
  const auto transport = NewTransport({.certificate_authority = {.text = authority_.certificate()}});
  EXPECT_TRUE(Exchange(*transport, server.url(), "kubernetes.default.svc").end->ok());
  EXPECT_EQ(server.server_name(), "kubernetes.default.svc");
  EXPECT_THAT(server.heads().at(0), HasSubstr(absl::StrCat("\r\nHost: 127.0.0.1:", server.port(), "\r\n")));
  ExpectDenied(Exchange(*transport, server.url(), "other.example"), "other.example");
}

TEST_F(CurlTlsTest, ATlsServerNameWorksForAnIpv6Server) {
  TlsServer server({.identity = identity_, .address = "::1"}, AnswerAll);
  const auto transport = NewTransport({.certificate_authority = {.text = authority_.certificate()}});
  EXPECT_TRUE(Exchange(*transport, server.url(), "kubernetes.default.svc").end->ok());
}

TEST_F(CurlTlsTest, WithoutVerificationAnybodyIsBelieved) {
  TlsServer server({.identity = stranger_.Issue("DNS:anybody")}, AnswerAll);
  const auto transport = NewTransport({}, true);
  EXPECT_TRUE(Exchange(*transport, server.url()).end->ok());
}

TEST_F(CurlTlsTest, AClientCertificateIsShown) {
  TlsServer server({.identity = identity_, .client_authority = authority_.certificate()}, AnswerAll);
  const Identity client = authority_.Issue("DNS:node");
  const auto transport = NewTransport({.certificate_authority = {.text = authority_.certificate()},
                                       .client_certificate = {.file = directory_.Write("crt", client.certificate)},
                                       .client_key = {.text = client.key}});
  const Recorder recorder = Exchange(*transport, server.url());
  EXPECT_TRUE(recorder.end->ok()) << *recorder.end;
}

TEST_F(CurlTlsTest, AClientCertificateThatIsMissingOrOfAnotherAuthorityIsDenied) {
  TlsServer server({.identity = identity_, .client_authority = authority_.certificate()}, AnswerAll);
  const auto without = NewTransport({.certificate_authority = {.text = authority_.certificate()}});
  ExpectDenied(Exchange(*without, server.url()), "certificate required");
  const Identity client = stranger_.Issue("DNS:node");
  const auto wrong = NewTransport({.certificate_authority = {.text = authority_.certificate()},
                                   .client_certificate = {.text = client.certificate},
                                   .client_key = {.text = client.key}});
  ExpectDenied(Exchange(*wrong, server.url()), "alert");
}

TEST_F(CurlTlsTest, ACertificateWhoseKeyIsAnothersIsDenied) {
  TlsServer server({.identity = identity_}, AnswerAll);
  const auto transport = NewTransport({.certificate_authority = {.text = authority_.certificate()},
                                       .client_certificate = {.text = authority_.Issue("DNS:a").certificate},
                                       .client_key = {.text = authority_.Issue("DNS:b").key}});
  ExpectDenied(Exchange(*transport, server.url()), "");
}

TEST_F(CurlTlsTest, ATokenThatRotatesIsShownFromTheNextRequestOnOverTheSameConnection) {
  TlsServer server({.identity = identity_}, [](ServedConnection& connection) {
    for (std::string head = connection.ReadHead(); !head.empty(); head = connection.ReadHead()) {
      connection.Answer(head.find("Bearer second") != std::string::npos ? "200 OK" : "401 Unauthorized", "");
    }
  });
  const auto transport = NewTransport({.certificate_authority = {.text = authority_.certificate()},
                                       .token = {.file = directory_.Write("token", "first\n")}});
  EXPECT_EQ(Exchange(*transport, server.url()).status(), 401);
  directory_.Write("token", "second\n");
  transport->RefreshCredentials();
  EXPECT_EQ(Exchange(*transport, server.url()).status(), 200);
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(CurlTlsTest, AnAuthorityThatRotatesIsBelievedAndTheOldOneNoLonger) {
  TlsServer server({.identity = identity_}, AnswerAll);
  const auto transport =
      NewTransport({.certificate_authority = {.file = directory_.Write("ca.crt", authority_.certificate())}});
  EXPECT_TRUE(Exchange(*transport, server.url()).end->ok());
  directory_.Write("ca.crt", stranger_.certificate());
  ExpectDenied(Exchange(*transport, server.url()), "is certificate-authority (or ca.crt) the one of this cluster?");
  server.Rotate(stranger_.Issue("IP:127.0.0.1"));
  const Recorder recorder = Exchange(*transport, server.url());
  EXPECT_TRUE(recorder.end->ok()) << *recorder.end;
}

TEST_F(CurlTlsTest, AClientCertificateThatRotatesIsShownOnAConnectionOfItsOwn) {
  TlsServer server({.identity = identity_, .client_authority = authority_.certificate()}, AnswerAll);
  const Identity first = authority_.Issue("DNS:node");
  const auto transport = NewTransport({.certificate_authority = {.text = authority_.certificate()},
                                       .client_certificate = {.file = directory_.Write("crt", first.certificate)},
                                       .client_key = {.file = directory_.Write("key", first.key)}});
  EXPECT_TRUE(Exchange(*transport, server.url()).end->ok());
  const Identity second = authority_.Issue("DNS:node");
  directory_.Write("crt", second.certificate);
  directory_.Write("key", second.key);
  EXPECT_TRUE(Exchange(*transport, server.url()).end->ok());
  EXPECT_EQ(server.connections(), 2);
}

TEST_F(CurlTlsTest, ACredentialThatCannotBeReadEndsTheExchangeAndNothingIsSent) {
  TlsServer server({.identity = identity_}, AnswerAll);
  const auto transport = NewTransport(
      {.certificate_authority = {.text = authority_.certificate()}, .token = {.file = directory_.path() + "/token"}});
  ExpectDenied(Exchange(*transport, server.url()), "the token: read ");
  EXPECT_EQ(server.connections(), 0);
  directory_.Write("token", "secret");
  EXPECT_EQ(Exchange(*transport, server.url()).status(), 200);
}

TEST_F(CurlTlsTest, AProxyCarriesTheConnectionAndDoesNotSeeTheToken) {
  TlsServer proxy({}, [](ServedConnection& connection) {
    connection.ReadHead();
    connection.Answer("403 Forbidden", "no");
  });
  const auto transport =
      *CurlTransport::Create({.client = {.credentials = {.token = {.text = "secret"}}, .proxy_url = proxy.url()}});
  const Recorder recorder = Exchange(*transport, "https://api.example:6443", "kubernetes.default.svc");
  EXPECT_EQ(recorder.end->code(), absl::StatusCode::kUnavailable) << *recorder.end;
  EXPECT_EQ(recorder.status(), 0) << "the proxy's answer is not the server's";
  EXPECT_THAT(proxy.heads().at(0), HasSubstr("CONNECT api.example:6443 HTTP/1.1\r\n"));
  EXPECT_THAT(proxy.heads().at(0), testing::Not(HasSubstr("secret")));
}

TEST_F(CurlTlsTest, AHalfOpenTlsConnectionIsFoundToo) {
  TlsServer server({.identity = identity_}, [](ServedConnection& connection) {
    connection.ReadHead();
    connection.Write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    connection.GoSilent();
    connection.AwaitEnd();
  });
  CurlTransportOptions options;
  options.client.credentials.certificate_authority.text = authority_.certificate();
  options.timers.keepalive_idle = std::chrono::seconds(1);
  options.timers.keepalive_interval = std::chrono::seconds(1);
  options.timers.unacknowledged = std::chrono::milliseconds(1500);
  const auto transport = *CurlTransport::Create(std::move(options));
  const Recorder recorder = Exchange(*transport, server.url());
  EXPECT_EQ(recorder.end->code(), absl::StatusCode::kDeadlineExceeded) << *recorder.end;
}

}  // namespace
}  // namespace shunt::sources::kubernetes
