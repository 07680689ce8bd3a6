// SPDX-License-Identifier: Apache-2.0
#include "userspace/admin/socket_file.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace shunt::admin {
namespace {

constexpr int kBacklog = 64;

absl::Status Failed(absl::string_view operation, absl::string_view object) {
  const int error = errno;
  return absl::ErrnoToStatus(error, absl::StrCat("admin socket: cannot ", operation, " ", object));
}

sockaddr_un AddressOf(absl::string_view path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, path.data(), path.size());
  return address;
}

absl::Status CheckPath(absl::string_view path) {
  if (path.empty()) return absl::InvalidArgumentError("admin socket: the path is empty");
  if (path[0] == '@' || absl::StrContains(path, absl::string_view("\0", 1))) {
    return absl::InvalidArgumentError(
        "admin socket: only a path of the file system will do: an abstract name has no file mode to protect it");
  }
  if (path.back() == '/') return absl::InvalidArgumentError(absl::StrCat("admin socket: ", path, " is a directory"));
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat("admin socket: path ", path, " has ", path.size(),
                                                   " bytes, a socket's has at most ",
                                                   sizeof(sockaddr_un::sun_path) - 1));
  }
  return absl::OkStatus();
}

absl::Status MakeDirectories(const std::string& directory) {
  for (size_t end = directory.find('/', 1);; end = directory.find('/', end + 1)) {
    const std::string part = directory.substr(0, end);
    if (mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) return Failed("make directory", part);
    if (end == std::string::npos) return absl::OkStatus();
  }
}

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

// Returns the pid of the process that listens at the other end, as far as this PID namespace shows it.
std::string Listener(int fd) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid <= 0) return "another process";
  return absl::StrCat("another process, pid ", peer.pid, ",");
}

// Returns OK if nothing stands at `path`, or a socket on which no process listens.
absl::Status CheckFree(const std::string& path) {
  struct stat found;
  if (lstat(path.c_str(), &found) != 0) return errno == ENOENT ? absl::OkStatus() : Failed("look at", path);
  if (!S_ISSOCK(found.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat("admin socket: ", path, " exists and is no socket: move it away, or use another --admin-socket"));
  }
  const posix::FileDescriptor probe(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!probe.ok()) return Failed("make a socket to try", path);
  const sockaddr_un address = AddressOf(path);
  if (connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 || errno == EAGAIN) {
    return absl::AlreadyExistsError(
        absl::StrCat("admin socket: ", Listener(probe.get()), " listens on ", path,
                     ": is an agent running already? Stop it first, or use another --admin-socket"));
  }
  if (errno == ECONNREFUSED || errno == ENOENT) return absl::OkStatus();
  return Failed("find out who listens on", path);
}

}  // namespace

absl::Status SocketFile::Check(const std::string& path) {
  if (absl::Status status = CheckPath(path); !status.ok()) return status;
  const std::string directory = DirectoryOf(path);
  if (absl::Status status = MakeDirectories(directory); !status.ok()) return status;
  if (absl::Status status = CheckFree(path); !status.ok()) return status;
  return access(directory.c_str(), W_OK | X_OK) == 0 ? absl::OkStatus() : Failed("make a socket in", directory);
}

absl::StatusOr<SocketFile> SocketFile::Listen(const std::string& path) {
  if (absl::Status status = Check(path); !status.ok()) return status;
  const std::string directory = DirectoryOf(path);
  const std::string base = path.substr(path.rfind('/') + 1);  // all of it if it has no slash
  const posix::FileDescriptor opened_directory(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!opened_directory.ok()) return Failed("open directory", directory);
  const int directory_fd = opened_directory.get();
  posix::FileDescriptor fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.ok()) return Failed("make a socket for", path);

  // bind() gives the file the mode of the socket's own inode: set before, there is no moment at which the file has
  // another one, and the process's umask stays as it is for the other threads.
  if (fchmod(fd.get(), 0600) != 0) return Failed("set the mode of", path);
  // Under another name first, so that a client that finds the socket at its path finds it listening. By /proc, because
  // the longer name need not fit where the path does.
  const std::string temporary = absl::StrCat(".shunt-admin-", getpid());
  const std::string bind_path = absl::StrCat("/proc/self/fd/", directory_fd, "/", temporary);
  unlinkat(directory_fd, temporary.c_str(), 0);
  const sockaddr_un address = AddressOf(bind_path);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) return Failed("bind", path);
  absl::Cleanup remove_temporary = [&] { unlinkat(directory_fd, temporary.c_str(), 0); };
  struct stat made;
  if (fstatat(directory_fd, temporary.c_str(), &made, AT_SYMLINK_NOFOLLOW) != 0) return Failed("look at", path);
  if ((made.st_mode & 07777) != 0600) {
    return absl::InternalError(
        absl::StrCat("admin socket: ", path, " got a mode other than 0600: an ACL on ", directory, "?"));
  }
  if (listen(fd.get(), kBacklog) != 0) return Failed("listen on", path);
  if (renameat(directory_fd, temporary.c_str(), directory_fd, base.c_str()) != 0) return Failed("put in place", path);
  std::move(remove_temporary).Cancel();
  return SocketFile(path, std::move(fd), made.st_dev, made.st_ino);
}

SocketFile::~SocketFile() {
  if (!fd_.ok()) return;
  struct stat found;
  if (lstat(path_.c_str(), &found) == 0 && found.st_dev == device_ && found.st_ino == inode_) unlink(path_.c_str());
}

}  // namespace shunt::admin
