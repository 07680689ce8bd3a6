// SPDX-License-Identifier: Apache-2.0
// Transport over libcurl: HTTP/1.1, a connection for each exchange that runs, lists one after the other over the same.
//
// No compression is asked for: the API server would spend more processor time on it than a cluster's network saves.
// Names are looked up by the C library in a thread of curl's; those sockets are not ours and `prepare_socket` does not
// see them.
#ifndef SHUNT_SOURCES_KUBERNETES_CLIENT_CURL_TRANSPORT_H_
#define SHUNT_SOURCES_KUBERNETES_CLIENT_CURL_TRANSPORT_H_

#include <curl/curl.h>

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/sources/kubernetes/client/api_socket.h"
#include "userspace/sources/kubernetes/client/client_config.h"
#include "userspace/sources/kubernetes/client/credentials.h"
#include "userspace/sources/kubernetes/client/curl_exchange.h"
#include "userspace/sources/kubernetes/client/proxy.h"
#include "userspace/sources/kubernetes/client/transport.h"

namespace shunt::sources::kubernetes {

struct CurlTransportOptions {
  // Its servers play no part: each request names one.
  ClientConfig client;
  ProxyEnvironment proxies;
  // For every socket before it connects, proxies' included. If it fails the connection is tried all the same, because
  // some work is better than none; problems() says so.
  PrepareSocket prepare_socket;
  ConnectionTimers timers;
};

struct CurlMultiDeleter {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
using CurlMulti = std::unique_ptr<CURLM, CurlMultiDeleter>;

class CurlTransport final : public Transport {
 public:
  // REQUIRES: the process ignores SIGPIPE, as shuntd does: OpenSSL writes to connections that may be gone.
  // kInternal: libcurl does not start, or lacks TLS.
  static absl::StatusOr<std::unique_ptr<CurlTransport>> Create(CurlTransportOptions options);
  ~CurlTransport() override;

  // Credential files are looked at for each request, and read anew if they changed.
  RequestId Start(HttpRequest request, ResponseHandler& handler) override;
  void Cancel(RequestId request) override;
  SteadyTime Wait(SteadyTime until) override;
  void Wake() override;
  void RefreshCredentials() override { credentials_.Forget(); }
  std::vector<std::string> problems() const override;

 private:
  CurlTransport(CurlTransportOptions options, CurlMulti multi);

  // Hands to curl what was started since the last time.
  void Begin();
  absl::Status Add(CurlExchange& exchange);
  void Perform();
  void EndFinished();
  void EndLate();
  // The exchange is gone, and its handler called last, unless it was cancelled.
  void End(RequestId id, const absl::Status& status);
  // Takes the exchange from curl and frees it.
  void Remove(RequestId id);
  int MillisecondsUntil(SteadyTime until) const;
  int OpenSocket(const curl_sockaddr& address);

  const CurlTransportOptions options_;
  const std::string user_agent_;
  CredentialReader credentials_;
  std::string socket_problem_;
  ExchangeEnvironment environment_;
  RequestId last_id_ = 0;
  bool in_curl_ = false;  // within curl_multi_perform, where no handle can be added or removed
  std::atomic<bool> woken_ = false;
  CurlMulti multi_;
  std::vector<RequestId> started_;  // not yet handed to curl
  std::map<RequestId, std::unique_ptr<CurlExchange>> exchanges_;
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_CLIENT_CURL_TRANSPORT_H_
