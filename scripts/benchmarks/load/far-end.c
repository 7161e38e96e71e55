// SPDX-License-Identifier: Apache-2.0
/*
 * The far end of every bed: one thread that serves all targets, and a SOCKS5 server (no authentication) that is the same
 * targets behind a hand-shake, so that no second relay takes CPU from the one that is measured. `far-end SOCKS-PORT`.
 *
 *   port 7001   answers each 64 bytes with 64 bytes
 *   port 7002   reads a decimal number and a line feed, sends that many bytes, and ends
 *   port 80     answers each HTTP request head without body with 200 and 64 bytes
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, MESSAGE = 64, ECHO = 7001, SOURCE = 7002, HTTP = 80, ROOM = 2048 };

struct peer {
  int fd;
  int listening; /* port, for a listener */
  int service;   /* port of the target; 0: SOCKS5 request awaited, -1: greeting awaited */
  size_t have;
  uint64_t left;
  char *room;
};

static int epoll_fd;
static char zeros[256 * 1024];
static const char ANSWER[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 64\r\n\r\n"
                             "0123456789012345678901234567890123456789012345678901234567890123";

static void drop(struct peer *peer) {
  close(peer->fd);
  free(peer->room);
  free(peer);
}

static bool answer(struct peer *peer, const void *bytes, size_t length) {
  return send(peer->fd, bytes, length, MSG_NOSIGNAL) == (ssize_t)length;
}

static void consume(struct peer *peer, size_t length) {
  peer->have -= length;
  memmove(peer->room, peer->room + length, peer->have);
}

/* One message of what was read; -1: the peer has to go, 0: more is needed. */
static int serve_one(struct peer *peer) {
  char *room = peer->room;
  if (peer->service == -1) {
    if (peer->have < 2 || peer->have < 2 + (size_t)(uint8_t)room[1]) return 0;
    consume(peer, 2 + (size_t)(uint8_t)room[1]);
    peer->service = 0;
    return answer(peer, "\x05\x00", 2) ? 1 : -1;
  }
  if (peer->service == 0) {
    if (peer->have < 5) return 0;
    const size_t length = room[3] == 1 ? 10 : room[3] == 4 ? 22 : 7 + (size_t)(uint8_t)room[4];
    if (peer->have < length) return 0;
    peer->service = (uint8_t)room[length - 2] << 8 | (uint8_t)room[length - 1];
    consume(peer, length);
    return answer(peer, "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00", 10) ? 1 : -1;
  }
  if (peer->service == SOURCE) {
    char *end = memchr(room, '\n', peer->have);
    if (end == NULL) return 0;
    peer->left = strtoull(room, NULL, 10);
    consume(peer, peer->have);
    return 1;
  }
  if (peer->service == HTTP) {
    char *end = memmem(room, peer->have, "\r\n\r\n", 4);
    if (end == NULL) return peer->have == ROOM ? -1 : 0;
    consume(peer, (size_t)(end - room) + 4);
    return answer(peer, ANSWER, sizeof(ANSWER) - 1) ? 1 : -1;
  }
  if (peer->have < MESSAGE) return 0;
  const bool sent = answer(peer, room, MESSAGE);
  consume(peer, MESSAGE);
  return sent ? 1 : -1;
}

/* False: it is over. */
static bool serve(struct peer *peer, uint32_t events) {
  while (peer->left > 0) {
    const ssize_t sent = send(peer->fd, zeros, peer->left < sizeof(zeros) ? peer->left : sizeof(zeros), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN;
    peer->left -= (uint64_t)sent;
    if (peer->left == 0) (void)shutdown(peer->fd, SHUT_WR);
  }
  if (!(events & ~(uint32_t)EPOLLOUT)) return true;
  for (;;) {
    const ssize_t length = recv(peer->fd, peer->room + peer->have, ROOM - peer->have, 0);
    if (length < 0) return errno == EAGAIN;
    if (length == 0) return false;
    const bool drained = (size_t)length < ROOM - peer->have;
    peer->have += (size_t)length;
    int did;
    while ((did = serve_one(peer)) > 0)
      if (peer->left > 0) return serve(peer, EPOLLOUT);
    if (did < 0) return false;
    if (drained && !(events & EPOLLRDHUP)) return true;
  }
}

static void watch(struct peer *peer, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = peer};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, peer->fd, &event) != 0) drop(peer);
}

static void accept_all(const struct peer *listener) {
  for (;;) {
    const int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    struct peer *peer = calloc(1, sizeof(*peer));
    if (peer == NULL) abort();
    *peer = (struct peer){.fd = fd, .service = listener->service, .room = malloc(ROOM)};
    watch(peer, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
  }
}

static void listen_on(int port, int service) {
  const int on = 1;
  struct peer *peer = calloc(1, sizeof(*peer));
  if (peer == NULL) abort();
  *peer = (struct peer){.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), .listening = port, .service = service};
  const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  (void)setsockopt(peer->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (bind(peer->fd, (const struct sockaddr *)&any, sizeof(any)) != 0 || listen(peer->fd, 4096) != 0) {
    perror("far-end");
    exit(1);
  }
  watch(peer, EPOLLIN);
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  listen_on(atoi(argv[1]), -1);
  listen_on(ECHO, ECHO);
  listen_on(SOURCE, SOURCE);
  listen_on(HTTP, HTTP);
  puts("listening");
  fflush(stdout);
  struct epoll_event events[EVENTS];
  for (;;) {
    const int count = epoll_wait(epoll_fd, events, EVENTS, -1);
    for (int i = 0; i < count; i++) {
      struct peer *peer = events[i].data.ptr;
      if (peer->listening) accept_all(peer);
      else if (!serve(peer, events[i].events)) drop(peer);
    }
  }
}
