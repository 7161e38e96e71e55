// SPDX-License-Identifier: Apache-2.0
/*
 * Drives the relay engine without Node, so that sanitizers see all of it. Prints what it did; exit code 1 and a sentence
 * on standard error where the engine did not keep its contract.
 *
 *   relay-driver schedules BYTES SEED   random writes, pauses, half-closes, resets and cuts until BYTES were relayed
 *   relay-driver churn COUNT            opens and closes relays; descriptors and memory have to stay flat
 *   relay-driver dial COUNT             connections that the engine accepts and dials, with hand-shakes that go well and badly
 *   relay-driver refuse                 a client that comes when no descriptor is left, and one that comes later
 *   relay-driver exhaustion             bulk while no descriptor is left for pipes, and after it
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "random.h"
#include "relay-engine.h"

enum { LINES = 24, CHUNK = 96 * 1024, MAX_TARGET = 6 * 1024 * 1024, PREFIX = 3000 };

static void fail(const char *why, long long number) {
  fprintf(stderr, "relay-driver: %s (%lld)\n", why, number);
  _exit(1);
}

/* What has to stand at a position of a stream: a byte too many, too few or of another stream shows. */
static uint8_t key_byte(uint64_t key, uint64_t position) {
  return (uint8_t)((position * 31) + (position >> 8) * 17 + (position >> 16) * 7 + key * 101);
}

/* One end that the driver holds: what it says, and what it heard from the other end. */
struct end {
  int fd;
  uint64_t key, target, said, heard;
  bool shut, paused, heard_end, lost;
};

struct line {
  uint64_t id;
  struct end end[2]; /* client, server */
  bool open, disturbed, hasty;
  bool reported;
  struct relay_result result;
};

static struct line lines[LINES];
static struct relay_engine *engine;
static atomic_bool announced;
static uint64_t relayed, finished, reset_ends, idle_ends, last_id, cut_id;
static int listener;

static void on_results(void *context) {
  (void)context;
  atomic_store(&announced, true);
}

static void start_listener(void) {
  const struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0 || bind(listener, (const struct sockaddr *)&any, sizeof(any)) != 0 || listen(listener, 64) != 0)
    fail("listen", errno);
}

/* Both ends of a connection, not blocking: loopback TCP, or a socketpair. */
static void make_pair(int fd[2], bool tcp) {
  if (!tcp) {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) != 0) fail("socketpair", errno);
    return;
  }
  struct sockaddr_in address;
  socklen_t length = sizeof(address);
  if (getsockname(listener, (struct sockaddr *)&address, &length) != 0) fail("getsockname", errno);
  fd[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd[0] < 0 || connect(fd[0], (struct sockaddr *)&address, sizeof(address)) != 0) fail("connect", errno);
  fd[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd[1] < 0 || fcntl(fd[0], F_SETFL, O_NONBLOCK) != 0) fail("accept4", errno);
}

