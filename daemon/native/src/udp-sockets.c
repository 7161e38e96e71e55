// SPDX-License-Identifier: Apache-2.0
#include "udp-sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "address.h"

enum { MOST_EVENTS = 64, MOST_PER_LISTENER = 64 };
/* Beside the descriptor in what epoll tells of a listener. */
static const uint64_t IS_LISTENER = UINT64_C(1) << 32;

static struct failure open_socket(int family, int *fd) {
  *fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  return *fd < 0 ? failed(errno, "socket") : done();
}

/* Closes what could not be made. */
static struct failure give_up(int fd, const char *syscall) {
  const struct failure failure = failed(errno, syscall);
  close(fd);
  return failure;
}

static bool add_to(int set, int fd, uint64_t kind) {
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)fd | kind};
  return epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0;
}

struct failure udp_listen(int set, const struct sockaddr_storage *at, int receive_buffer_bytes, int *listener, uint16_t *port) {
  int fd;
  const struct failure opened = open_socket(at->ss_family, &fd);
  if (opened.error != 0) return opened;
  const int yes = 1;
  struct sockaddr_storage bound;
  socklen_t length = sizeof(bound);
  /* Never SO_REUSEADDR: over UDP it lets a second process take the packets of the first, unseen by both. */
  if (at->ss_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes)) != 0) return give_up(fd, "setsockopt");
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof(receive_buffer_bytes)) != 0) return give_up(fd, "setsockopt");
  if (bind(fd, (const struct sockaddr *)at, address_length(at)) != 0) return give_up(fd, "bind");
  if (getsockname(fd, (struct sockaddr *)&bound, &length) != 0) return give_up(fd, "getsockname");
  if (!add_to(set, fd, IS_LISTENER)) return give_up(fd, "epoll_ctl");
  *listener = fd;
  *port = address_port(&bound);
  return done();
}

struct failure udp_ask(int set, const struct sockaddr_storage *server, const uint8_t *bytes, size_t length, int *question) {
  int fd;
  const struct failure opened = open_socket(server->ss_family, &fd);
  if (opened.error != 0) return opened;
  if (connect(fd, (const struct sockaddr *)server, address_length(server)) != 0) return give_up(fd, "connect");
  if (!add_to(set, fd, 0)) return give_up(fd, "epoll_ctl");
  if (send(fd, bytes, length, 0) < 0) return give_up(fd, "send");
  *question = fd;
  return done();
}

struct failure udp_reply(int listener, const struct sockaddr_storage *to, const uint8_t *bytes, size_t length) {
  const ssize_t sent = sendto(listener, bytes, length, 0, (const struct sockaddr *)to, address_length(to));
  return sent < 0 ? failed(errno, "sendto") : done();
}

static void write_sender(struct udp_packet *packet, const struct sockaddr_storage *sender) {
  const struct sockaddr_in *in = (const struct sockaddr_in *)sender;
  const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sender;
  packet->port = address_port(sender);
  packet->family = sender->ss_family == AF_INET ? 4 : 6;
  if (sender->ss_family == AF_INET) {
    memcpy(packet->address, &in->sin_addr, 4);
    return;
  }
  memcpy(packet->address, &in6->sin6_addr, 16);
  packet->scope = in6->sin6_scope_id;
}

/* False where nothing is there. */
static bool receive_one(int fd, uint8_t *inbox, struct udp_packet *packet) {
  struct sockaddr_storage sender = {0};
  socklen_t length = sizeof(sender);
  const ssize_t received = recvfrom(fd, inbox, MOST_PACKET_BYTES, 0, (struct sockaddr *)&sender, &length);
  if (received < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  *packet = (struct udp_packet){.socket = fd, .length = received < 0 ? -errno : (int32_t)received};
  if (received >= 0) write_sender(packet, &sender);
  return true;
}

size_t udp_receive(int set, uint8_t *inbox, size_t inbox_bytes, struct udp_packet *packets, size_t most) {
  struct epoll_event events[MOST_EVENTS];
  const int ready = epoll_wait(set, events, MOST_EVENTS, 0);
  size_t count = 0, used = 0;
  for (int i = 0; i < ready; i++) {
    const int fd = (int)(uint32_t)events[i].data.u64;
    /* A question is answered by one packet; to look for another costs a system call. */
    const int bound = events[i].data.u64 & IS_LISTENER ? MOST_PER_LISTENER : 1;
    for (int j = 0; j < bound && count < most && inbox_bytes - used >= MOST_PACKET_BYTES; j++) {
      if (!receive_one(fd, inbox + used, &packets[count])) break;
      if (packets[count].length > 0) used += (size_t)packets[count].length;
      count++;
    }
  }
  return count;
}
