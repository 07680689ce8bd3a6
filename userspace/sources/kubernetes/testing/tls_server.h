// SPDX-License-Identifier: Apache-2.0
// A server on loopback that speaks HTTP/1.1, with or without TLS, exactly as a test tells it to, correct or broken.
#ifndef SHUNT_SOURCES_KUBERNETES_TESTING_TLS_SERVER_H_
#define SHUNT_SOURCES_KUBERNETES_TESTING_TLS_SERVER_H_

#include <openssl/ssl.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "userspace/sources/kubernetes/testing/certificates.h"

namespace shunt::sources::kubernetes {

// One accepted connection, in a thread of its own. Calls return once the server is being stopped.
class ServedConnection {
 public:
  // Without a `context` there is no TLS. `heard` is called with every request's head.
  ServedConnection(int fd, SSL_CTX* context, std::function<void(const std::string&)> heard);
  ~ServedConnection();

  bool Accept();
  // Returns the next request's head, with its empty line, or nothing if the client has gone.
  std::string ReadHead();
  void Write(const std::string& bytes);
  // Sends a complete answer with a length.
  void Answer(const std::string& status, const std::string& body);
  // Makes the kernel drop every packet that arrives once the client has everything, acknowledgements and keepalive
  // probes too: to the client, this machine has lost its power.
  void GoSilent();
  // Waits until the client has gone or the server stops.
  void AwaitEnd();
  // Returns the host name that the client asked for in TLS; empty without one.
  std::string ServerName() const;
  void Shutdown();

 private:
  int Read(char* bytes, int size);

  const int fd_;
  const std::function<void(const std::string&)> heard_;
  SSL* ssl_ = nullptr;
  std::string unread_;
};

struct TlsServerOptions {
  std::optional<Identity> identity;  // without one there is no TLS
  std::string client_authority;      // PEM; not empty: clients must show a certificate of it
  std::string address = "127.0.0.1";
};

class TlsServer {
 public:
  // What to do on a connection once TLS is up; the connection is closed afterwards. Called by many threads.
  using Script = std::function<void(ServedConnection&)>;

  // The process ignores SIGPIPE from then on.
  TlsServer(TlsServerOptions options, Script script);
  ~TlsServer();
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  int port() const { return port_; }
  std::string url() const;
  // Sets the identity of later connections.
  void Rotate(const Identity& identity);
  // Returns the number of connections whose TLS handshake succeeded, or that were accepted without TLS.
  int connections() const;
  // Returns the heads of all requests so far.
  std::vector<std::string> heads() const;
  // Returns the host name that the last of these connections asked for in TLS; empty without one.
  std::string server_name() const;

 private:
  struct Worker {
    std::shared_ptr<ServedConnection> connection;
    std::thread thread;
  };

  void AcceptLoop();
  void Serve(const std::shared_ptr<ServedConnection>& connection);

  const TlsServerOptions options_;
  const Script script_;
  int listener_ = -1;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::shared_ptr<SSL_CTX> context_;  // below: guarded by mutex_
  int connections_ = 0;
  std::vector<std::string> heads_;
  std::string server_name_;
  bool stopping_ = false;
  std::vector<Worker> workers_;
  std::thread acceptor_;
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_TESTING_TLS_SERVER_H_
