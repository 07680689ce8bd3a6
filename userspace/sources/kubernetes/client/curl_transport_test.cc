// SPDX-License-Identifier: Apache-2.0
// The transport over HTTP without TLS, against a server that misbehaves on demand.
#include "userspace/sources/kubernetes/client/curl_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <future>
#include <thread>

#include "absl/strings/str_cat.h"
#include "userspace/posix/file_descriptor.h"
#include "userspace/sources/kubernetes/testing/recorder.h"
#include "userspace/sources/kubernetes/testing/tls_server.h"

namespace shunt::sources::kubernetes {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::unique_ptr<CurlTransport> NewTransport(CurlTransportOptions options = {}) {
  return *CurlTransport::Create(std::move(options));
}

HttpRequest Get(const std::string& url, const std::string& target = "/api") {
  return {.server = {url, ""}, .target = target, .accept = "application/json"};
}

// Runs one request to its end.
void Exchange(Transport& transport, HttpRequest request, Recorder& recorder) {
  transport.Start(std::move(request), recorder);
  WaitUntil(transport, [&] { return recorder.end.has_value(); });
  ASSERT_TRUE(recorder.end.has_value()) << "the exchange never ended";
}

SteadyTime InAMinute() {
  return std::chrono::steady_clock::now() + std::chrono::minutes(1);
}

TEST(CurlTransport, AsksAsAnAgentDoesAndNothingMore) {
  const TlsServer server({}, [](ServedConnection& connection) {
    connection.ReadHead();
    connection.Answer("200 OK", "hello");
  });
  const auto transport = NewTransport({.client = {.credentials = {.token = {.text = "secret"}}}});
  Recorder recorder;
  Exchange(*transport, Get(server.url(), "/api/v1/services?watch=1&x=%20"), recorder);
  EXPECT_TRUE(recorder.end->ok()) << *recorder.end;
  EXPECT_EQ(recorder.body, "hello");
  const std::string sent = server.heads().at(0);
  EXPECT_THAT(sent, HasSubstr("GET /api/v1/services?watch=1&x=%20 HTTP/1.1\r\n"));
  EXPECT_THAT(sent, HasSubstr("Accept: application/json\r\n"));
  EXPECT_THAT(sent, HasSubstr(absl::StrCat("Host: 127.0.0.1:", server.port(), "\r\n")));
  EXPECT_THAT(sent, testing::ContainsRegex("User-Agent: shuntd/[0-9.]+ \\(linux/"));
  EXPECT_THAT(sent, Not(HasSubstr("Accept-Encoding")));
  EXPECT_THAT(sent, Not(HasSubstr("secret"))) << "a token in the clear";
}

TEST(CurlTransport, TakesChunksApartAndIgnoresTrailers) {
  const TlsServer server({}, [](ServedConnection& connection) {
    connection.ReadHead();
    connection.Write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    connection.Write("4\r\ndefg\r\n0\r\nX-Trailer: 1\r\n\r\n");
  });
  const auto transport = NewTransport();
  Recorder recorder;
  Exchange(*transport, Get(server.url()), recorder);
  EXPECT_TRUE(recorder.end->ok()) << *recorder.end;
  EXPECT_EQ(recorder.body, "abcdefg");
}

TEST(CurlTransport, GivesPiecesWhenTheyComeNotWhenTheBodyEnds) {
  std::promise<void> seen;
  const TlsServer server({}, [&](ServedConnection& connection) {
    connection.ReadHead();
    connection.Write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    seen.get_future().wait();
    connection.Write("0\r\n\r\n");
  });
  const auto transport = NewTransport();
  Recorder recorder;
  transport->Start(Get(server.url()), recorder);
  WaitUntil(*transport, [&] { return recorder.body == "abc"; });
  EXPECT_FALSE(recorder.end.has_value());
  seen.set_value();
  WaitUntil(*transport, [&] { return recorder.end.has_value(); });
  EXPECT_TRUE(recorder.end->ok());
}

TEST(CurlTransport, ABodyThatBreaksOffIsUnavailable) {
  for (const char* head : {"Transfer-Encoding: chunked\r\n\r\n10\r\nabc", "Content-Length: 10\r\n\r\nabc"}) {
    const TlsServer server({}, [&](ServedConnection& connection) {
      connection.ReadHead();
      connection.Write(absl::StrCat("HTTP/1.1 200 OK\r\n", head));
    });
    const auto transport = NewTransport();
    Recorder recorder;
    Exchange(*transport, Get(server.url(), "/api?continue=token"), recorder);
    EXPECT_EQ(recorder.end->code(), absl::StatusCode::kUnavailable) << *recorder.end;
    EXPECT_EQ(recorder.body, "abc");
    EXPECT_THAT(std::string(recorder.end->message()),
                testing::StartsWith(absl::StrCat("GET ", server.url(), "/api: ")));
  }
}

TEST(CurlTransport, NoServerIsUnavailable) {
  std::string url;
  {
    url = TlsServer({}, [](ServedConnection&) {}).url();
  }
  const auto transport = NewTransport();
  Recorder recorder;
  Exchange(*transport, Get(url), recorder);
  EXPECT_EQ(recorder.end->code(), absl::StatusCode::kUnavailable) << *recorder.end;
  EXPECT_EQ(recorder.status(), 0);
}

TEST(CurlTransport, AServerThatDoesNotTakeTheConnectionInTimeIsUnavailable) {
  const posix::FileDescriptor listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof(address);
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  sock_filter nothing[] = {{BPF_RET | BPF_K, 0, 0, 0}};
  const sock_fprog program{1, nothing};
  ASSERT_EQ(setsockopt(listener.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)), 0);
  ASSERT_EQ(listen(listener.get(), 1), 0);
  CurlTransportOptions options;
  options.timers.connect = milliseconds(50);
  const auto transport = NewTransport(std::move(options));
  Recorder recorder;
  Exchange(*transport, Get(absl::StrCat("http://127.0.0.1:", ntohs(address.sin_port))), recorder);
  EXPECT_EQ(recorder.end->code(), absl::StatusCode::kUnavailable) << *recorder.end;
  EXPECT_THAT(std::string(recorder.end->message()), HasSubstr("Failed to connect to 127.0.0.1"));
}

