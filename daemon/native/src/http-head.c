// SPDX-License-Identifier: Apache-2.0
/* Heads of messages: from the socket to the inbox, as soon as they are whole. */
#include <errno.h>
#include <string.h>

#include "http-internal.h"

/* A head can't be read any further. */
static void give_up_head(struct http_engine *engine, struct http_leg *leg, int error, bool odd, enum http_oddity oddity) {
  if (leg->side == HTTP_UPSTREAM) {
    http_fail(engine, leg->peer, HTTP_UPSTREAM, odd && oddity != HTTP_ODD_END ? EPROTO : error);
  } else if (odd) {
    http_tell(engine, HTTP_ODD, leg, oddity, 0, 0, 0);
    leg->state = LEG_HELD;
    http_set_deadline(engine, leg, 0);
  } else {
    http_break_off(engine, leg, HTTP_ENDED, error);
  }
}

static ssize_t receive_head(struct http_engine *engine, struct http_leg *leg) {
  if (leg->in.length > 0) {
    const ssize_t got = http_receive(leg, engine->scratch, HTTP_READ_BYTES);
    if (got > 0 && !http_keep(&leg->in, engine->scratch, (size_t)got)) {
      errno = ENOMEM;
      return -1;
    }
    return got;
  }
  uint8_t *at = engine->inbox + engine->inbox_used;
  const ssize_t got = http_receive(leg, at, HTTP_READ_BYTES);
  if (got <= 0) return got;
  leg->in = (struct http_bytes){.at = at, .length = (size_t)got};
  engine->inbox_used += (size_t)got;
  http_borrow(engine, leg);
  return got;
}

static void tell_head(struct http_engine *engine, struct http_leg *leg, size_t length) {
  const uint8_t *head = leg->in.at;
  if (head < engine->inbox || head >= engine->inbox + engine->inbox_used) {
    memcpy(engine->inbox + engine->inbox_used, head, length);
    head = engine->inbox + engine->inbox_used;
    engine->inbox_used += length;
  }
  const size_t offset = (size_t)(head - engine->memory.inbox);
  http_use(&leg->in, length);
  http_tell(engine, HTTP_HEAD, leg, (double)offset, (double)length, (double)leg->in.length, 0);
  leg->state = LEG_HELD;
  leg->scanned = 0;
  http_set_deadline(engine, leg->side == HTTP_UPSTREAM ? leg->peer : leg, 0);
}

void http_read_head(struct http_engine *engine, struct http_leg *leg) {
  const size_t limit = leg->side == HTTP_DOWNSTREAM ? HTTP_REQUEST_HEAD_BYTES : HTTP_ANSWER_HEAD_BYTES;
  const bool began = leg->in.length > 0;
  if (http_inbox_room(engine) < HTTP_ANSWER_HEAD_BYTES + HTTP_READ_BYTES) {
    http_queue(engine, leg->side == HTTP_DOWNSTREAM ? leg : leg->peer);
    return;
  }
  for (;;) {
    if (leg->in.length > leg->scanned) {
      const long head = http_scan_head(leg->in.at, leg->in.length, leg->side, &leg->scanned);
      const bool long_head = head > (long)limit || (head == HTTP_HEAD_MORE && leg->in.length >= limit);
      if (head == HTTP_HEAD_ODD || long_head) {
        give_up_head(engine, leg, 0, true, long_head ? HTTP_ODD_LENGTH : HTTP_ODD_BYTES);
        return;
      }
      if (head > 0) {
        tell_head(engine, leg, (size_t)head);
        return;
      }
    }
    if (!leg->readable) break;
    const ssize_t got = receive_head(engine, leg);
    if (got > 0) continue;
    if (got < 0 && errno == EAGAIN) break;
    give_up_head(engine, leg, got == 0 ? 0 : errno, leg->in.length > 0, HTTP_ODD_END);
    return;
  }
  if (leg->side == HTTP_DOWNSTREAM && !began && leg->in.length > 0) {
    const uint64_t late = engine->tick + engine->header_ticks;
    if (engine->deadlines[leg->slot] > late) http_set_deadline(engine, leg, engine->header_ticks);
  }
}