static void reset_on_close(int fd) {
  const struct linger linger = {.l_onoff = 1, .l_linger = 0};
  (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

static struct relay_prefix make_prefix(struct end *from) {
  struct relay_prefix prefix = {NULL, 0};
  if (!one_in(4)) return prefix;
  prefix.length = 1 + random_below(PREFIX);
  prefix.bytes = malloc(prefix.length);
  if (prefix.bytes == NULL) fail("malloc", ENOMEM);
  for (size_t i = 0; i < prefix.length; i++) prefix.bytes[i] = key_byte(from->key, from->said++);
  if (from->target < from->said) from->target = from->said;
  return prefix;
}

static uint64_t random_target(void) {
  return one_in(3) ? random_below(MAX_TARGET) : one_in(2) ? random_below(CHUNK) : random_below(64);
}

/* A cut also takes relays that are added until it is done. */
static bool is_cutting(void) {
  for (int i = 0; i < LINES; i++)
    if (lines[i].open && lines[i].id <= cut_id && !lines[i].reported) return true;
  return false;
}

static void open_line(struct line *line, bool tcp, bool hasty, uint64_t target) {
  int down[2], up[2];
  make_pair(down, tcp);
  make_pair(up, tcp);
  *line = (struct line){.id = ++last_id, .open = true, .hasty = hasty, .disturbed = is_cutting()};
  line->end[0] = (struct end){.fd = down[0], .key = line->id * 2, .target = target ? target : random_target()};
  line->end[1] = (struct end){.fd = up[1], .key = line->id * 2 + 1, .target = target ? target : random_target()};
  const struct relay_request request = {
      .id = line->id,
      .fd = {down[1], up[0]},
      .prefix = {make_prefix(&line->end[0]), make_prefix(&line->end[1])},
      .idle_ms = hasty ? 1 : 600000,
  };
  relay_engine_add(engine, &request);
  relay_engine_flush(engine);
}

static uint8_t buffer[CHUNK];

/* An end that can't go on: only where something was disturbed on purpose. */
static void lose(struct line *line, struct end *end) {
  if (!line->disturbed && !line->hasty) fail("an end was reset though nobody disturbed the line", errno);
  end->lost = true;
}

static bool say(struct line *line, struct end *end) {
  if (end->shut || end->lost) return false;
  const uint64_t left = end->target - end->said;
  if (left == 0) {
    end->shut = true;
    (void)shutdown(end->fd, SHUT_WR);
    return true;
  }
  size_t length = 1 + random_below(one_in(2) ? CHUNK : 300);
  if (length > left) length = left;
  for (size_t i = 0; i < length; i++) buffer[i] = key_byte(end->key, end->said + i);
  const ssize_t sent = send(end->fd, buffer, length, MSG_NOSIGNAL);
  if (sent < 0) {
    if (errno != EAGAIN) lose(line, end);
    return false;
  }
  end->said += (uint64_t)sent;
  return true;
}

static bool hear(struct line *line, struct end *end, const struct end *other) {
  if (end->heard_end || end->lost) return false;
  const ssize_t length = recv(end->fd, buffer, 1 + random_below(CHUNK), 0);
  if (length < 0) {
    if (errno != EAGAIN) lose(line, end);
    return false;
  }
  if (length == 0) {
    /* socketpairs have no reset: closing one looks like an end. */
    if (end->heard != other->target && !line->disturbed && !line->hasty) fail("an end came too early", (long long)end->heard);
    end->heard_end = true;
    return true;
  }
  for (ssize_t i = 0; i < length; i++)
    if (buffer[i] != key_byte(other->key, end->heard + (uint64_t)i)) fail("a wrong byte", (long long)end->heard + i);
  end->heard += (uint64_t)length;
  relayed += (uint64_t)length;
  if (end->heard > other->said) fail("more bytes than were said", (long long)end->heard);
  return true;
}

static void take_results(void) {
  if (!atomic_exchange(&announced, false)) return;
  struct relay_result results[16];
  size_t count;
  do {
    count = relay_engine_take_results(engine, results, 16);
    for (size_t i = 0; i < count; i++) {
      struct line *line = NULL;
      for (int l = 0; l < LINES; l++)
        if (lines[l].open && lines[l].id == results[i].id) line = &lines[l];
      if (line == NULL || line->reported) fail("a result of no line, or a second one", (long long)results[i].id);
      line->reported = true;
      line->result = results[i];
    }
  } while (count == 16);
}

static void close_line(struct line *line) {
  const struct relay_result *result = &line->result;
  if (result->end == RELAY_CLOSED) {
    /* The reset of a socketpair is an orderly end. */
    for (int side = 0; side < 2; side++)
      if (result->bytes[side] != line->end[side].target && !line->disturbed) fail("closed, but not all bytes were counted", (long long)line->id);
  } else if (result->end == RELAY_IDLE) {
    if (!line->hasty) fail("idle before its time", (long long)line->id);
    idle_ends++;
  } else {
    if (!line->disturbed) fail("ended though nobody disturbed it", result->end * 1000 + result->error);
    reset_ends++;
  }
  close(line->end[0].fd);
  close(line->end[1].fd);
  line->open = false;
  finished++;
}

/* One random thing on a line. True where something moved. */
static bool step(struct line *line, bool quiet) {
  const int side = (int)random_below(2);
  struct end *end = &line->end[side];
  if (line->reported) {
    /* What is still in the sockets belongs to the answer. */
    if (line->result.end == RELAY_CLOSED && (!line->end[0].heard_end || !line->end[1].heard_end))
      return hear(line, end, &line->end[1 - side]);
    close_line(line);
    return true;
  }
  if (!quiet && one_in(1500)) {
    line->disturbed = true;
    end->lost = true;
    reset_on_close(end->fd);
    const int gone = end->fd;
    end->fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    close(gone);
    return true;
  }
  if (!quiet && one_in(30)) end->paused = !end->paused;
  if (one_in(2)) return say(line, end);
  return !end->paused && hear(line, end, &line->end[1 - side]);
}

static void run(uint64_t bytes, bool quiet) {
  unsigned still = 0;
  while (relayed < bytes) {
    take_results();
    struct line *line = &lines[random_below(LINES)];
    if (!line->open) open_line(line, !one_in(4), !quiet && one_in(8), quiet ? 1 + random_below(MAX_TARGET) : 0);
    if (!quiet && one_in(20000)) {
      for (int i = 0; i < LINES; i++) lines[i].disturbed = true;
      cut_id = last_id;
      relay_engine_cut_all(engine);
    }
    still = step(line, quiet) ? 0 : still + 1;
    if (still > LINES * 4) poll(NULL, 0, 1);
    if (still > 60000) fail("nothing moves any more", (long long)relayed);
  }
}

static unsigned count_descriptors(void) {
  unsigned count = 0;
  DIR *folder = opendir("/proc/self/fd");
  if (folder == NULL) fail("opendir", errno);
  while (readdir(folder) != NULL) count++;
  closedir(folder);
  return count;
}

static long resident_kib(void) {
  long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL || fscanf(file, "%*s %ld", &pages) != 1) fail("statm", errno);
  fclose(file);
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void start(unsigned threads) {
  engine = relay_engine_start(threads, on_results, NULL);
  if (engine == NULL) fail("relay_engine_start", errno);
}

/* Every second time with relays still open: stopping has to end them. */
static void stop(bool wait) {
  if (wait) {
    for (int i = 0; i < LINES; i++) lines[i].disturbed = true;
    relay_engine_cut_all(engine);
    for (int waited = 0; waited < 10000; waited++) {
      take_results();
      bool open = false;
      for (int i = 0; i < LINES; i++) open = open || (lines[i].open && !lines[i].reported);
      if (!open) break;
      if (waited == 9999) fail("a relay that was cut gave no result", 0);
      poll(NULL, 0, 1);
    }
  }
  relay_engine_stop(engine);
  for (int i = 0; i < LINES; i++) {
    if (!lines[i].open) continue;
    close(lines[i].end[0].fd);
    close(lines[i].end[1].fd);
    lines[i].open = false;
  }
}

static void schedules(uint64_t bytes) {
  const unsigned before = count_descriptors();
  const int rounds = 4;
  for (int round = 1; round <= rounds; round++) {
    start(1 + (unsigned)round % 3);
    run(bytes * (uint64_t)round / (uint64_t)rounds, false);
    stop(round % 2 == 0);
    if (count_descriptors() != before) fail("descriptors were left open", (long long)count_descriptors() - before);
  }
  printf("%llu bytes, %llu relays, %llu reset or cut, %llu idle\n", (unsigned long long)relayed,
         (unsigned long long)finished, (unsigned long long)reset_ends, (unsigned long long)idle_ends);
}

static void churn_once(struct line *line, bool tcp) {
  open_line(line, tcp, false, 1 + random_below(200));
  while (line->open) {
    take_results();
    /* The last to close keeps a port for a minute; a reset does not. */
    if (line->reported && line->end[0].heard_end && line->end[1].heard_end) {
      reset_on_close(line->end[0].fd);
      reset_on_close(line->end[1].fd);
    }
    if (!step(line, true)) poll(NULL, 0, 0);
  }
}

static void churn(uint64_t count) {
  start(2);
  unsigned descriptors = 0;
  long resident = 0;
  for (uint64_t i = 0; i < count; i++) {
    if (i == count / 4) {
      descriptors = count_descriptors();
      resident = resident_kib();
    }
    churn_once(&lines[i % LINES], i % 8 == 0);
  }
  const long grown = resident_kib() - resident;
  const long more = (long)count_descriptors() - (long)descriptors;
  stop(true);
  printf("%llu relays; since the first quarter %ld KiB and %ld descriptors more\n", (unsigned long long)finished, grown, more);
  if (more > 0) fail("descriptors grow", more);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  if (grown > 512) fail("memory grows, KiB", grown);
#endif
}

static void exhaustion(void) {
  const struct rlimit few = {.rlim_cur = 256, .rlim_max = 256};
  static int held[256];
  int count = 0;
  start(1);
  for (int i = 0; i < LINES; i++) open_line(&lines[i], i % 2 == 0, false, MAX_TARGET);
  if (setrlimit(RLIMIT_NOFILE, &few) != 0) fail("setrlimit", errno);
  while (count < 256 && (held[count] = dup(0)) >= 0) count++;
  if (count == 256 || errno != EMFILE) fail("descriptors are not used up", count);
  /* Until some line is done no other is opened: all of this goes without pipes. */
  const uint64_t without = relayed + MAX_TARGET;
  while (relayed < without) {
    take_results();
    bool moved = false;
    for (int i = 0; i < LINES; i++) moved = (!lines[i].reported && step(&lines[i], true)) || moved;
    if (!moved) poll(NULL, 0, 1);
  }
  while (count > 0) close(held[--count]);
  run(relayed + 64 * 1024 * 1024, true);
  stop(true);
  printf("%llu bytes\n", (unsigned long long)relayed);
}

static struct relay_result await_result(void) {
  struct relay_result result;
  for (int waited = 0; relay_engine_take_results(engine, &result, 1) == 0; waited++) {
    if (waited > 10000) fail("no result", 0);
    poll(NULL, 0, 1);
  }
  return result;
}

/* What a hand-shake is like: how many bytes the far end answers at the second step, and whether the relay comes to be. */
struct handshake {
  const char *script;
  size_t length;
  const char *answers[2];
  size_t answer_lengths[2];
  enum relay_end end;
  bool in_pieces;
};

#define GREETING "\0\0\x13\x88\0\0\x02\x05\0\0\x03\x05\x01\0"
#define CONNECT "\0\0\x13\x88\x01\0\x02\x05\0\0\x03" "abc"

static const struct handshake HANDSHAKES[] = {
    {.script = "", .end = RELAY_CLOSED},
    {GREETING, sizeof(GREETING) - 1, {"\x05\0"}, {2}, RELAY_CLOSED, false},
    {GREETING CONNECT, sizeof(GREETING CONNECT) - 1, {"\x05\0", "\x05\0\0\x01" "addrpo"}, {2, 10}, RELAY_CLOSED, false},
    {GREETING CONNECT, sizeof(GREETING CONNECT) - 1, {"\x05\0", "\x05\0\0\x03\x04" "namepo"}, {2, 11}, RELAY_CLOSED, true},
    {GREETING CONNECT, sizeof(GREETING CONNECT) - 1, {"\x05\0", "\x05\x05"}, {2, 2}, RELAY_DIAL_REFUSED, false},
    {GREETING CONNECT, sizeof(GREETING CONNECT) - 1, {"\x05\0", "\x05\0\0\x07zz"}, {2, 6}, RELAY_DIAL_REFUSED, false},
    {GREETING, sizeof(GREETING) - 1, {"\x05\xff"}, {2}, RELAY_DIAL_REFUSED, false},
    {GREETING, sizeof(GREETING) - 1, {NULL}, {0}, RELAY_DIAL_FAILED, false},
};

static void read_exactly(int fd, size_t length) {
  char bytes[64];
  for (size_t have = 0; have < length;) {
    const ssize_t got = recv(fd, bytes, length - have, 0);
    if (got <= 0) fail("the far end heard too little", errno);
    have += (size_t)got;
  }
}

/* The far end's part, with the first bytes of the target right behind the last answer. */
static void answer(int fd, const struct handshake *handshake) {
  for (int step = 0; step < 2 && handshake->length > 0 && (step == 0 || handshake->answers[step] != NULL); step++) {
    read_exactly(fd, 3);
    if (handshake->answers[step] == NULL) return;
    for (size_t at = 0; handshake->in_pieces && at < handshake->answer_lengths[step]; at++) {
      if (send(fd, handshake->answers[step] + at, 1, MSG_NOSIGNAL) != 1) fail("send", errno);
      poll(NULL, 0, 1);
    }
    if (!handshake->in_pieces) (void)!send(fd, handshake->answers[step], handshake->answer_lengths[step], MSG_NOSIGNAL);
  }
  if (handshake->end == RELAY_CLOSED && send(fd, "first", 5, MSG_NOSIGNAL) != 5) fail("send", errno);
}

static int connect_to(const struct sockaddr_in *address) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0) fail("connect", errno);
  return fd;
}