TEST(CurlTransport, AnAnswerThatDoesNotBeginInTimeEndsTheExchange) {
  const TlsServer server({}, [](ServedConnection& connection) { connection.AwaitEnd(); });
  const auto transport = NewTransport();
  Recorder recorder;
  HttpRequest request = Get(server.url());
  request.head_timeout = milliseconds(50);
  Exchange(*transport, std::move(request), recorder);
  EXPECT_EQ(recorder.end->code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(recorder.end->message()), HasSubstr("no answer within 50 ms"));
}

TEST(CurlTransport, ABodyThatDoesNotEndInTimeEndsTheExchange) {
  const TlsServer server({}, [](ServedConnection& connection) {
    connection.ReadHead();
    connection.Write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    connection.AwaitEnd();
  });
  const auto transport = NewTransport();
  Recorder recorder;
  HttpRequest request = Get(server.url());
  request.total_timeout = milliseconds(300);
  Exchange(*transport, std::move(request), recorder);
  EXPECT_EQ(recorder.end->code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(recorder.end->message()), HasSubstr("the answer has not ended within 300 ms"));
}

TEST(CurlTransport, APeerThatHasVanishedIsFoundByTheKernelsTimers) {
  const TlsServer server({}, [](ServedConnection& connection) {
    connection.ReadHead();
    connection.Write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    connection.GoSilent();
    connection.AwaitEnd();
  });
  CurlTransportOptions options;
  options.timers.keepalive_idle = std::chrono::seconds(1);
  options.timers.keepalive_interval = std::chrono::seconds(1);
  options.timers.unacknowledged = milliseconds(1500);
  const auto transport = NewTransport(std::move(options));
  Recorder recorder;
  Exchange(*transport, Get(server.url()), recorder);  // its own timeout would come after a minute
  EXPECT_EQ(recorder.body, "abc");
  EXPECT_EQ(recorder.end->code(), absl::StatusCode::kDeadlineExceeded) << *recorder.end;
  EXPECT_THAT(std::string(recorder.end->message()), HasSubstr("timed out"));
}

TEST(CurlTransport, ARedirectIsAnAnswerAndNotFollowed) {
  const TlsServer elsewhere({}, [](ServedConnection& connection) { connection.Answer("200 OK", "stolen"); });
  const TlsServer server({}, [&](ServedConnection& connection) {
    connection.ReadHead();
    connection.Write(
        absl::StrCat("HTTP/1.1 302 Found\r\nLocation: ", elsewhere.url(), "/\r\nContent-Length: 0\r\n\r\n"));
  });
  const auto transport = NewTransport();
  Recorder recorder;
  Exchange(*transport, Get(server.url()), recorder);
  EXPECT_TRUE(recorder.end->ok());
  EXPECT_EQ(recorder.status(), 302);
  EXPECT_EQ(elsewhere.connections(), 0);
}

TEST(CurlTransport, CookiesAreNotKept) {
  const TlsServer server({}, [](ServedConnection& connection) {
    while (!connection.ReadHead().empty()) {
      connection.Write("HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n");
    }
  });
  const auto transport = NewTransport();
  Recorder recorder;
  Exchange(*transport, Get(server.url()), recorder);
  Recorder again;
  Exchange(*transport, Get(server.url()), again);
  ASSERT_EQ(server.heads().size(), 2U);
  EXPECT_THAT(server.heads()[1], Not(HasSubstr("Cookie")));
}

