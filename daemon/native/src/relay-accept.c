// SPDX-License-Identifier: Apache-2.0
/* Listeners of the engine: a redirected connection is accepted with its peer and original destination in one go. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "original-destination.h"
#include "relay-internal.h"

static int open_spare(void) { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

void relay_watch_listener(struct worker *worker, int fd) {
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)fd << 1 | 1};
  if (worker->listening == LISTENERS || worker->deaf || epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
    close(fd);
    return;
  }
  if (worker->listening == 0) worker->spare_fd = open_spare();
  worker->listeners[worker->listening++] = fd;
}

void relay_close_listeners(struct worker *worker) {
  while (worker->listening > 0) close(worker->listeners[--worker->listening]);
  if (worker->spare_fd >= 0) close(worker->spare_fd);
  worker->spare_fd = -1;
}

/* No descriptor is left: the client is told at once, instead of waiting in the backlog for nobody. */
static bool refuse_one(struct worker *worker, int listener, struct relay_accepted *accepted) {
  if (worker->spare_fd < 0) return false;
  close(worker->spare_fd);
  socklen_t length = sizeof(accepted->peer);
  const int fd = accept4(listener, (struct sockaddr *)&accepted->peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) relay_reset(fd);
  worker->spare_fd = open_spare();
  return fd >= 0;
}

void relay_accept(struct worker *worker, int listener) {
  for (int i = 0; i < ACCEPT_TURN; i++) {
    struct relay_accepted accepted;
    memset(&accepted, 0, sizeof(accepted));
    socklen_t length = sizeof(accepted.peer);
    accepted.fd = accept4(listener, (struct sockaddr *)&accepted.peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted.fd < 0) {
      if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO) continue;
      if (errno == EAGAIN) return;
      accepted.error = errno;
      if (!refuse_one(worker, listener, &accepted)) return;
    } else {
      accepted.error = read_original_destination_from(accepted.fd, &accepted.peer, &accepted.destination).error;
    }
    if (!relay_report_accepted(worker, &accepted) && accepted.fd >= 0) relay_reset(accepted.fd);
  }
}
