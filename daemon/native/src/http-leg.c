// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "http-internal.h"

enum { JOINED_BYTES = 4096 };

/* As recv(2), and notes what it means: a short read means drained, unless an end is queued behind it. */
ssize_t http_receive(struct http_leg *leg, uint8_t *bytes, size_t room) {
  ssize_t got;
  do got = recv(leg->fd, bytes, room, MSG_DONTWAIT);
  while (got < 0 && errno == EINTR);
  if (got > 0) {
    leg->read_bytes += (uint64_t)got;
    if ((size_t)got < room && !leg->hung_up) leg->readable = false;
  } else if (got < 0) {
    if (errno == EAGAIN) leg->readable = false;
    else leg->lost = errno;
  }
  return got;
}

void http_forget(struct http_bytes *bytes) {
  free(bytes->owned);
  memset(bytes, 0, sizeof(*bytes));
}

void http_use(struct http_bytes *bytes, size_t length) {
  bytes->at += length;
  bytes->length -= length;
  if (bytes->length == 0) http_forget(bytes);
}

/* Puts bytes, or none, behind those that are kept, all of them in memory of our own. */
bool http_keep(struct http_bytes *bytes, const uint8_t *more, size_t length) {
  if (length == 0 && (bytes->length == 0 || bytes->owned != NULL)) return true;
  const size_t offset = bytes->owned != NULL ? (size_t)(bytes->at - bytes->owned) : 0;
  if (bytes->owned == NULL || bytes->room - offset - bytes->length < length) {
    const size_t room = (bytes->length + length + 1023) / 1024 * 1024;
    uint8_t *fresh = malloc(room);
    if (fresh == NULL) return false;
    if (bytes->length > 0) memcpy(fresh, bytes->at, bytes->length);
    free(bytes->owned);
    bytes->owned = bytes->at = fresh;
    bytes->room = room;
  }
  if (length > 0) memcpy(bytes->at + bytes->length, more, length);
  bytes->length += length;
  return true;
}

static bool lose(struct http_leg *leg, int error) {
  leg->lost = error;
  return false;
}

/* Writes what waits; false where the socket is lost. */
bool http_flush(struct http_leg *leg) {
  while (leg->out.length > 0 && leg->writable) {
    const ssize_t sent = send(leg->fd, leg->out.at, leg->out.length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno != EAGAIN) return lose(leg, errno);
    if (sent < 0) {
      leg->writable = false;
      return true;
    }
    leg->written_bytes += (uint64_t)sent;
    http_use(&leg->out, (size_t)sent);
  }
  return true;
}

/* To put two short parts together takes less than to have the kernel read them as parts. */
static ssize_t send_parts(int fd, const uint8_t *head, size_t head_length, const uint8_t *body, size_t body_length) {
  uint8_t joined[JOINED_BYTES];
  const size_t length = head_length + body_length;
  if (head_length == 0) return send(fd, body, body_length, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (body_length == 0) return send(fd, head, head_length, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (length <= sizeof(joined)) {
    memcpy(joined, head, head_length);
    memcpy(joined + head_length, body, body_length);
    return send(fd, joined, length, MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  struct iovec parts[2] = {{(void *)(uintptr_t)head, head_length}, {(void *)(uintptr_t)body, body_length}};
  const struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
  return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Writes head and body in one go, and keeps what the kernel does not take; false where the socket is lost. */
bool http_send(struct http_leg *leg, const uint8_t *head, size_t head_length, const uint8_t *body, size_t body_length) {
  size_t done = 0;
  if (leg->out.length == 0 && leg->writable && head_length + body_length > 0) {
    ssize_t sent;
    do sent = send_parts(leg->fd, head, head_length, body, body_length);
    while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno != EAGAIN) return lose(leg, errno);
    if (sent < 0) leg->writable = false;
    else done = (size_t)sent;
    leg->written_bytes += done;
  }
  const size_t head_done = done < head_length ? done : head_length;
  const size_t body_done = done - head_done;
  if (!http_keep(&leg->out, head + head_done, head_length - head_done) ||
      !http_keep(&leg->out, body + body_done, body_length - body_done))
    return lose(leg, ENOMEM);
  return true;
}

int http_socket_error(int fd) {
  int error = 0;
  socklen_t length = sizeof(error);
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
  return error;
}

/*
 * The end of a pair in this process can't send a reset: where its bytes are not all that there were to come, it is closed, and
 * not just shut down for writing.
 */
bool http_was_cut(int fd) {
  int domain = 0;
  socklen_t length = sizeof(domain);
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0 || domain != AF_UNIX) return false;
  struct pollfd ends = {.fd = fd};
  return poll(&ends, 1, 0) > 0 && (ends.revents & POLLHUP) != 0;
}
