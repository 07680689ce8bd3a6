// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/testing/tls_server.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace shunt::sources::kubernetes {
namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

std::unique_ptr<BIO, int (*)(BIO*)> Memory(const std::string& text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free};
}

std::shared_ptr<SSL_CTX> NewContext(const Identity& identity, const std::string& client_authority) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
  X509* certificate = PEM_read_bio_X509(Memory(identity.certificate).get(), nullptr, nullptr, nullptr);
  EVP_PKEY* key = PEM_read_bio_PrivateKey(Memory(identity.key).get(), nullptr, nullptr, nullptr);
  Require(SSL_CTX_use_certificate(context.get(), certificate) == 1);
  Require(SSL_CTX_use_PrivateKey(context.get(), key) == 1);
  X509_free(certificate);
  EVP_PKEY_free(key);
  if (!client_authority.empty()) {
    X509* authority = PEM_read_bio_X509(Memory(client_authority).get(), nullptr, nullptr, nullptr);
    Require(X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), authority) == 1);
    X509_free(authority);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  return context;
}

int Listen(const std::string& address, int& port) {
  sockaddr_storage storage{};
  socklen_t length = 0;
  if (absl::StrContains(address, ":")) {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
    v6.sin6_family = AF_INET6;
    inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr);
    length = sizeof(v6);
  } else {
    auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
    v4.sin_family = AF_INET;
    inet_pton(AF_INET, address.c_str(), &v4.sin_addr);
    length = sizeof(v4);
  }
  const int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  Require(fd >= 0 && bind(fd, reinterpret_cast<sockaddr*>(&storage), length) == 0 && listen(fd, 64) == 0);
  Require(getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) == 0);
  port = ntohs(storage.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(storage).sin6_port
                                             : reinterpret_cast<sockaddr_in&>(storage).sin_port);
  return fd;
}

}  // namespace

ServedConnection::ServedConnection(int fd, SSL_CTX* context, std::function<void(const std::string&)> heard)
    : fd_(fd), heard_(std::move(heard)) {
  if (context == nullptr) return;
  ssl_ = SSL_new(context);
  SSL_set_fd(ssl_, fd_);
}

ServedConnection::~ServedConnection() {
  SSL_free(ssl_);
  close(fd_);
}

bool ServedConnection::Accept() {
  return ssl_ == nullptr || SSL_accept(ssl_) == 1;
}

int ServedConnection::Read(char* bytes, int size) {
  return ssl_ != nullptr ? SSL_read(ssl_, bytes, size)
                         : static_cast<int>(recv(fd_, bytes, static_cast<size_t>(size), 0));
}

std::string ServedConnection::ReadHead() {
  size_t end = 0;
  while ((end = unread_.find("\r\n\r\n")) == std::string::npos) {
    char bytes[4096];
    const int got = Read(bytes, sizeof(bytes));
    if (got <= 0) return "";
    unread_.append(bytes, static_cast<size_t>(got));
  }
  std::string head = unread_.substr(0, end + 4);
  unread_.erase(0, end + 4);
  heard_(head);
  return head;
}

void ServedConnection::Write(const std::string& bytes) {
  if (ssl_ != nullptr) {
    SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
    return;
  }
  for (size_t sent = 0; sent < bytes.size();) {
    const ssize_t count = send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return;
    sent += static_cast<size_t>(count);
  }
}

void ServedConnection::Answer(const std::string& status, const std::string& body) {
  Write(absl::StrCat("HTTP/1.1 ", status, "\r\nContent-Type: text/plain\r\nContent-Length: ", body.size(), "\r\n\r\n",
                     body));
}

void ServedConnection::GoSilent() {
  // Unacknowledged bytes would be sent again and again, which would look like a living peer.
  int unacknowledged = 1;
  while (ioctl(fd_, SIOCOUTQ, &unacknowledged) == 0 && unacknowledged > 0) std::this_thread::yield();
  sock_filter nothing[] = {{BPF_RET | BPF_K, 0, 0, 0}};
  const sock_fprog program{1, nothing};
  Require(setsockopt(fd_, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0);
}

void ServedConnection::AwaitEnd() {
  while (!ReadHead().empty()) continue;
}

std::string ServedConnection::ServerName() const {
  const char* name = ssl_ != nullptr ? SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name) : nullptr;
  return name != nullptr ? name : "";
}

void ServedConnection::Shutdown() {
  shutdown(fd_, SHUT_RDWR);
}

TlsServer::TlsServer(TlsServerOptions options, Script script)
    : options_(std::move(options)), script_(std::move(script)) {
  if (options_.identity.has_value()) context_ = NewContext(*options_.identity, options_.client_authority);
  std::signal(SIGPIPE, SIG_IGN);
  listener_ = Listen(options_.address, port_);
  acceptor_ = std::thread([this] { AcceptLoop(); });
}

TlsServer::~TlsServer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const Worker& worker : workers_) worker.connection->Shutdown();
  }
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  for (Worker& worker : workers_) worker.thread.join();
  close(listener_);
}

std::string TlsServer::url() const {
  const bool v6 = absl::StrContains(options_.address, ":");
  return absl::StrCat(options_.identity.has_value() ? "https://" : "http://", v6 ? "[" : "", options_.address,
                      v6 ? "]:" : ":", port_);
}

void TlsServer::Rotate(const Identity& identity) {
  const std::lock_guard lock(mutex_);
  context_ = NewContext(identity, options_.client_authority);
}

int TlsServer::connections() const {
  const std::lock_guard lock(mutex_);
  return connections_;
}

std::vector<std::string> TlsServer::heads() const {
  const std::lock_guard lock(mutex_);
  return heads_;
}

std::string TlsServer::server_name() const {
  const std::lock_guard lock(mutex_);
  return server_name_;
}

void TlsServer::AcceptLoop() {
  for (;;) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const std::lock_guard lock(mutex_);
    auto connection = std::make_shared<ServedConnection>(fd, context_.get(), [this](const std::string& head) {
      const std::lock_guard heads_lock(mutex_);
      heads_.push_back(head);
    });
    if (stopping_) return;
    workers_.push_back({connection, std::thread([this, connection] { Serve(connection); })});
  }
}

void TlsServer::Serve(const std::shared_ptr<ServedConnection>& connection) {
  if (!connection->Accept()) {
    connection->Shutdown();
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    ++connections_;
    server_name_ = connection->ServerName();
  }
  script_(*connection);
  connection->Shutdown();
}

}  // namespace shunt::sources::kubernetes
