// SPDX-License-Identifier: Apache-2.0
// Trust anchors and client credentials: certificate authorities, a bearer token, a client certificate. Files are
// followed, because clusters rotate them: a service account's token every hour or so.
#ifndef SHUNT_SOURCES_KUBERNETES_CLIENT_CREDENTIALS_H_
#define SHUNT_SOURCES_KUBERNETES_CLIENT_CREDENTIALS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/sources/kubernetes/client/text_file.h"

namespace shunt::sources::kubernetes {

// One credential: its text, or the file that holds its current text. If both are empty, it is not configured.
struct Material {
  std::string text;
  std::string file;

  bool empty() const { return text.empty() && file.empty(); }
  friend bool operator==(const Material&, const Material&) = default;
};

struct Credentials {
  Material certificate_authority;  // PEM, one or more; empty: the system's
  Material token;                  // for "Authorization: Bearer"
  Material client_certificate;     // PEM, chain included; goes with client_key
  Material client_key;

  friend bool operator==(const Credentials&, const Credentials&) = default;
};

// The credentials' texts. Empty means not configured; an unreadable file is an error.
struct CredentialTexts {
  std::string certificate_authority;
  std::string token;
  std::string client_certificate;
  std::string client_key;
};

// Not thread-safe.
class CredentialReader {
 public:
  explicit CredentialReader(Credentials credentials);

  // Reads the files that have changed since the last call, at the cost of one stat() each. If a file cannot be read or
  // is empty, its last text stays in force, because rotation is not atomic everywhere. Returns kUnauthenticated if a
  // file has never been read.
  absl::StatusOr<CredentialTexts> Read();
  // Makes the next Read read every file, whether or not its stamp has changed.
  void Forget();
  // Returns, for people, what is wrong with files whose last text is in force; empty if all is well.
  std::vector<std::string> problems() const;

 private:
  class Follower {
   public:
    // `what` is its name in errors: "the token".
    Follower(std::string what, Material material);
    absl::Status Follow();
    void Forget() { stamp_.reset(); }
    const std::string& text() const { return text_; }
    const std::string& problem() const { return problem_; }

   private:
    absl::StatusOr<TextFile> ReadFile() const;

    std::string what_;
    std::string file_;
    std::string text_;
    std::optional<FileStamp> stamp_;  // of the file that text_ was read from
    std::string problem_;
  };

  Follower certificate_authority_;
  Follower token_;
  Follower client_certificate_;
  Follower client_key_;
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_CLIENT_CREDENTIALS_H_
