// SPDX-License-Identifier: Apache-2.0
// io_uring tries a send again, once the socket's buffer has room, with the address that the hook wrote the first time.
// Raw system calls, because there is nothing else that it takes. Skipped if this kernel has no io_uring.
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/kernel/kernel_test.h"
#include "tests/sandbox/devices.h"
#include "tests/sandbox/socket_address.h"

namespace shunt::kernel_test {
namespace {

// A ring of a few entries. It stays until the end of the process.
class Ring {
 public:
  // Returns 0 or an errno.
  int Open() {
    io_uring_params params = {};
    fd_ = static_cast<int>(syscall(SYS_io_uring_setup, kEntries, &params));
    if (fd_ < 0) return errno;
    submissions_ = Map<char>(params.sq_off.array + params.sq_entries * sizeof(uint32_t), IORING_OFF_SQ_RING);
    completions_ = Map<char>(params.cq_off.cqes + params.cq_entries * sizeof(io_uring_cqe), IORING_OFF_CQ_RING);
    entries_ = Map<io_uring_sqe>(params.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES);
    params_ = params;
    return submissions_ && completions_ && entries_ ? 0 : EINVAL;
  }
  ~Ring() {
    if (fd_ >= 0) close(fd_);
  }

  // `message` must live until the send is complete. `flags` are of the entry (IOSQE_...).
  void SubmitSend(int socket, const msghdr& message, uint8_t flags) {
    auto* const tail = reinterpret_cast<std::atomic<uint32_t>*>(submissions_ + params_.sq_off.tail);
    const uint32_t index = tail->load() % params_.sq_entries;
    entries_[index] = {};
    entries_[index].opcode = IORING_OP_SENDMSG;
    entries_[index].flags = flags;
    entries_[index].fd = socket;
    entries_[index].addr = reinterpret_cast<uint64_t>(&message);
    reinterpret_cast<uint32_t*>(submissions_ + params_.sq_off.array)[index] = index;
    tail->fetch_add(1);
    EXPECT_EQ(syscall(SYS_io_uring_enter, fd_, 1, 0, 0, nullptr, 0), 1) << std::strerror(errno);
  }
  // Waits until `count` sends are complete.
  void WaitFor(uint32_t count) {
    while (Completed() < count) {
      ASSERT_GE(syscall(SYS_io_uring_enter, fd_, 0, count, IORING_ENTER_GETEVENTS, nullptr, 0), 0);
    }
  }
  uint32_t Completed() const {
    return reinterpret_cast<std::atomic<uint32_t>*>(completions_ + params_.cq_off.tail)->load();
  }
  int32_t Result(uint32_t index) const {
    return reinterpret_cast<io_uring_cqe*>(completions_ + params_.cq_off.cqes)[index].res;
  }

 private:
  static constexpr uint32_t kEntries = 8;

  template <typename T>
  T* Map(size_t size, off_t offset) const {
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_, offset);
    return memory == MAP_FAILED ? nullptr : static_cast<T*>(memory);
  }