TEST(CurlTransport, WhatIsNoHttpOrTooMuchOfItIsInvalid) {
  for (const std::string& answer :
       {std::string("SSH-2.0-OpenSSH\r\n\r\n"),
        absl::StrCat("HTTP/1.1 200 OK\r\nX: ", std::string(70'000, 'a'), "\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc")}) {
    const TlsServer server({}, [&](ServedConnection& connection) {
      connection.ReadHead();
      connection.Write(answer);
      connection.AwaitEnd();
    });
    const auto transport = NewTransport();
    Recorder recorder;
    HttpRequest request = Get(server.url());
    request.head_timeout = std::chrono::seconds(5);
    Exchange(*transport, std::move(request), recorder);
    EXPECT_FALSE(recorder.end->ok());
    EXPECT_NE(recorder.end->code(), absl::StatusCode::kDeadlineExceeded) << *recorder.end;
    EXPECT_EQ(recorder.body, "");
  }
}

TEST(CurlTransport, ARequestThatCannotBeSentEndsInvalid) {
  const auto transport = NewTransport();
  for (const HttpRequest& request :
       {Get("ftp://127.0.0.1"), Get("127.0.0.1"), Get("http://127.0.0.1:1", "/a\r\nX-Header: 1"),
        HttpRequest{.server = {"https://127.0.0.1:1", "a b"}, .target = "/"}}) {
    Recorder recorder;
    Exchange(*transport, request, recorder);
    EXPECT_EQ(recorder.end->code(), absl::StatusCode::kInvalidArgument) << *recorder.end;
  }
}

TEST(CurlTransport, WatchesRunBesideEachOtherAndListsOneAfterTheOtherOverOneConnection) {
  const TlsServer server({}, [](ServedConnection& connection) {
    for (std::string head = connection.ReadHead(); !head.empty(); head = connection.ReadHead()) {
      if (head.find("GET /watch") == std::string::npos) {
        connection.Answer("200 OK", "page");
      } else {
        connection.Write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
      }
    }
  });
  const auto transport = NewTransport();
  Recorder watches[3];
  for (Recorder& watch : watches) transport->Start(Get(server.url(), "/watch"), watch);
  WaitUntil(*transport, [&] { return watches[0].body + watches[1].body + watches[2].body == "aaa"; });
  EXPECT_EQ(server.connections(), 3);
  for (int i = 0; i < 200; ++i) {
    Recorder list;
    Exchange(*transport, Get(server.url(), "/list"), list);
    ASSERT_TRUE(list.end->ok()) << *list.end;
    ASSERT_EQ(list.body, "page");
  }
  EXPECT_EQ(server.connections(), 4);
}

TEST(CurlTransport, ALargeBodyArrivesWholeInPieces) {
  const std::string large(8 << 20, 'x');
  const TlsServer server({}, [&](ServedConnection& connection) {
    connection.ReadHead();
    connection.Answer("200 OK", large);
  });
  const auto transport = NewTransport();
  Recorder recorder;
  size_t largest = 0;
  size_t before = 0;
  recorder.on_body = [&] {
    largest = std::max(largest, recorder.body.size() - std::exchange(before, recorder.body.size()));
  };
  Exchange(*transport, Get(server.url()), recorder);
  EXPECT_TRUE(recorder.end->ok());
  EXPECT_EQ(recorder.body.size(), large.size());
  EXPECT_LE(largest, size_t{64} << 10);
}

TEST(CurlTransport, ACancelledExchangeIsNotHeardOfAgain) {
  std::promise<void> closed;
  const TlsServer server({}, [&](ServedConnection& connection) {
    connection.ReadHead();
    connection.Write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    connection.AwaitEnd();
    closed.set_value();
  });
  const auto transport = NewTransport();
  Recorder recorder;
  const Transport::RequestId id = transport->Start(Get(server.url()), recorder);
  WaitUntil(*transport, [&] { return recorder.body == "a"; });
  transport->Cancel(id);
  transport->Cancel(id);
  closed.get_future().wait();
  EXPECT_EQ(recorder.ends, 0);
}

TEST(CurlTransport, AnExchangeMayBeCancelledBeforeItsFirstWait) {
  const auto transport = NewTransport();
  Recorder recorder;
  transport->Cancel(transport->Start(Get("http://127.0.0.1:1"), recorder));
  transport->Wait(std::chrono::steady_clock::now());
  EXPECT_EQ(recorder.ends, 0);
}

TEST(CurlTransport, AHandlerMayCancelItselfAndOthersAndStartAnew) {
  for (const char* where : {"head", "body", "end"}) {
    const TlsServer server({}, [](ServedConnection& connection) {
      while (!connection.ReadHead().empty()) connection.Answer("200 OK", "a");
    });
    const auto transport = NewTransport();
    Recorder first;
    Recorder other;
    Recorder next;
    const Transport::RequestId first_id = transport->Start(Get(server.url()), first);
    Transport::RequestId other_id = 0;
    const auto act = [&] {
      transport->Cancel(first_id);
      transport->Cancel(other_id);
      transport->Start(Get(server.url()), next);
    };
    if (where == std::string("head")) first.on_head = act;
    if (where == std::string("body")) first.on_body = act;
    if (where == std::string("end")) first.on_end = act;
    // The other request goes to a server that never answers, so only its cancellation ends it.
    const TlsServer silent({}, [](ServedConnection& connection) { connection.AwaitEnd(); });
    other_id = transport->Start(Get(silent.url()), other);
    WaitUntil(*transport, [&] { return next.end.has_value(); });
    EXPECT_TRUE(next.end.has_value() && next.end->ok()) << where;
    EXPECT_EQ(first.ends, where == std::string("end") ? 1 : 0) << where;
    EXPECT_EQ(other.ends, 0) << where;
  }
}

TEST(CurlTransport, AWaitWithNothingToDoEndsAtItsTime) {
  const auto transport = NewTransport();
  const SteadyTime until = std::chrono::steady_clock::now() + milliseconds(20);
  EXPECT_GE(transport->Wait(until), until);
}

TEST(CurlTransport, WakeEndsTheNextWaitAndThePresentOne) {
  const auto transport = NewTransport();
  const SteadyTime until = InAMinute();
  transport->Wake();
  EXPECT_LT(transport->Wait(until), until);
  std::thread waker([&] { transport->Wake(); });
  EXPECT_LT(transport->Wait(until), until);
  waker.join();
}

TEST(CurlTransport, SpeaksIpv6) {
  const TlsServer server({.address = "::1"}, [](ServedConnection& connection) {
    connection.ReadHead();
    connection.Answer("200 OK", "six");
  });
  const auto transport = NewTransport();
  Recorder recorder;
  Exchange(*transport, Get(server.url()), recorder);
  EXPECT_EQ(recorder.body, "six") << *recorder.end;
}

TEST(CurlTransport, EverySocketIsPreparedBeforeItConnects) {
  const TlsServer server({}, [](ServedConnection& connection) {
    connection.ReadHead();
    connection.Answer("200 OK", "");
  });
  int prepared = 0;
  CurlTransportOptions options;
  options.prepare_socket = [&](int fd) {
    sockaddr_storage peer{};
    socklen_t size = sizeof(peer);
    EXPECT_EQ(getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size), -1);
    ++prepared;
    return absl::OkStatus();
  };
  const auto transport = NewTransport(std::move(options));
  Recorder recorder;
  Exchange(*transport, Get(server.url()), recorder);
  EXPECT_EQ(prepared, 1);
  EXPECT_THAT(transport->problems(), IsEmpty());
}

TEST(CurlTransport, ASocketThatCannotBePreparedIsUsedAndReported) {
  const TlsServer server({}, [](ServedConnection& connection) {
    connection.ReadHead();
    connection.Answer("200 OK", "");
  });
  absl::Status verdict = absl::PermissionDeniedError("no map");
  const auto transport = NewTransport({.prepare_socket = [&](int) { return verdict; }});
  Recorder recorder;
  Exchange(*transport, Get(server.url()), recorder);
  EXPECT_EQ(recorder.status(), 200);
  EXPECT_THAT(transport->problems(), ElementsAre(HasSubstr("may be translated like any other: no map")));
  verdict = absl::OkStatus();
  Recorder again;
  Exchange(*transport, Get(server.url()), again);
  EXPECT_THAT(transport->problems(), IsEmpty());
}

TEST(CurlTransport, AProxyIsAskedForWhatIsInTheClear) {
  const TlsServer proxy({}, [](ServedConnection& connection) {
    connection.ReadHead();
    connection.Answer("200 OK", "");
  });
  const auto transport = NewTransport({.proxies = {.http_proxy = proxy.url()}});
  Recorder recorder;
  Exchange(*transport, Get("http://api.example:8080", "/x"), recorder);
  EXPECT_THAT(proxy.heads().at(0), HasSubstr("GET http://api.example:8080/x HTTP/1.1\r\n"));
}

TEST(CurlTransport, DestroyedWithExchangesRunningCallsNobody) {
  const TlsServer server({}, [](ServedConnection& connection) { connection.AwaitEnd(); });
  Recorder recorder;
  {
    const auto transport = NewTransport();
    transport->Start(Get(server.url()), recorder);
    transport->Wait(std::chrono::steady_clock::now());
  }
  EXPECT_EQ(recorder.ends, 0);
}

}  // namespace
}  // namespace shunt::sources::kubernetes
