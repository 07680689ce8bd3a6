// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/client/curl_exchange.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "userspace/sources/kubernetes/client/server_url.h"

namespace shunt::sources::kubernetes {
namespace {

// The largest piece of a body; larger pieces do not make a list arrive sooner.
constexpr long kBufferBytes = 64 << 10;  // NOLINT(google-runtime-int): curl's type

CurlList Append(CurlList list, const std::string& text) {
  curl_slist* longer = curl_slist_append(list.get(), text.c_str());
  if (longer == nullptr) return list;  // out of memory, which ends the process elsewhere
  (void)list.release();
  return CurlList(longer);
}

void SetBlob(CURL* easy, CURLoption option, const std::string& text) {
  if (text.empty()) return;
  curl_blob blob{const_cast<char*>(text.data()), text.size(), CURL_BLOB_COPY};
  curl_easy_setopt(easy, option, &blob);
}

// Returns whether the kernel has given the peer up. For an established connection curl keeps the errno's text only.
bool IsHalfOpen(absl::string_view detail) {
  return absl::StrContains(detail, "Connection timed out") ||
         absl::StrContains(detail, absl::StrCat("errno ", ETIMEDOUT));
}

// Returns whether the peer has rejected our certificate; TLS 1.3 says so only after the handshake.
bool IsAlertOfCertificate(absl::string_view detail) {
  return absl::StrContains(detail, "alert") &&
         (absl::StrContains(detail, "certificate") || absl::StrContains(detail, "unknown ca") ||
          absl::StrContains(detail, "handshake failure") || absl::StrContains(detail, "access denied") ||
          absl::StrContains(detail, "decrypt error"));
}

// Returns whether OpenSSL's cryptography found a wrong signature before its TLS layer said anything: the authority has
// the right name and another key, as those of two clusters made by kubeadm have.
bool IsWrongSignature(absl::string_view detail) {
  return absl::StrContains(detail, " routines::") && !absl::StrContains(detail, "SSL routines::");
}

absl::string_view Advice(absl::string_view detail) {
  if (absl::StrContains(detail, "does not match") || absl::StrContains(detail, "no alternative certificate")) {
    return "; if the server is the right one, give the name that its certificate bears as tls-server-name in the "
           "kubeconfig";
  }
  if (absl::StrContains(detail, "unable to get local issuer") || absl::StrContains(detail, "self-signed") ||
      absl::StrContains(detail, "self signed") || IsWrongSignature(detail)) {
    return "; is certificate-authority (or ca.crt) the one of this cluster?";
  }
  return "";
}

absl::StatusCode CodeOf(CURLcode code, absl::string_view detail) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:  // while connecting: we time requests ourselves
    case CURLE_COULDNT_CONNECT:
      return absl::StatusCode::kUnavailable;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
      return absl::StatusCode::kUnauthenticated;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_FUNCTION_ARGUMENT:
      return absl::StatusCode::kInvalidArgument;
    default:
      if (IsHalfOpen(detail)) return absl::StatusCode::kDeadlineExceeded;
      return IsAlertOfCertificate(detail) || IsWrongSignature(detail) ? absl::StatusCode::kUnauthenticated
                                                                      : absl::StatusCode::kUnavailable;
  }
}

// Returns what curl's `code` means for ResponseHandler::OnEnd, and OK for CURLE_OK. `detail` is curl's error buffer,
// which may be empty.
absl::Status StatusOfCurl(CURLcode code, absl::string_view detail) {
  if (code == CURLE_OK) return absl::OkStatus();
  const absl::string_view words = detail.empty() ? absl::string_view(curl_easy_strerror(code)) : detail;
  return {CodeOf(code, words), absl::StrCat(words, Advice(words))};
}

}  // namespace

CurlExchange::CurlExchange(HttpRequest request, SteadyTime begun, ResponseHandler& handler,
                           ExchangeEnvironment& environment)
    : request_(std::move(request)), begun_(begun), handler_(handler), environment_(environment) {}

absl::Status CurlExchange::SetUp(const ExchangeSettings& settings) {
  easy_.reset(curl_easy_init());
  if (easy_ == nullptr) return absl::UnavailableError("curl_easy_init failed: out of memory?");
  CURL* easy = easy_.get();
  if (absl::Status status = SetAddress(settings); !status.ok()) return status;
  SetTls(settings);
  SetHeaders(settings);
  SetCallbacks();
  // One exchange per connection: no other stream's flow control or loss delays a watch, and the kernel's own timers say
  // whether its peer is alive. HTTP/2 in this curl does not check its PINGs, and its paused streams may stall.
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
  // A redirect is an answer like others. Following it would send our token wherever an impostor of the API server likes
  // (CVE-2020-8561, CVE-2020-8562).
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, kBufferBytes);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(settings.timers.connect.count()));
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  // An exchange that ends during the lookup of its name must not wait for the resolver's thread.
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
  return absl::OkStatus();
}

