// SPDX-License-Identifier: Apache-2.0
/*
 * Slots, deadlines and turns. Sockets are registered once, edge-triggered: no epoll_ctl(2) per event. What an event names is a
 * slot, and nothing adopts one while events are handled, so that one that was closed meanwhile is known by its descriptor.
 */
#include "http-engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "http-internal.h"

static uint64_t now_tick(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return ((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000) / HTTP_TICK_MS;
}

/* One more: the last byte may have come at the very end of its tick. */
uint64_t http_ticks(double ms) { return ms > 0 ? (uint64_t)(ms + HTTP_TICK_MS - 1) / HTTP_TICK_MS + 1 : 1; }

void http_set_deadline(struct http_engine *engine, const struct http_leg *leg, uint64_t ticks) {
  engine->deadlines[leg->slot] = ticks == 0 ? 0 : engine->tick + ticks;
}

void http_tell(struct http_engine *engine, enum http_row kind, const struct http_leg *leg, double a, double b, double c, double d) {
  double *row = engine->memory.rows + 1 + engine->rows++ * HTTP_ROW_NUMBERS;
  row[0] = kind;
  row[1] = leg->slot;
  row[2] = a;
  row[3] = b;
  row[4] = c;
  row[5] = d;
}

void http_queue(struct http_engine *engine, struct http_leg *leg) {
  if (leg->queued) return;
  leg->queued = true;
  leg->next_queued = NULL;
  *engine->last_queued = leg;
  engine->last_queued = &leg->next_queued;
}

/* Forgets a leg but for its socket. The lists of the engine may still name the slot. */
static void free_leg(struct http_engine *engine, struct http_leg *leg) {
  http_unpair(leg);
  http_forget(&leg->in);
  http_forget(&leg->out);
  leg->fd = -1;
  engine->deadlines[leg->slot] = 0;
  engine->free_slots[engine->free_count++] = leg->slot;
}

void http_close_leg(struct http_engine *engine, struct http_leg *leg, bool reset) {
  if (leg->side == HTTP_DOWNSTREAM) http_tell(engine, HTTP_GONE, leg, (double)leg->read_bytes, (double)leg->written_bytes, 0, 0);
  if (reset) {
    const struct linger linger = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(leg->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
  }
  close(leg->fd);
  if (leg->side == HTTP_UPSTREAM && leg->peer != NULL) {
    leg->peer->state = LEG_HELD;
    engine->deadlines[leg->peer->slot] = 0;
  }
  free_leg(engine, leg);
}

struct http_engine *http_engine_open(const struct http_memory *memory, const struct http_limits *limits) {
  struct http_engine *engine = calloc(1, sizeof(*engine));
  if (engine == NULL) return NULL;
  engine->memory = *memory;
  engine->inbox = memory->inbox;
  engine->header_ticks = http_ticks((double)limits->header_ms);
  engine->keep_alive_ticks = http_ticks((double)limits->keep_alive_ms);
  engine->last_queued = &engine->first_queued;
  engine->tick = now_tick();
  engine->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (engine->epoll_fd >= 0) return engine;
  const int error = errno;
  free(engine);
  errno = error;
  return NULL;
}

int http_engine_descriptor(const struct http_engine *engine) { return engine->epoll_fd; }

static bool grow_array(void **array, size_t count, size_t size) {
  void *grown = realloc(*array, count * size);
  if (grown != NULL) *array = grown;
  return grown != NULL;
}

/* A slot that nobody has; NULL: out of memory. */
static struct http_leg *take_slot(struct http_engine *engine) {
  if (engine->free_count > 0) return engine->legs[engine->free_slots[--engine->free_count]];
  const uint32_t slots = engine->slots;
  if (slots % 256 == 0) {
    const size_t room = (size_t)slots + 256;
    if (!grow_array((void **)&engine->legs, room, sizeof(*engine->legs)) ||
        !grow_array((void **)&engine->deadlines, room, sizeof(*engine->deadlines)) ||
        !grow_array((void **)&engine->free_slots, room, sizeof(*engine->free_slots)) ||
        !grow_array((void **)&engine->borrowers, room, sizeof(*engine->borrowers)))
      return NULL;
  }
  struct http_leg *leg = calloc(1, sizeof(*leg));
  if (leg == NULL) return NULL;
  leg->slot = slots;
  engine->legs[slots] = leg;
  engine->slots++;
  return leg;
}

int http_engine_adopt(struct http_engine *engine, int fd, enum http_side side) {
  struct http_leg *leg = take_slot(engine);
  if (leg == NULL) return -ENOMEM;
  const struct http_leg fresh = {
      .fd = fd,
      .slot = leg->slot,
      .key = ++engine->adopted,
      .side = (uint8_t)side,
      .state = side == HTTP_DOWNSTREAM ? LEG_AWAITS_HEAD : LEG_RESTS,
      .readable = true,
      .writable = true,
      .borrows = leg->borrows,
      .queued = leg->queued,
      .next_queued = leg->next_queued,
  };
  *leg = fresh;
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.u32 = leg->slot};
  if (epoll_ctl(engine->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
    const int error = errno;
    free_leg(engine, leg);
    return -error;
  }
  http_set_deadline(engine, leg, side == HTTP_DOWNSTREAM ? engine->header_ticks : 0);
  return (int)leg->slot;
}

uint64_t http_engine_key(const struct http_engine *engine, uint32_t slot) {
  return slot < engine->slots && engine->legs[slot]->fd >= 0 ? engine->legs[slot]->key : 0;
}

bool http_engine_release(struct http_engine *engine, uint32_t slot, struct http_released *released) {
  struct http_leg *leg = slot < engine->slots ? engine->legs[slot] : NULL;
  if (leg == NULL || leg->fd < 0 || leg->side != HTTP_DOWNSTREAM || leg->flowing || leg->out.length > 0) return false;
  /* One that broke behind its head is released as well: whoever gets it finds that out. */
  if (leg->state != LEG_HELD && leg->state != LEG_AWAITS_HEAD && leg->state != LEG_BROKEN) return false;
  if (!http_keep(&leg->in, NULL, 0)) return false;
  released->fd = leg->fd;
  released->rest_length = leg->in.length;
  released->rest = NULL;
  if (leg->in.length > 0) {
    memmove(leg->in.owned, leg->in.at, leg->in.length);
    released->rest = leg->in.owned;
    memset(&leg->in, 0, sizeof(leg->in));
  }
  released->read_bytes = leg->read_bytes - released->rest_length;
  released->written_bytes = leg->written_bytes;
  (void)epoll_ctl(engine->epoll_fd, EPOLL_CTL_DEL, leg->fd, NULL);
  free_leg(engine, leg);
  return true;
}

size_t http_inbox_room(const struct http_engine *engine) { return engine->memory.inbox_bytes / 2 - engine->inbox_used; }

/* What a leg has to be read is in the inbox: it is looked at before that is used for something else. */
void http_borrow(struct http_engine *engine, struct http_leg *leg) {
  if (leg->borrows) return;
  leg->borrows = true;
  engine->borrowers[engine->borrowing++] = leg->slot;
}

static bool is_in_inbox(const struct http_engine *engine, const uint8_t *at) {
  return at >= engine->inbox && at < engine->inbox + engine->memory.inbox_bytes / 2;
}

static uint8_t *other_half(const struct http_engine *engine) {
  uint8_t *first = engine->memory.inbox;
  return engine->inbox == first ? first + engine->memory.inbox_bytes / 2 : first;
}

static void turn_inbox(struct http_engine *engine) {
  engine->inbox = other_half(engine);
  engine->inbox_used = engine->fed_bytes;
  engine->fed_bytes = 0;
}

/* The other half is written to next: what is left of it goes to memory of its own. */
static void empty_other_half(struct http_engine *engine) {
  size_t still = 0;
  for (size_t i = 0; i < engine->borrowing; i++) {
    struct http_leg *leg = engine->legs[engine->borrowers[i]];
    const bool borrows = leg->fd >= 0 && leg->in.length > 0 && leg->in.owned == NULL;
    leg->borrows = borrows && is_in_inbox(engine, leg->in.at);
    if (leg->borrows) engine->borrowers[still++] = leg->slot;
    else if (borrows && !http_keep(&leg->in, NULL, 0)) {
      memset(&leg->in, 0, sizeof(leg->in));
      leg->lost = ENOMEM;
      http_queue(engine, leg);
    }
  }
  engine->borrowing = still;
}

bool http_engine_feed(struct http_engine *engine, uint32_t slot, uint64_t key, const uint8_t *bytes, size_t length, bool is_empty) {
  if (key == 0 || http_engine_key(engine, slot) != key) return false;
  struct http_leg *leg = engine->legs[slot];
  if (leg->side != HTTP_UPSTREAM || leg->lost != 0 || length > HTTP_FED_BYTES || leg->in.length > HTTP_FED_BYTES - length) return false;
  int unread = 0;
  if (!is_empty && (ioctl(leg->fd, FIONREAD, &unread) != 0 || unread > 0)) return false;
  if (leg->in.length == 0 && engine->fed_bytes + length <= engine->memory.inbox_bytes / 2 - HTTP_ANSWER_HEAD_BYTES - HTTP_READ_BYTES) {
    /* Where the next turn reads to, and nobody's since the last one: an answer that is read there takes no memory of its own. */
    leg->in = (struct http_bytes){.at = other_half(engine) + engine->fed_bytes, .length = length};
    memcpy(leg->in.at, bytes, length);
    engine->fed_bytes += length;
    http_borrow(engine, leg);
  } else if (!http_keep(&leg->in, bytes, length)) {
    return false;
  }
  http_queue(engine, leg);
  return true;
}

/* What commands tell always has room: events wait for the next turn before that is used up. */
bool http_has_room(const struct http_engine *engine) { return engine->rows < engine->memory.most_rows / HTTP_EVENT_SHARE; }

static void expire_late(struct http_engine *engine) {
  for (uint32_t slot = 0; slot < engine->slots; slot++) {
    const uint64_t deadline = engine->deadlines[slot];
    if (deadline == 0 || deadline > engine->tick) continue;
    if (!http_has_room(engine)) return;
    http_expire(engine, engine->legs[slot]);
  }
}

static void advance_queued(struct http_engine *engine) {
  struct http_leg *leg = engine->first_queued;
  engine->first_queued = NULL;
  engine->last_queued = &engine->first_queued;
  while (leg != NULL) {
    struct http_leg *next = leg->next_queued;
    leg->queued = false;
    if (leg->fd >= 0) http_advance(engine, leg);
    leg = next;
  }
}

static void handle_event(struct http_engine *engine, struct http_leg *leg, uint32_t events) {
  if (leg->fd < 0) return;
  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) leg->readable = true;
  if (events & (EPOLLRDHUP | EPOLLHUP)) leg->hung_up = true;
  if (events & EPOLLOUT) leg->writable = true;
  if (leg->side == HTTP_DOWNSTREAM && (events & (EPOLLERR | EPOLLHUP)) && leg->state != LEG_LINGERS) {
    /* Both directions are over: by a reset, for we did not end ours. */
    const int error = http_socket_error(leg->fd);
    leg->lost = error != 0 ? error : ECONNRESET;
  }
  http_advance(engine, leg);
}

size_t http_engine_turn(struct http_engine *engine, size_t commands, bool expires) {
  struct epoll_event events[HTTP_EVENTS];
  engine->rows = 0;
  engine->tick = now_tick();
  if (commands > engine->memory.most_commands) commands = engine->memory.most_commands;
  turn_inbox(engine);
  for (size_t i = 0; i < commands; i++) http_run_command(engine, engine->memory.commands + i * HTTP_COMMAND_NUMBERS);
  empty_other_half(engine);
  advance_queued(engine);
  const int count = http_has_room(engine) ? epoll_wait(engine->epoll_fd, events, HTTP_EVENTS, 0) : 0;
  for (int i = 0; i < count; i++) handle_event(engine, engine->legs[events[i].data.u32], events[i].events);
  if (expires && count < HTTP_EVENTS) expire_late(engine);
  engine->memory.rows[0] = engine->first_queued != NULL || count == HTTP_EVENTS || !http_has_room(engine);
  return engine->rows;
}

void http_engine_close(struct http_engine *engine) {
  for (uint32_t slot = 0; slot < engine->slots; slot++) {
    engine->rows = 0;
    if (engine->legs[slot]->fd >= 0) http_close_leg(engine, engine->legs[slot], true);
    free(engine->legs[slot]);
  }
  close(engine->epoll_fd);
  free(engine->legs);
  free(engine->deadlines);
  free(engine->free_slots);
  free(engine->borrowers);
  free(engine);
}