  int fd_ = -1;
  io_uring_params params_ = {};
  char* submissions_ = nullptr;
  char* completions_ = nullptr;
  io_uring_sqe* entries_ = nullptr;
};

// The client's datagrams wait for the backend's Ethernet address, and fill the socket's buffer meanwhile.
class IoUringTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    if (const int error = ring_.Open(); error != 0) {
      GTEST_SKIP() << "this kernel has no io_uring: " << std::strerror(error);
    }
    auto here = sandbox::NetworkNamespace::Create(), there = sandbox::NetworkNamespace::Create();
    ASSERT_TRUE(here.ok() && there.ok());
    here_ = *std::move(here);
    there_ = *std::move(there);
    {
      const sandbox::InNamespace inside(*here_);
      if (absl::Status added = sandbox::AddVethPair("v", "v", there_->fd()); !added.ok()) GTEST_SKIP() << added;
      ASSERT_TRUE(sandbox::AddDeviceAddress("v", "203.0.113.1/24").ok());
      ASSERT_TRUE(sandbox::SetDeviceUp("v").ok());
    }
    const sandbox::InNamespace inside(*there_);
    ASSERT_TRUE(sandbox::SetDeviceUp("v").ok());
    Apply({ServiceStory("far").ClusterIp("10.96.7.1").Port(53, kUdp, 8081).Endpoints({"203.0.113.2"})});
  }

  // From now on the backend answers.
  void GiveTheBackendItsAddress() {
    const sandbox::InNamespace inside(*there_);
    ASSERT_TRUE(sandbox::AddDeviceAddress("v", "203.0.113.2/24").ok());
  }

  static constexpr uint32_t kSends = 3;

  // Sends to the service while the socket's buffer is full, so that each send has to be tried again.
  void SendWithoutRoom(const ClientSocket& client, const SocketAddress& service, uint8_t flags = 0) {
    const int smallest = 1;
    ASSERT_EQ(setsockopt(client.fd(), SOL_SOCKET, SO_SNDBUF, &smallest, sizeof smallest), 0);
    const std::string fill(1400, 'x');
    const sandbox::KernelAddress other = sandbox::ToKernel(At("203.0.113.2:9999"), AF_INET);
    while (sendto(client.fd(), fill.data(), fill.size(), MSG_DONTWAIT, other.get(), other.size) >= 0) {
    }
    ASSERT_EQ(errno, EAGAIN);
    to_ = sandbox::ToKernel(service, AF_INET);
    part_ = {text_.data(), text_.size()};
    message_.msg_name = to_.get();
    message_.msg_namelen = to_.size;
    message_.msg_iov = &part_;
    message_.msg_iovlen = 1;
    for (uint32_t i = 0; i < kSends; ++i) ring_.SubmitSend(client.fd(), message_, flags);
    ASSERT_EQ(ring_.Completed(), 0u) << "the buffer is full";
  }

  // Makes room, and expects that the backend gets what was sent and answers it under the service's name.
  void ExpectAnswersUnderTheName(const ClientSocket& client, const SocketAddress& service) {
    GiveTheBackendItsAddress();
    ClientSocket server(*there_, AF_INET, SOCK_DGRAM);
    ASSERT_EQ(server.Bind(At("203.0.113.2:8081")), 0);
    ring_.WaitFor(kSends);
    for (uint32_t i = 0; i < kSends; ++i) {
      ASSERT_EQ(ring_.Result(i), static_cast<int32_t>(text_.size()));
      const Received request = server.Receive();
      ASSERT_EQ(request.text, text_) << "errno " << request.error;
      ASSERT_EQ(server.SendTo(request.from, "answer"), 0);
      const Received answer = client.Receive();
      EXPECT_EQ(answer.text, "answer");
      EXPECT_EQ(answer.from, service);
    }
  }

  Ring ring_;
  std::optional<sandbox::NetworkNamespace> here_, there_;

 private:
  // Of the sends under way.
  std::string text_ = "through the ring";
  sandbox::KernelAddress to_ = {};
  iovec part_ = {};
  msghdr message_ = {};
};

TEST_F(IoUringTest, ASendThatWaitedForRoomIsStillAnsweredUnderTheServicesName) {
  ClientSocket client(*here_, AF_INET, SOCK_DGRAM);
  SendWithoutRoom(client, At("10.96.7.1:53"));
  ExpectAnswersUnderTheName(client, At("10.96.7.1:53"));
}

// The address that was written the first time is one that an application may dial, too.
class IoUringFrontendTest : public IoUringTest, public ::testing::WithParamInterface<uint8_t> {};

TEST_P(IoUringFrontendTest, ASendThatWaitedForRoomIsNotTranslatedAgain) {
  Apply({ServiceStory("front")
             .ClusterIp("10.96.7.3")
             .LoadBalancerIp("203.0.113.2")
             .Port(8081, kUdp, 8082)
             .Endpoints({"203.0.113.3"})});
  ClientSocket client(*here_, AF_INET, SOCK_DGRAM);
  SendWithoutRoom(client, At("10.96.7.1:53"), GetParam());
  ExpectAnswersUnderTheName(client, At("10.96.7.1:53"));
}

// The thread that has the ring tries, or one that the kernel starts for it.
INSTANTIATE_TEST_SUITE_P(TriedBy, IoUringFrontendTest, ::testing::Values(uint8_t{0}, uint8_t{IOSQE_ASYNC}),
                         [](const auto& param) { return param.param == 0 ? "TheThread" : "AWorker"; });

// Nothing tries again what a thread without a ring sends.
TEST_F(IoUringTest, WithoutARingABackendThatIsItselfAFrontendIsOneAtOnce) {
  Apply({ServiceStory("outer").ClusterIp("10.96.7.2").Port(53, kUdp, 30080).Endpoints({"10.0.0.1"}),
         ServiceStory("front")
             .ClusterIp("10.96.7.3")
             .LoadBalancerIp("10.0.0.1")
             .Port(30080, kUdp, 8081)
             .Endpoints({"10.244.1.1"})});
  std::thread([this] {
    const ClientSocket client = HostSocket(AF_INET, SOCK_DGRAM);
    for (const auto& [dialled, backend] :
         {std::pair("10.96.7.2:53", "10.0.0.1:30080"), std::pair("10.0.0.1:30080", "10.244.1.1:8081")}) {
      ASSERT_EQ(client.SendTo(At(dialled), "hello"), 0);
      const Received answer = client.Receive();
      EXPECT_EQ(answer.text, absl::StrCat(backend, " hello"));
      EXPECT_EQ(answer.from, At(dialled));
    }
  }).join();
}

}  // namespace
}  // namespace shunt::kernel_test
