// SPDX-License-Identifier: Apache-2.0
/*
 * Each thread has an epoll of its own; a relay stays on one thread for life, so nothing of it is shared. Sockets are
 * registered once, edge-triggered: no epoll_ctl(2) per event.
 */
#include "relay-engine.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "relay-internal.h"

/* What an event is about: 0 the wake-up, an odd number shifted a listener's descriptor, or a relay with its side in bit 1. */
int relay_watch(struct worker *worker, struct relay *relay, int side) {
  struct epoll_event event = {
      .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
      .data.u64 = (uint64_t)(uintptr_t)relay | (uint64_t)side << 1,
  };
  return epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, relay->fd[side], &event);
}

/* Gives a relay to its thread. */
static void take_in(struct worker *worker, struct relay *relay) {
  relay->idle_ticks = relay_ticks(relay->dialing == NULL ? relay->idle_ms : relay->dialing->connect_ms);
  relay->last_tick = worker->tick;
  relay_schedule(worker, relay);
  worker->relays++;
}

static void begin(struct worker *worker, struct relay *relay) {
  if (relay->dialing != NULL) {
    const int error = relay_begin_dial(relay);
    if (error != 0) {
      relay_end(worker, relay, RELAY_DIAL_FAILED, error);
      return;
    }
  }
  if (relay_watch(worker, relay, 0) != 0 || relay_watch(worker, relay, 1) != 0) relay_end(worker, relay, RELAY_CUT, errno);
  else if (relay->dialing == NULL) relay_pump(worker, relay);
}

static void cut_relays(struct worker *worker) {
  for (size_t slot = 0; slot < WHEEL_SLOTS; slot++)
    while (worker->wheel[slot] != NULL) relay_end(worker, worker->wheel[slot], RELAY_CUT, 0);
}

/* False when the thread is to end. */
static bool run_commands(struct worker *worker) {
  pthread_mutex_lock(&worker->lock);
  struct relay *relay = worker->first;
  worker->first = NULL;
  worker->last = &worker->first;
  const bool cut = worker->cut, stop = worker->stop;
  worker->cut = false;
  while (worker->hearing > 0) relay_watch_listener(worker, worker->heard[--worker->hearing]);
  if (worker->deaf || stop) relay_close_listeners(worker);
  pthread_mutex_unlock(&worker->lock);
  while (relay != NULL) {
    struct relay *next = relay->next_ready;
    take_in(worker, relay);
    if (!stop) begin(worker, relay);
    relay = next;
  }
  if (cut || stop) cut_relays(worker);
  return !stop;
}

static void run_ready(struct worker *worker) {
  struct relay *relay = worker->ready;
  worker->ready = NULL;
  while (relay != NULL) {
    struct relay *next = relay->next_ready;
    relay->queued = false;
    if (relay->dead) {
      relay->next_ready = worker->dead;
      worker->dead = relay;
    } else {
      relay_pump(worker, relay);
    }
    relay = next;
  }
}

static void free_dead(struct worker *worker) {
  while (worker->dead != NULL) {
    struct relay *relay = worker->dead;
    worker->dead = relay->next_ready;
    free(relay);
  }
}

static void *run(void *argument) {
  struct worker *worker = argument;
  /* splice(2) knows no MSG_NOSIGNAL: SIGPIPE stays pending here for good, whatever the host does with it. */
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, NULL);
  struct epoll_event events[EVENTS];
  bool going = true;
  while (going) {
    const int timeout = worker->ready != NULL ? 0 : worker->relays > 0 ? TICK_MS : -1;
    const int count = epoll_wait(worker->epoll_fd, events, EVENTS, timeout);
    relay_turn_wheel(worker);
    bool commands = false;
    for (int i = 0; i < count; i++) {
      const uint64_t data = events[i].data.u64;
      if (data == 0) commands = true;
      else if (data & 1) relay_accept(worker, (int)(data >> 1));
      else relay_handle_event(worker, (struct relay *)(uintptr_t)(data & ~(uint64_t)2), (int)(data >> 1 & 1), events[i].events);
    }
    /* After the events of this batch: they may name listeners that a command closes. */
    if (commands) going = run_commands(worker);
    run_ready(worker);
    free_dead(worker);
    if (worker->announce) {
      worker->announce = false;
      worker->engine->on_results(worker->engine->context);
    }
  }
  run_ready(worker); /* those that were cut while they waited for their turn */
  free_dead(worker);
  relay_close_pool(worker);
  return NULL;
}

static void wake(struct worker *worker) {
  const uint64_t one = 1;
  (void)!write(worker->wake_fd, &one, sizeof(one));
}

static bool start_worker(struct relay_engine *engine, struct worker *worker) {
  worker->engine = engine;
  worker->last = &worker->first;
  worker->spare_fd = -1;
  worker->tick = relay_now_tick();
  pthread_mutex_init(&worker->lock, NULL);
  worker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  worker->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  /* Each write is an edge: nobody has to read it. */
  struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = 0};
  if (worker->epoll_fd >= 0 && worker->wake_fd >= 0 &&
      epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, worker->wake_fd, &event) == 0) {
    const int error = pthread_create(&worker->thread, NULL, run, worker);
    if (error == 0) {
      (void)pthread_setname_np(worker->thread, "leat relay");
      return true;
    }
    errno = error;
  }
  const int error = errno;
  if (worker->epoll_fd >= 0) close(worker->epoll_fd);
  if (worker->wake_fd >= 0) close(worker->wake_fd);
  pthread_mutex_destroy(&worker->lock);
  errno = error;
  return false;
}

