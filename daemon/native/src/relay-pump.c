// SPDX-License-Identifier: Apache-2.0
/*
 * A direction moves bytes in one of two ways. Small messages: recv(2) into a buffer of the thread, send(2); a short read
 * means that the socket is drained, so a request costs three system calls with epoll_wait(2). Bulk: once a read fills the
 * buffer, splice(2) through a pipe, and the payload never enters user space; that lasts until a burst is short. Pipes
 * come from a pool and are held only while bytes are in flight: an idle relay has two descriptors and no buffer.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay-internal.h"

static bool take_pipe(struct worker *worker, struct pipe_pair *pair) {
  if (worker->pooled > 0) {
    *pair = worker->pool[--worker->pooled];
    return true;
  }
  int ends[2];
  if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return false;
  /* Where the size is refused the pipe keeps its default of 64 KiB, and works. */
  const bool large = worker->large_pipes < LARGE_PIPES && fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES) >= 0;
  if (large) worker->large_pipes++;
  *pair = (struct pipe_pair){.read_end = ends[0], .write_end = ends[1], .large = large};
  return true;
}

static void close_pipe(struct worker *worker, struct pipe_pair pair) {
  if (pair.large) worker->large_pipes--;
  close(pair.read_end);
  close(pair.write_end);
}

/* Only an empty pipe may serve another relay. */
static void give_pipe_back(struct worker *worker, struct direction *direction) {
  if (direction->pipe.read_end < 0) return;
  if (direction->piped == 0 && worker->pooled < POOLED_PIPES) worker->pool[worker->pooled++] = direction->pipe;
  else close_pipe(worker, direction->pipe);
  direction->pipe.read_end = -1;
  direction->piped = 0;
}

