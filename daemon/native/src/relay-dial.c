// SPDX-License-Identifier: Apache-2.0
/*
 * The way to an upstream: connect(2), and a script where a hand-shake is the same for every connection. The script is
 * bytes, compiled by TypeScript, one step after the other, numbers big-endian:
 *
 *     +------------+------+----------+--------+----------+------+
 *     | TIMEOUT MS | KIND | EXPECTED | ANSWER | SAYING   | SAY  |
 *     +------------+------+----------+--------+----------+------+
 *     |     4      |  1   |    2     | EXP.   |    2     | SAY. |
 *     +------------+------+----------+--------+----------+------+
 *
 * KIND 0: the answer has to be exactly those bytes. KIND 1: it has to begin with them, and is a SOCKS5 reply (RFC 1928
 * §6), whose length its own bytes tell. Nothing behind an answer is read: it belongs to the target.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay-internal.h"

enum { STEP_HEAD = 7, KIND_EXACT = 0, KIND_SOCKS5_REPLY = 1, SOCKS5_REPLY_HEAD = 5 };

struct step {
  uint32_t timeout_ms;
  int kind;
  const uint8_t *expected, *saying;
  size_t expected_length, saying_length, total;
};

static size_t read_16(const uint8_t *bytes) { return (size_t)bytes[0] << 8 | bytes[1]; }

static bool read_step(const uint8_t *script, size_t length, size_t offset, struct step *step) {
  if (length - offset < STEP_HEAD) return false;
  const uint8_t *head = script + offset;
  step->timeout_ms = (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 | (uint32_t)head[2] << 8 | head[3];
  step->kind = head[4];
  step->expected_length = read_16(head + 5);
  if (length - offset < STEP_HEAD + step->expected_length + 2) return false;
  step->expected = head + STEP_HEAD;
  step->saying_length = read_16(step->expected + step->expected_length);
  step->saying = step->expected + step->expected_length + 2;
  step->total = STEP_HEAD + step->expected_length + 2 + step->saying_length;
  return length - offset >= step->total && step->kind <= KIND_SOCKS5_REPLY && step->timeout_ms > 0 &&
         step->expected_length > 0 && step->expected_length <= SOCKS5_REPLY_HEAD && step->saying_length > 0;
}

bool relay_script_is_valid(const uint8_t *script, size_t length) {
  struct step step;
  for (size_t offset = 0; offset < length; offset += step.total)
    if (!read_step(script, length, offset, &step)) return false;
  return true;
}

/* A script may hold a password. */
void relay_free_dialing(struct relay *relay) {
  if (relay->dialing == NULL) return;
  explicit_bzero(relay->dialing->script, relay->dialing->script_length);
  free(relay->dialing);
  relay->dialing = NULL;
}

/* False: out of memory. */
bool relay_plan_dial(struct relay *relay, const struct relay_dial *dial) {
  struct dialing *dialing = malloc(sizeof(*dialing) + dial->script_length);
  if (dialing == NULL) return false;
  *dialing = (struct dialing){
      .address = dial->address,
      .connect_ms = dial->connect_ms,
      .step = RELAY_STEP_CONNECT,
      .script_length = dial->script_length,
  };
  if (dial->script_length > 0) memcpy(dialing->script, dial->script, dial->script_length);
  relay->dialing = dialing;
  return true;
}

/* 0, or an errno. */
int relay_begin_dial(struct relay *relay) {
  const struct sockaddr_storage *address = &relay->dialing->address;
  const int on = 1;
  const int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  relay->fd[RELAY_UPSTREAM] = fd;
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  const socklen_t length = address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
  if (connect(fd, (const struct sockaddr *)address, length) != 0 && errno != EINPROGRESS) return errno;
  return 0;
}

static void fail(struct worker *worker, struct relay *relay, int error) {
  relay_end(worker, relay, RELAY_DIAL_FAILED, error);
}

static void set_deadline(struct worker *worker, struct relay *relay, uint64_t ms) {
  relay_unschedule(worker, relay);
  relay->last_tick = worker->tick;
  relay->idle_ticks = relay_ticks(ms);
  relay_schedule(worker, relay);
}

/* Bytes that the answer has as far as is known: a SOCKS5 reply tells when its fifth byte is there. */
static size_t answer_length(const struct dialing *dialing, const struct step *step) {
  if (step->kind == KIND_EXACT) return step->expected_length;
  if (dialing->have < SOCKS5_REPLY_HEAD) return SOCKS5_REPLY_HEAD;
  const uint8_t type = dialing->answer[3];
  return type == 1 ? 4 + 4 + 2 : type == 4 ? 4 + 16 + 2 : type == 3 ? (size_t)4 + 1 + dialing->answer[4] + 2 : 0;
}

/* 1: the answer is whole and as expected, 0: more is needed, -1: the relay has ended. */
static int take_answer(struct worker *worker, struct relay *relay, const struct step *step) {
  struct dialing *dialing = relay->dialing;
  for (;;) {
    const size_t length = answer_length(dialing, step);
    const size_t known = dialing->have < step->expected_length ? dialing->have : step->expected_length;
    if (length == 0 || memcmp(dialing->answer, step->expected, known) != 0) {
      relay_end(worker, relay, RELAY_DIAL_REFUSED, 0);
      return -1;
    }
    if (dialing->have >= length) return 1;
    const ssize_t taken = recv(relay->fd[RELAY_UPSTREAM], dialing->answer + dialing->have, length - dialing->have, 0);
    if (taken < 0 && errno == EINTR) continue;
    if (taken < 0 && errno == EAGAIN) return 0;
    if (taken <= 0) {
      fail(worker, relay, taken == 0 ? 0 : errno);
      return -1;
    }
    dialing->have += (uint16_t)taken;
  }
}

static void begin_relaying(struct worker *worker, struct relay *relay) {
  relay_free_dialing(relay);
  set_deadline(worker, relay, relay->idle_ms);
  relay_pump(worker, relay);
}

void relay_go_on_dialing(struct worker *worker, struct relay *relay, uint32_t events) {
  struct dialing *dialing = relay->dialing;
  if (dialing->step == RELAY_STEP_CONNECT) {
    if (events & (EPOLLERR | EPOLLHUP)) {
      fail(worker, relay, relay_socket_error(relay->fd[RELAY_UPSTREAM]));
      return;
    }
    if (!(events & EPOLLOUT)) return;
    dialing->step = 0;
  }
  struct step step;
  while (read_step(dialing->script, dialing->script_length, dialing->offset, &step)) {
    if (!dialing->said) {
      dialing->said = true;
      set_deadline(worker, relay, step.timeout_ms);
      /* What is said is short, and the socket's buffer is empty. */
      if (send(relay->fd[RELAY_UPSTREAM], step.saying, step.saying_length, MSG_NOSIGNAL) != (ssize_t)step.saying_length) {
        fail(worker, relay, errno);
        return;
      }
    }
    if (take_answer(worker, relay, &step) <= 0) return;
    dialing->offset += step.total;
    dialing->step++;
    dialing->said = false;
    dialing->have = 0;
  }
  begin_relaying(worker, relay);
}