static void dial_once(const struct sockaddr_in *captured, const struct handshake *handshake, bool nobody) {
  const int client = connect_to(captured);
  struct relay_accepted accepted;
  for (int waited = 0; relay_engine_take_accepted(engine, &accepted, 1) == 0; waited++) {
    if (waited > 10000) fail("a connection was not accepted", 0);
    poll(NULL, 0, 1);
  }
  struct relay_dial plan = {.connect_ms = 5000, .script = (const uint8_t *)handshake->script, .script_length = handshake->length};
  socklen_t length = sizeof(plan.address);
  (void)getsockname(listener, (struct sockaddr *)&plan.address, &length);
  if (nobody) ((struct sockaddr_in *)&plan.address)->sin_port = htons(1);
  const struct relay_request request = {.id = ++last_id, .fd = {accepted.fd, -1}, .dial = &plan, .idle_ms = 60000};
  relay_engine_add(engine, &request);
  relay_engine_flush(engine);
  const enum relay_end expected = nobody ? RELAY_DIAL_FAILED : handshake->end;
  if (!nobody) {
    const int server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    answer(server, handshake);
    if (expected == RELAY_CLOSED) read_exactly(client, 5);
    close(server);
  }
  if (expected == RELAY_CLOSED) shutdown(client, SHUT_WR);
  const struct relay_result result = await_result();
  if ((enum relay_end)result.end != expected) fail("a dial ended otherwise", result.end * 1000 + result.error);
  if ((result.returned_fd >= 0) != (expected != RELAY_CLOSED)) fail("the downstream went to the wrong one", result.returned_fd);
  if (result.returned_fd >= 0) relay_reset(result.returned_fd);
  reset_on_close(client);
  close(client);
}

