// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/client/curl_transport.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "shunt_version.h"
#include "userspace/sources/kubernetes/client/server_url.h"

namespace shunt::sources::kubernetes {
namespace {

// How many idle connections are kept: lists use them for their next page.
constexpr long kIdleConnectionsMax = 8;  // NOLINT(google-runtime-int): curl's type

constexpr std::chrono::milliseconds kPollMax{60'000};

// In client-go's form: program/version (platform).
std::string UserAgent() {
#if defined(__aarch64__)
  constexpr char kArchitecture[] = "arm64";
#else
  constexpr char kArchitecture[] = "amd64";
#endif
  return absl::StrCat("shuntd/", kVersion, " (linux/", kArchitecture, ")");
}

// Returns the URL for errors, without the query, which may hold a page's token.
std::string Described(const HttpRequest& request) {
  return absl::StrCat("GET ", request.server.url, request.target.substr(0, request.target.find('?')));
}

}  // namespace

absl::StatusOr<std::unique_ptr<CurlTransport>> CurlTransport::Create(CurlTransportOptions options) {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  const curl_version_info_data* version = curl_version_info(CURLVERSION_NOW);
  if (started != CURLE_OK || (version->features & CURL_VERSION_SSL) == 0) {
    return absl::InternalError(absl::StrCat("libcurl ", version->version, " does not start, or knows no TLS"));
  }
  CurlMulti multi(curl_multi_init());
  if (multi == nullptr) return absl::InternalError("curl_multi_init failed: out of memory or file descriptors?");
  curl_multi_setopt(multi.get(), CURLMOPT_MAXCONNECTS, kIdleConnectionsMax);
  return std::unique_ptr<CurlTransport>(new CurlTransport(std::move(options), std::move(multi)));
}

CurlTransport::CurlTransport(CurlTransportOptions options, CurlMulti multi)
    : options_(std::move(options)),
      user_agent_(UserAgent()),
      credentials_(options_.client.credentials),
      multi_(std::move(multi)) {
  environment_.open_socket = [this](const curl_sockaddr& address) { return OpenSocket(address); };
}

CurlTransport::~CurlTransport() {
  while (!exchanges_.empty()) Remove(exchanges_.begin()->first);
}

Transport::RequestId CurlTransport::Start(HttpRequest request, ResponseHandler& handler) {
  const RequestId id = ++last_id_;
  exchanges_[id] =
      std::make_unique<CurlExchange>(std::move(request), std::chrono::steady_clock::now(), handler, environment_);
  started_.push_back(id);
  return id;
}

void CurlTransport::Cancel(RequestId request) {
  const auto found = exchanges_.find(request);
  if (found == exchanges_.end()) return;
  if (in_curl_) {
    found->second->Abandon();
  } else {
    Remove(request);
  }
}

SteadyTime CurlTransport::Wait(SteadyTime until) {
  environment_.handler_called = false;
  for (;;) {
    Begin();
    Perform();
    EndFinished();
    EndLate();
    const SteadyTime now = std::chrono::steady_clock::now();
    if (environment_.handler_called || woken_.exchange(false) || now >= until) return now;
    curl_multi_poll(multi_.get(), nullptr, 0, MillisecondsUntil(until), nullptr);
  }
}

void CurlTransport::Wake() {
  woken_ = true;
  curl_multi_wakeup(multi_.get());
}

void CurlTransport::Begin() {
  // A handler that is told of a failure may start another exchange: the next turn begins it.
  for (const RequestId id : std::exchange(started_, {})) {
    const auto found = exchanges_.find(id);
    if (found == exchanges_.end()) continue;
    if (const absl::Status status = Add(*found->second); !status.ok()) End(id, status);
  }
}

absl::Status CurlTransport::Add(CurlExchange& exchange) {
  const absl::StatusOr<ServerUrl> server = ParseServerUrl(exchange.request().server.url);
  if (!server.ok()) return server.status();
  absl::StatusOr<std::string> proxy = ChooseProxy(*server, options_.client.proxy_url, options_.proxies);
  if (!proxy.ok()) return proxy.status();
  absl::StatusOr<CredentialTexts> credentials = credentials_.Read();
  if (!credentials.ok()) return credentials.status();
  const absl::Status set_up = exchange.SetUp({.credentials = *std::move(credentials),
                                              .skip_tls_verification = options_.client.skip_tls_verification,
                                              .proxy = *std::move(proxy),
                                              .user_agent = user_agent_,
                                              .timers = options_.timers});
  if (!set_up.ok()) return set_up;
  const CURLMcode code = curl_multi_add_handle(multi_.get(), exchange.easy());
  return code == CURLM_OK ? absl::OkStatus() : absl::UnavailableError(curl_multi_strerror(code));
}

void CurlTransport::Perform() {
  int running = 0;
  in_curl_ = true;
  curl_multi_perform(multi_.get(), &running);
  in_curl_ = false;
  for (auto next = exchanges_.begin(); next != exchanges_.end();) {
    const auto& [id, exchange] = *next++;
    if (exchange->abandoned()) Remove(id);
  }
}

void CurlTransport::EndFinished() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURL* easy = message->easy_handle;
    const CURLcode code = message->data.result;
    const auto finished = std::find_if(exchanges_.begin(), exchanges_.end(),
                                       [easy](const auto& entry) { return entry.second->easy() == easy; });
    if (finished != exchanges_.end()) End(finished->first, finished->second->Verdict(code));
  }
}

