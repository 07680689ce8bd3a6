// SPDX-License-Identifier: Apache-2.0
// Whom we believe and what we show: certificate authorities, a bearer token, a client certificate. Those that stand in
// files are followed, because clusters rotate them: a service account's token every hour or so.
#ifndef SHUNT_SOURCES_KUBERNETES_CLIENT_CREDENTIALS_H_
#define SHUNT_SOURCES_KUBERNETES_CLIENT_CREDENTIALS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/sources/kubernetes/client/text_file.h"

namespace shunt::sources::kubernetes {

// One credential: a text, or the file that has it at any time. Both empty: there is none.
struct Material {
  std::string text;
  std::string file;

  bool empty() const { return text.empty() && file.empty(); }
  friend bool operator==(const Material&, const Material&) = default;
};

struct Credentials {
  Material certificate_authority;  // PEM, one or more; empty: the system's
  Material token;                  // of "Authorization: Bearer"
  Material client_certificate;     // PEM, chain included; goes with client_key
  Material client_key;

  friend bool operator==(const Credentials&, const Credentials&) = default;
};

// The texts. Empty: there is none, never: it could not be read.
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

  // Reads the files that are not what they were at the last call; that costs one stat() each. A file that cannot be
  // read any more, or is empty, leaves its last text in force: rotation is not atomic everywhere. kUnauthenticated: one
  // that has never been read.
  absl::StatusOr<CredentialTexts> Read();
  // The next Read reads every file, whatever its stamp says.
  void Forget();
  // What is wrong with files whose last text is in force; empty: nothing. For people.
  std::vector<std::string> problems() const;

 private:
  class Follower {
   public:
    // `what` is how errors call it: "the token".
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
    std::optional<FileStamp> stamp_;  // of what text_ was read from
    std::string problem_;
  };

  Follower certificate_authority_;
  Follower token_;
  Follower client_certificate_;
  Follower client_key_;
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_CLIENT_CREDENTIALS_H_