static void dial(uint64_t count) {
  const unsigned before = count_descriptors();
  start(2);
  struct sockaddr_in captured = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  const int port = relay_engine_listen(engine, (const struct sockaddr *)&captured, sizeof(captured), 64);
  if (port < 0) fail("relay_engine_listen", errno);
  captured.sin_port = htons((uint16_t)port);
  const size_t kinds = sizeof(HANDSHAKES) / sizeof(HANDSHAKES[0]);
  for (uint64_t i = 0; i < count; i++) dial_once(&captured, &HANDSHAKES[i % kinds], i % 11 == 10);
  relay_engine_stop_listening(engine);
  stop(false);
  if (count_descriptors() != before) fail("descriptors were left open", (long long)count_descriptors() - before);
  printf("%llu dials\n", (unsigned long long)count);
}

/* Clients that come while no descriptor is left are reset at once and told of; those that come later are served. */
static void refuse(void) {
  const struct rlimit few = {.rlim_cur = 64, .rlim_max = 64};
  int held[64], count = 0;
  start(1);
  struct sockaddr_in captured = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  const int port = relay_engine_listen(engine, (const struct sockaddr *)&captured, sizeof(captured), 64);
  if (port < 0) fail("relay_engine_listen", errno);
  captured.sin_port = htons((uint16_t)port);
  dial_once(&captured, &HANDSHAKES[0], false);
  const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (client < 0 || setrlimit(RLIMIT_NOFILE, &few) != 0) fail("setrlimit", errno);
  while (count < 64 && (held[count] = dup(0)) >= 0) count++;
  if (connect(client, (const struct sockaddr *)&captured, sizeof(captured)) != 0) fail("connect", errno);
  struct relay_accepted accepted;
  for (int waited = 0; relay_engine_take_accepted(engine, &accepted, 1) == 0; waited++) {
    if (waited > 10000) fail("nobody was told of a client that was refused", 0);
    poll(NULL, 0, 1);
  }
  if (accepted.fd != -1 || accepted.error != EMFILE) fail("not EMFILE", accepted.error);
  char byte;
  if (recv(client, &byte, 1, 0) != -1 || errno != ECONNRESET) fail("the client was not reset", errno);
  close(client);
  while (count > 0) close(held[--count]);
  dial_once(&captured, &HANDSHAKES[0], false);
  stop(false);
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  const uint64_t number = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
  random_state = (argc > 3 ? strtoull(argv[3], NULL, 10) : 0) * 2654435761u + 88172645463325252u;
  start_listener();
  if (strcmp(argv[1], "schedules") == 0) schedules(number);
  else if (strcmp(argv[1], "churn") == 0) churn(number);
  else if (strcmp(argv[1], "dial") == 0) dial(number);
  else if (strcmp(argv[1], "refuse") == 0) refuse();
  else if (strcmp(argv[1], "exhaustion") == 0) exhaustion();
  else return 2;
  close(listener);
  return 0;
}