void CurlTransport::EndLate() {
  const SteadyTime now = std::chrono::steady_clock::now();
  std::vector<RequestId> late;
  for (const auto& [id, exchange] : exchanges_) {
    if (exchange->deadline() <= now) late.push_back(id);
  }
  for (const RequestId id : late) {
    // A handler that was called before may have cancelled it.
    if (const auto found = exchanges_.find(id); found != exchanges_.end()) End(id, found->second->Late());
  }
}

void CurlTransport::End(RequestId id, const absl::Status& status) {
  const CurlExchange& exchange = *exchanges_.at(id);
  const std::string described = Described(exchange.request());
  ResponseHandler& handler = exchange.handler();
  Remove(id);
  environment_.handler_called = true;
  handler.OnEnd(status.ok() ? status : absl::Status(status.code(), absl::StrCat(described, ": ", status.message())));
}

void CurlTransport::Remove(RequestId id) {
  const auto found = exchanges_.find(id);
  if (CURL* easy = found->second->easy(); easy != nullptr) curl_multi_remove_handle(multi_.get(), easy);
  exchanges_.erase(found);
}

int CurlTransport::MillisecondsUntil(SteadyTime until) const {
  for (const auto& [id, exchange] : exchanges_) until = std::min(until, exchange->deadline());
  const auto left = until - std::chrono::steady_clock::now();
  if (left <= SteadyTime::duration::zero()) return 0;
  // Rounded up: a wait that ended early would be followed by one of 0 ms.
  return static_cast<int>(std::min(std::chrono::ceil<std::chrono::milliseconds>(left), kPollMax).count());
}

int CurlTransport::OpenSocket(const curl_sockaddr& address) {
  const int fd = OpenApiSocket(address.family, address.socktype, address.protocol, options_.timers);
  if (fd < 0 || !options_.prepare_socket) return fd;
  const absl::Status prepared = options_.prepare_socket(fd);
  socket_problem_ = prepared.ok() ? ""
                                  : absl::StrCat("a connection to the API server may be translated like any other: ",
                                                 prepared.message());
  return fd;
}

std::vector<std::string> CurlTransport::problems() const {
  std::vector<std::string> problems = credentials_.problems();
  if (!socket_problem_.empty()) problems.push_back(socket_problem_);
  return problems;
}

}  // namespace shunt::sources::kubernetes
