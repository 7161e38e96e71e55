// SPDX-License-Identifier: Apache-2.0
/*
 * The floor: what a relay costs that decides nothing. One thread, epoll, SO_ORIGINAL_DST, connect, splice(2) both ways,
 * half-close passed on; no names, no identities, no deadlines, no record. `splice-relay PORT`.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter_ipv4.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIPE_BYTES = 256 * 1024, EVENTS = 256, POOL = 256 };

struct link {
  int fd[2];      /* client, server */
  int pipe[2][2]; /* by source */
  size_t held[2];
  bool ended[2], shut[2], dead;
  struct link *next_dead;
};

static int epoll_fd, pool[POOL][2], pooled;
static struct link *dead;

static bool take_pipe(int ends[2]) {
  if (pooled > 0) {
    pooled--;
    ends[0] = pool[pooled][0];
    ends[1] = pool[pooled][1];
    return true;
  }
  if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return false;
  (void)fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES);
  return true;
}

static void give_pipe(struct link *link, int side) {
  int *ends = link->pipe[side];
  if (ends[0] < 0) return;
  if (link->held[side] == 0 && pooled < POOL) {
    pool[pooled][0] = ends[0];
    pool[pooled++][1] = ends[1];
  } else {
    close(ends[0]);
    close(ends[1]);
  }
  ends[0] = -1;
}

static void end_link(struct link *link) {
  if (link->dead) return;
  link->dead = true;
  for (int side = 0; side < 2; side++) {
    give_pipe(link, side);
    close(link->fd[side]);
  }
  link->next_dead = dead;
  dead = link;
}

/* False where the link is gone. */
static bool move(struct link *link, int side) {
  while (!link->ended[side]) {
    if (link->pipe[side][0] < 0 && !take_pipe(link->pipe[side])) return true;
    if (link->held[side] == 0) {
      const ssize_t taken = splice(link->fd[side], NULL, link->pipe[side][1], NULL, PIPE_BYTES, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
      if (taken < 0 && errno == EAGAIN) {
        give_pipe(link, side);
        return true;
      }
      if (taken < 0) return end_link(link), false;
      if (taken == 0) {
        link->ended[side] = true;
        give_pipe(link, side);
        (void)shutdown(link->fd[1 - side], SHUT_WR);
        if (link->ended[1 - side]) return end_link(link), false;
        return true;
      }
      link->held[side] = (size_t)taken;
    }
    const ssize_t moved = splice(link->pipe[side][0], NULL, link->fd[1 - side], NULL, link->held[side], SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (moved < 0 && errno == EAGAIN) return true;
    if (moved <= 0) return end_link(link), false;
    link->held[side] -= (size_t)moved;
  }
  return true;
}

static int watch(int fd, void *link, int side) {
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.u64 = (uint64_t)(uintptr_t)link | (uint64_t)side};
  return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static void accept_all(int listener) {
  for (;;) {
    const int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client < 0) return;
    const int on = 1;
    struct sockaddr_in target;
    socklen_t length = sizeof(target);
    struct link *link = calloc(1, sizeof(*link));
    const int server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (link == NULL || server < 0 || getsockopt(client, SOL_IP, SO_ORIGINAL_DST, &target, &length) != 0 ||
        (connect(server, (struct sockaddr *)&target, sizeof(target)) != 0 && errno != EINPROGRESS)) {
      close(client);
      if (server >= 0) close(server);
      free(link);
      continue;
    }
    (void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    *link = (struct link){.fd = {client, server}, .pipe = {{-1, -1}, {-1, -1}}};
    if (watch(client, link, 0) != 0 || watch(server, link, 1) != 0) end_link(link);
  }
}

static void handle(struct link *link, int side, uint32_t events) {
  if (link->dead) return;
  if (events & EPOLLERR) {
    end_link(link);
    return;
  }
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) && !move(link, side)) return;
  if (events & EPOLLOUT) (void)move(link, 1 - side);
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  signal(SIGPIPE, SIG_IGN);
  const int on = 1;
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1]))};
  (void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (bind(listener, (const struct sockaddr *)&any, sizeof(any)) != 0 || listen(listener, 4096) != 0) {
    perror("splice-relay");
    return 1;
  }
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event accepting = {.events = EPOLLIN, .data.u64 = 0};
  (void)epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &accepting);
  struct epoll_event events[EVENTS];
  for (;;) {
    const int count = epoll_wait(epoll_fd, events, EVENTS, -1);
    for (int i = 0; i < count; i++) {
      const uint64_t data = events[i].data.u64;
      if (data == 0) accept_all(listener);
      else handle((struct link *)(uintptr_t)(data & ~(uint64_t)1), (int)(data & 1), events[i].events);
    }
    while (dead != NULL) {
      struct link *link = dead;
      dead = link->next_dead;
      free(link);
    }
  }
}