absl::Status CurlExchange::SetAddress(const ExchangeSettings& settings) {
  const absl::StatusOr<ServerUrl> server = ParseServerUrl(request_.server.url);
  if (!server.ok()) return server.status();
  CURL* easy = easy_.get();
  tls_ = server->tls;
  ServerUrl named = *server;
  const std::string& name = request_.server.tls_server_name;
  if (tls_ && !name.empty()) {
    if (!IsHost(name)) return absl::InvalidArgumentError(absl::StrCat("\"", name, "\" is not a TLS server name"));
    // curl asks for and verifies the URL's name, so the URL gets the TLS server name and the connection is directed
    // elsewhere.
    named.host = name;
    host_header_ = server->Authority();
    connect_to_ = Append(std::move(connect_to_), absl::StrCat("::", server->Authority()));
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, connect_to_.get());
  }
  const std::string url = absl::StrCat(named.ToString(), request_.target);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https,http");
  if (const CURLcode code = curl_easy_setopt(easy, CURLOPT_URL, url.c_str()); code != CURLE_OK) {
    return StatusOfCurl(code, "");
  }
  // Both are always set: otherwise curl reads the environment by its own rules.
  curl_easy_setopt(easy, CURLOPT_PROXY, settings.proxy.c_str());
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
  curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  return absl::OkStatus();
}

void CurlExchange::SetTls(const ExchangeSettings& settings) {
  CURL* easy = easy_.get();
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, settings.skip_tls_verification ? 0L : 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, settings.skip_tls_verification ? 0L : 2L);
  // The system's authorities are read for each connection, not once a day; ours are part of the request.
  curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
  const CredentialTexts& credentials = settings.credentials;
  if (!credentials.certificate_authority.empty()) {
    // They replace the system's, which Debian's curl would also read from a directory.
    curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
    SetBlob(easy, CURLOPT_CAINFO_BLOB, credentials.certificate_authority);
  }
  // curl reuses a connection only for a request with the same authorities and certificate.
  SetBlob(easy, CURLOPT_SSLCERT_BLOB, credentials.client_certificate);
  SetBlob(easy, CURLOPT_SSLKEY_BLOB, credentials.client_key);
  curl_easy_setopt(easy, CURLOPT_SSLCERTTYPE, "PEM");
  curl_easy_setopt(easy, CURLOPT_SSLKEYTYPE, "PEM");
  curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
}

void CurlExchange::SetHeaders(const ExchangeSettings& settings) {
  headers_ = Append(std::move(headers_), absl::StrCat("Accept: ", request_.accept));
  if (!host_header_.empty()) headers_ = Append(std::move(headers_), absl::StrCat("Host: ", host_header_));
  // Never without TLS, where everybody on the path could read it.
  if (tls_ && !settings.credentials.token.empty()) {
    headers_ = Append(std::move(headers_), absl::StrCat("Authorization: Bearer ", settings.credentials.token));
  }
  CURL* easy = easy_.get();
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers_.get());
  curl_easy_setopt(easy, CURLOPT_HEADEROPT, long{CURLHEADER_SEPARATE});  // not for a proxy
  curl_easy_setopt(easy, CURLOPT_USERAGENT, settings.user_agent.c_str());
}

void CurlExchange::SetCallbacks() {
  CURL* easy = easy_.get();
  curl_easy_setopt(easy, CURLOPT_PRIVATE, this);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error_.data());
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &CurlExchange::HeaderLine);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &CurlExchange::BodyPiece);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &CurlExchange::Socket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
}

size_t CurlExchange::HeaderLine(char* bytes, size_t size, size_t count, void* exchange) {
  auto& self = *static_cast<CurlExchange*>(exchange);
  const bool had_head = self.has_head();
  if (!self.abandoned_) self.refused_ = self.reader_.Line({bytes, size * count});
  if (self.abandoned_ || !self.refused_.ok()) return CURL_WRITEFUNC_ERROR;
  if (self.has_head() && !had_head) {
    self.environment_.handler_called = true;
    self.handler_.OnHead(self.reader_.head());
  }
  return size * count;
}

size_t CurlExchange::BodyPiece(char* bytes, size_t size, size_t count, void* exchange) {
  auto& self = *static_cast<CurlExchange*>(exchange);
  if (self.abandoned_) return CURL_WRITEFUNC_ERROR;
  self.environment_.handler_called = true;
  self.handler_.OnBody({bytes, size * count});
  return self.abandoned_ ? CURL_WRITEFUNC_ERROR : size * count;
}

curl_socket_t CurlExchange::Socket(void* exchange, curlsocktype, curl_sockaddr* address) {
  return static_cast<CurlExchange*>(exchange)->environment_.open_socket(*address);
}

SteadyTime CurlExchange::deadline() const {
  const SteadyTime total = begun_ + request_.total_timeout;
  return has_head() ? total : std::min(begun_ + request_.head_timeout, total);
}

absl::Status CurlExchange::Late() const {
  const auto allowed = has_head() ? request_.total_timeout : std::min(request_.head_timeout, request_.total_timeout);
  return absl::DeadlineExceededError(
      absl::StrCat(has_head() ? "the answer has not ended" : "no answer", " within ", allowed.count(), " ms"));
}

absl::Status CurlExchange::Verdict(CURLcode code) const {
  if (!refused_.ok()) return refused_;
  return StatusOfCurl(code, error_.data());
}

}  // namespace shunt::sources::kubernetes