struct relay_engine *relay_engine_start(unsigned threads, void (*on_results)(void *context), void *context) {
  struct relay_engine *engine = calloc(1, sizeof(*engine));
  if (engine == NULL) return NULL;
  engine->on_results = on_results;
  engine->context = context;
  pthread_mutex_init(&engine->lock, NULL);
  engine->workers = calloc(threads, sizeof(*engine->workers));
  while (engine->workers != NULL && engine->count < threads && start_worker(engine, &engine->workers[engine->count]))
    engine->count++;
  if (engine->workers != NULL && engine->count == threads) return engine;
  const int error = errno;
  relay_engine_stop(engine);
  errno = error;
  return NULL;
}

static struct relay *create_relay(const struct relay_request *request) {
  struct relay *relay = calloc(1, sizeof(*relay));
  if (relay == NULL) return NULL;
  relay->id = request->id;
  relay->idle_ms = request->idle_ms;
  for (int side = 0; side < 2; side++) {
    relay->fd[side] = request->fd[side];
    relay->from[side].pipe.read_end = -1;
    relay->from[side].readable = true;
    relay->from[side].writable = true;
    relay->from[side].held = request->prefix[side];
  }
  if (request->dial == NULL || relay_plan_dial(relay, request->dial)) return relay;
  free(relay);
  return NULL;
}

static void refuse(struct relay_engine *engine, const struct relay_request *request, int error) {
  for (int side = 0; side < 2; side++) {
    if (request->fd[side] >= 0) relay_reset(request->fd[side]);
    free(request->prefix[side].bytes);
  }
  const struct relay_result result = {.id = request->id, .end = RELAY_CUT, .error = error, .returned_fd = -1};
  if (relay_queue_result(engine, &result)) engine->on_results(engine->context);
}

void relay_engine_add(struct relay_engine *engine, const struct relay_request *request) {
  if (request->dial != NULL && !relay_script_is_valid(request->dial->script, request->dial->script_length)) {
    refuse(engine, request, EINVAL);
    return;
  }
  struct relay *relay = create_relay(request);
  if (relay == NULL) {
    refuse(engine, request, ENOMEM);
    return;
  }
  struct worker *worker = &engine->workers[engine->next++ % engine->count];
  pthread_mutex_lock(&worker->lock);
  *worker->last = relay;
  worker->last = &relay->next_ready;
  pthread_mutex_unlock(&worker->lock);
  worker->unflushed = true;
}

void relay_engine_flush(struct relay_engine *engine) {
  for (unsigned i = 0; i < engine->count; i++) {
    if (!engine->workers[i].unflushed) continue;
    engine->workers[i].unflushed = false;
    wake(&engine->workers[i]);
  }
}

int relay_engine_listen(struct relay_engine *engine, const struct sockaddr *address, socklen_t length, int backlog) {
  const int on = 1;
  struct worker *worker = &engine->workers[0];
  struct sockaddr_storage bound;
  socklen_t bound_length = sizeof(bound);
  const int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  /* Accepted sockets inherit TCP_NODELAY. */
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
      (address->sa_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0) ||
      bind(fd, address, length) != 0 || listen(fd, backlog) != 0 ||
      getsockname(fd, (struct sockaddr *)&bound, &bound_length) != 0) {
    const int error = errno;
    close(fd);
    errno = error;
    return -1;
  }
  pthread_mutex_lock(&worker->lock);
  const bool room = worker->hearing < LISTENERS;
  if (room) worker->heard[worker->hearing++] = fd;
  pthread_mutex_unlock(&worker->lock);
  if (!room) {
    close(fd);
    errno = ENOSPC;
    return -1;
  }
  wake(worker);
  /* The port stands at the same place in both families. */
  return ntohs(((const struct sockaddr_in *)(const void *)&bound)->sin_port);
}

void relay_engine_stop_listening(struct relay_engine *engine) {
  struct worker *worker = &engine->workers[0];
  pthread_mutex_lock(&worker->lock);
  worker->deaf = true;
  pthread_mutex_unlock(&worker->lock);
  wake(worker);
}

void relay_engine_cut_all(struct relay_engine *engine) {
  for (unsigned i = 0; i < engine->count; i++) {
    pthread_mutex_lock(&engine->workers[i].lock);
    engine->workers[i].cut = true;
    pthread_mutex_unlock(&engine->workers[i].lock);
    wake(&engine->workers[i]);
  }
}

void relay_engine_stop(struct relay_engine *engine) {
  for (unsigned i = 0; i < engine->count; i++) {
    struct worker *worker = &engine->workers[i];
    pthread_mutex_lock(&worker->lock);
    worker->stop = true;
    pthread_mutex_unlock(&worker->lock);
    wake(worker);
    pthread_join(worker->thread, NULL);
    close(worker->epoll_fd);
    close(worker->wake_fd);
    pthread_mutex_destroy(&worker->lock);
  }
  pthread_mutex_destroy(&engine->lock);
  for (size_t i = engine->accepted_taken; i < engine->accepted_waiting; i++)
    if (engine->accepted[i].fd >= 0) relay_reset(engine->accepted[i].fd);
  free(engine->accepted);
  free(engine->results);
  free(engine->workers);
  free(engine);
}