void relay_reset_on_close(int fd) {
  const struct linger linger = {.l_onoff = 1, .l_linger = 0};
  (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

void relay_reset(int fd) {
  relay_reset_on_close(fd);
  close(fd);
}

/* Frees nothing yet: events of this batch may still name the relay. */
void relay_end(struct worker *worker, struct relay *relay, enum relay_end end, int error) {
  if (relay->dead) return;
  relay->dead = true;
  relay_unschedule(worker, relay);
  struct relay_result result = {
      .id = relay->id,
      .bytes = {relay->from[0].moved, relay->from[1].moved},
      .end = end,
      .error = error,
      .returned_fd = -1,
  };
  if (end >= RELAY_DIAL_FAILED) {
    const struct dialing *dialing = relay->dialing;
    result.step = dialing->step;
    result.answer_length = dialing->have < RELAY_ANSWER_BYTES ? dialing->have : RELAY_ANSWER_BYTES;
    memcpy(result.answer, dialing->answer, result.answer_length);
    (void)epoll_ctl(worker->epoll_fd, EPOLL_CTL_DEL, relay->fd[RELAY_DOWNSTREAM], NULL);
    result.returned_fd = relay->fd[RELAY_DOWNSTREAM];
    relay->fd[RELAY_DOWNSTREAM] = -1;
  }
  for (int side = 0; side < 2; side++) {
    give_pipe_back(worker, &relay->from[side]);
    free(relay->from[side].held.bytes);
    if (relay->fd[side] < 0) continue;
    if (end != RELAY_CLOSED) relay_reset_on_close(relay->fd[side]);
    close(relay->fd[side]);
  }
  relay_free_dialing(relay);
  worker->relays--;
  relay_report(worker, &result);
  if (!relay->queued) { /* else it is freed when its turn in the ready list comes */
    relay->next_ready = worker->dead;
    worker->dead = relay;
  }
}

static enum relay_end lost(int side) {
  return side == RELAY_DOWNSTREAM ? RELAY_DOWNSTREAM_LOST : RELAY_UPSTREAM_LOST;
}

static void keep_alive(int fd) {
  const int on = 1, idle = KEEPALIVE_S;
  (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
  (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &idle, sizeof(idle));
}

/* The upstream in any case, for the network between may forget it; the client while the connection is half-closed. */
void relay_settle(struct relay *relay) {
  if (relay->settled) return;
  relay->settled = true;
  keep_alive(relay->fd[RELAY_UPSTREAM]);
  if (relay->from[0].shut || relay->from[1].shut) keep_alive(relay->fd[RELAY_DOWNSTREAM]);
}

/* What a step did: go on, wait for an event, or the relay is gone. */
enum step { STEP_MOVED, STEP_WAIT, STEP_ENDED };

static enum step after_error(struct worker *worker, struct relay *relay, int side) {
  relay_end(worker, relay, lost(side), errno);
  return STEP_ENDED;
}

static enum step send_held(struct worker *worker, struct relay *relay, int side) {
  struct direction *direction = &relay->from[side];
  const size_t left = direction->held.length - direction->held_offset;
  const ssize_t sent =
      send(relay->fd[1 - side], direction->held.bytes + direction->held_offset, left, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0) {
    if (errno == EINTR) return STEP_MOVED;
    if (errno != EAGAIN) return after_error(worker, relay, 1 - side);
    direction->writable = false;
    return STEP_WAIT;
  }
  direction->moved += (uint64_t)sent;
  direction->held_offset += (size_t)sent;
  if (direction->held_offset == direction->held.length) {
    free(direction->held.bytes);
    direction->held = (struct relay_prefix){NULL, 0};
    direction->held_offset = 0;
  }
  return STEP_MOVED;
}

static enum step empty_pipe(struct worker *worker, struct relay *relay, int side) {
  struct direction *direction = &relay->from[side];
  const ssize_t moved = splice(direction->pipe.read_end, NULL, relay->fd[1 - side], NULL, direction->piped,
                               SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (moved <= 0) {
    if (moved < 0 && errno == EINTR) return STEP_MOVED;
    if (moved == 0 || errno != EAGAIN) return after_error(worker, relay, 1 - side);
    direction->writable = false;
    return STEP_WAIT;
  }
  direction->piped -= (size_t)moved;
  direction->moved += (uint64_t)moved;
  return STEP_MOVED;
}

static enum step fill_pipe(struct worker *worker, struct relay *relay, int side) {
  struct direction *direction = &relay->from[side];
  if (direction->pipe.read_end < 0 && !take_pipe(worker, &direction->pipe)) {
    direction->bulk = false;
    return STEP_MOVED;
  }
  const ssize_t taken = splice(relay->fd[side], NULL, direction->pipe.write_end, NULL, PIPE_BYTES,
                               SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (taken > 0) {
    direction->piped += (size_t)taken;
    direction->burst += (size_t)taken;
    return STEP_MOVED;
  }
  if (taken == 0) {
    direction->ended = true;
    direction->readable = false;
  } else if (errno == EAGAIN) {
    direction->readable = false;
  } else if (errno != EINTR) {
    return after_error(worker, relay, side);
  } else {
    return STEP_MOVED;
  }
  direction->bulk = direction->burst > BUFFER_BYTES;
  direction->burst = 0;
  give_pipe_back(worker, direction);
  return direction->ended ? STEP_MOVED : STEP_WAIT;
}

/* Keeps what the sink did not take. */
static bool hold(struct worker *worker, struct direction *direction, size_t offset, size_t length) {
  uint8_t *bytes = malloc(length - offset);
  if (bytes == NULL) return false;
  memcpy(bytes, worker->buffer + offset, length - offset);
  direction->held = (struct relay_prefix){bytes, length - offset};
  direction->held_offset = 0;
  return true;
}

static enum step copy_small(struct worker *worker, struct relay *relay, int side) {
  struct direction *direction = &relay->from[side];
  const ssize_t taken = recv(relay->fd[side], worker->buffer, BUFFER_BYTES, MSG_DONTWAIT);
  if (taken <= 0) {
    if (taken == 0) {
      direction->ended = true;
      direction->readable = false;
      return STEP_MOVED;
    }
    if (errno == EINTR) return STEP_MOVED;
    if (errno != EAGAIN) return after_error(worker, relay, side);
    direction->readable = false;
    return STEP_WAIT;
  }
  /* A full buffer promises more; a short read means drained, and the next byte or FIN is a new edge. */
  if (taken == BUFFER_BYTES) direction->bulk = true;
  else if (!direction->hung_up) direction->readable = false;
  const ssize_t sent = send(relay->fd[1 - side], worker->buffer, (size_t)taken, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) return after_error(worker, relay, 1 - side);
  if (sent > 0) direction->moved += (uint64_t)sent;
  const size_t done = sent > 0 ? (size_t)sent : 0;
  if (done < (size_t)taken && !hold(worker, direction, done, (size_t)taken)) {
    errno = ENOMEM;
    return after_error(worker, relay, side);
  }
  return STEP_MOVED;
}

/* Where the other side has ended as well, the close that follows says it. */
static void pass_end_on(struct worker *worker, struct relay *relay, int side) {
  relay->from[side].shut = true;
  if (relay->from[1 - side].shut) return;
  (void)shutdown(relay->fd[1 - side], SHUT_WR);
  relay->settled = false;
  relay_unschedule(worker, relay);
  relay_schedule(worker, relay);
}

static enum step move_some(struct worker *worker, struct relay *relay, int side) {
  struct direction *direction = &relay->from[side];
  if (direction->held.bytes != NULL) return direction->writable ? send_held(worker, relay, side) : STEP_WAIT;
  if (direction->piped > 0) return direction->writable ? empty_pipe(worker, relay, side) : STEP_WAIT;
  if (direction->ended) {
    if (!direction->shut) pass_end_on(worker, relay, side);
    return STEP_WAIT;
  }
  if (!direction->readable) return STEP_WAIT;
  return direction->bulk ? fill_pipe(worker, relay, side) : copy_small(worker, relay, side);
}

static void queue_ready(struct worker *worker, struct relay *relay) {
  if (relay->queued || relay->dead) return;
  relay->queued = true;
  relay->next_ready = worker->ready;
  worker->ready = relay;
}

/* Moves what can be moved, up to a turn's worth. */
void relay_pump(struct worker *worker, struct relay *relay) {
  const uint64_t before = relay->from[0].moved + relay->from[1].moved;
  for (int side = 0; side < 2; side++) {
    const uint64_t limit = relay->from[side].moved + TURN_BYTES;
    enum step step;
    do {
      step = move_some(worker, relay, side);
      if (step == STEP_ENDED) return;
    } while (step == STEP_MOVED && relay->from[side].moved < limit);
    if (step == STEP_MOVED) queue_ready(worker, relay);
  }
  if (relay->from[0].moved + relay->from[1].moved != before) relay->last_tick = worker->tick;
  if (relay->from[0].shut && relay->from[1].shut) relay_end(worker, relay, RELAY_CLOSED, 0);
}

/* The wheel came to a relay that waited for too long. */
void relay_expire(struct worker *worker, struct relay *relay) {
  relay_end(worker, relay, relay->dialing == NULL ? RELAY_IDLE : RELAY_DIAL_TIMEOUT, 0);
}

int relay_socket_error(int fd) {
  int error = 0;
  socklen_t length = sizeof(error);
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
  return error;
}

void relay_handle_event(struct worker *worker, struct relay *relay, int side, uint32_t events) {
  if (relay->dead) return;
  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) relay->from[side].readable = true;
  if (events & (EPOLLRDHUP | EPOLLHUP)) relay->from[side].hung_up = true;
  if (events & EPOLLOUT) relay->from[1 - side].writable = true;
  if (relay->dialing != NULL && side == RELAY_UPSTREAM) {
    relay_go_on_dialing(worker, relay, events);
    return;
  }
  if (events & EPOLLERR) {
    const int error = relay_socket_error(relay->fd[side]);
    if (error != 0) {
      relay_end(worker, relay, lost(side), error);
      return;
    }
  }
  if (relay->dialing == NULL) relay_pump(worker, relay);
}

void relay_close_pool(struct worker *worker) {
  while (worker->pooled > 0) close_pipe(worker, worker->pool[--worker->pooled]);
}
