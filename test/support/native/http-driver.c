// SPDX-License-Identifier: Apache-2.0
/*
 * Drives the HTTP engine without Node, so that sanitizers see all of it: clients and upstreams are socket pairs, and the driver
 * says what TypeScript would. Prints what it did; exit code 1 and a sentence on standard error where a byte was wrong, an
 * exchange did not end, or a descriptor was left.
 *
 *   http-driver schedules BYTES SEED   random exchanges, fragments, pauses, ends and refusals until BYTES were moved
 *   http-driver framing COUNT SEED     bodies and heads in random pieces are framed as they are in one
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http-engine.h"
#include "http-framing.h"
#include "random.h"

enum { LANES = 24, SLOTS = 512, MOST_BODY = 400 * 1024, PIECE = 24 * 1024, HEAD = 512, ROWS = 1024, COMMANDS = 256 };
enum { INBOX = 512 * 1024, OUTBOX = 256 * 1024, SLOW_MS = 60000, BARREN_TURNS = 200000 };

static uint64_t moved, exchanges, disturbed, refused, released_legs, fed;
static struct http_engine *engine;
static double rows[1 + ROWS * HTTP_ROW_NUMBERS], commands[COMMANDS * HTTP_COMMAND_NUMBERS];
static uint8_t inbox[INBOX], outbox[OUTBOX];
static size_t command_count, outbox_used;

static void fail(const char *why, long long number) {
  fprintf(stderr, "http-driver: %s (%lld)\n", why, number);
  _exit(1);
}

static uint8_t key_byte(unsigned key, uint64_t position) {
  return (uint8_t)(position * 31 + (position >> 8) * 17 + key * 101);
}

/* A message as its sender holds it, and as its reader finds it. */
struct text {
  uint8_t *bytes;
  size_t length, done;
};

struct reader {
  char head[HEAD];
  size_t head_length;
  bool has_head, whole;
  struct http_flow flow;
  unsigned key;
};

struct what { /* that a head says, of either kind */
  int framing;
  unsigned long long length;
  int answer_framing;
  unsigned long long answer_length;
  unsigned key;
};

/* A client, or an upstream: the end of a socket pair that the driver holds. */
struct end {
  int fd; /* -1: none */
  uint32_t slot;
  uint64_t key;
  bool upstream, paused, is_disturbed;
  bool is_shut, is_cut; /* upstream: it ended in order; or both directions at once, as a close of the pair does */
  struct text out;
  struct reader in;
  struct what request, heard;
  struct end *serving; /* upstream: the client whose exchange it has */
  unsigned served;
  bool answering;      /* client: the answer has begun */
  bool waiting;        /* client: for its answer */
  bool gone;           /* client: the engine closed its leg; what it wrote before is still to be read */
  bool held;           /* a head was told; `request` is for TypeScript to decide on */
  bool answer_held;
  struct what answer;
};

static struct end clients[LANES], upstreams[SLOTS];
static struct end *by_slot[SLOTS];

static void append(struct text *text, const void *bytes, size_t length) {
  text->bytes = realloc(text->bytes, text->length + length);
  if (text->bytes == NULL) fail("realloc", ENOMEM);
  memcpy(text->bytes + text->length, bytes, length);
  text->length += length;
}

static void append_body(struct text *text, int framing, unsigned long long length, unsigned key) {
  uint8_t piece[PIECE];
  for (uint64_t at = 0; at < length;) {
    const size_t size = 1 + random_below(length - at < PIECE ? length - at : PIECE);
    for (size_t i = 0; i < size; i++) piece[i] = key_byte(key, at + i);
    char line[64];
    if (framing == HTTP_CHUNKED)
      append(text, line, (size_t)sprintf(line, one_in(3) ? "%zX;a=\"b\"\r\n" : "%zx\r\n", size));
    append(text, piece, size);
    if (framing == HTTP_CHUNKED) append(text, "\r\n", 2);
    at += size;
  }
  if (framing != HTTP_CHUNKED) return;
  const char *last = one_in(4) ? "0\r\nX-Sum: 1\r\n\r\n" : "0\r\n\r\n";
  append(text, last, strlen(last));
}

/* Reads a message of its peer and checks every byte of its body; false where it breaks its framing. */
static bool read_message(struct reader *reader, uint8_t *bytes, size_t length, bool is_answer, struct what *what) {
  size_t at = 0;
  while (!reader->has_head && at < length) {
    if (reader->head_length == HEAD - 1) return false;
    reader->head[reader->head_length++] = (char)bytes[at++];
    reader->head[reader->head_length] = 0;
    if (reader->head_length < 4 || strcmp(reader->head + reader->head_length - 4, "\r\n\r\n") != 0) continue;
    if (is_answer && strncmp(reader->head, "HTTP/1.1 100", 12) == 0) {
      reader->head_length = 0;
      continue;
    }
    const int found = is_answer ? sscanf(reader->head, "HTTP/1.1 200 %d.%llu.%u", &what->framing, &what->length, &what->key)
                                : sscanf(reader->head, "POST /%d.%llu.%d.%llu.%u", &what->framing, &what->length,
                                         &what->answer_framing, &what->answer_length, &what->key);
    if (found != (is_answer ? 3 : 5)) return false;
    reader->has_head = true;
    reader->key = what->key;
    http_begin_flow(&reader->flow, (enum http_framing)what->framing, what->length);
  }
  while (reader->has_head && at < length && !reader->flow.whole) {
    struct http_flow before = reader->flow;
    const size_t size = reader->flow.framing == HTTP_CHUNKED ? 1 : length - at;
    const struct http_framed framed = http_frame(&reader->flow, bytes + at, size);
    if (framed.bad || framed.taken == 0) return false;
    for (uint64_t i = before.moved; i < reader->flow.moved; i++)
      if (bytes[at + i - before.moved] != key_byte(reader->key, i)) fail("a byte of a body is not the one that was sent", (long long)i);
    at += framed.taken;
  }
  if (reader->has_head) reader->whole = reader->flow.whole;
  return at == length;
}

static void command(enum http_command kind, uint32_t slot, uint32_t peer, const void *head, size_t length, int framing, double body,
                    double first, double second) {
  if (command_count == COMMANDS || outbox_used + length > OUTBOX) fail("more commands than there is room for", (long long)command_count);
  double *row = commands + command_count++ * HTTP_COMMAND_NUMBERS;
  const double values[HTTP_COMMAND_NUMBERS] = {kind, slot, peer, (double)outbox_used, (double)length, framing, body, first, second};
  memcpy(row, values, sizeof(values));
  if (length > 0) memcpy(outbox + outbox_used, head, length);
  outbox_used += length;
}

static struct end *new_end(struct end *ends, size_t count, bool upstream) {
  struct end *end = NULL;
  for (size_t i = 0; i < count && end == NULL; i++)
    if (ends[i].fd < 0) end = &ends[i];
  if (end == NULL) return NULL;
  int fd[2];
  const int small = 8192;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) != 0) fail("socketpair", errno);
  if (one_in(2)) (void)setsockopt(fd[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
  const int slot = http_engine_adopt(engine, fd[1], upstream ? HTTP_UPSTREAM : HTTP_DOWNSTREAM);
  if (slot < 0 || slot >= SLOTS) fail("adopt", slot);
  *end = (struct end){.fd = fd[0], .slot = (uint32_t)slot, .key = http_engine_key(engine, (uint32_t)slot), .upstream = upstream};
  by_slot[slot] = end;
  /* A key is of one leg: who had the slot before must not be heard by it. */
  if (http_engine_feed(engine, end->slot, end->key - 1, inbox, 1, true)) fail("a leg took what was for another one", slot);
  return end;
}

static void drop_end(struct end *end) {
  close(end->fd);
  free(end->out.bytes);
  *end = (struct end){.fd = -1};
}

/* The engine's leg of an upstream is given up. */
static void drop_upstream(struct end *up, enum http_command how) {
  if (up == NULL) return;
  command(how, up->slot, 0, NULL, 0, 0, 0, 0, 0);
  by_slot[up->slot] = NULL;
  drop_end(up);
}

static struct end *serving(const struct end *client) {
  for (int i = 0; i < SLOTS; i++)
    if (upstreams[i].fd >= 0 && upstreams[i].serving == client) return &upstreams[i];
  return NULL;
}

static void ask(struct end *client) {
  char head[HEAD];
  const struct what *what = &client->request;
  struct end *up = NULL;
  for (int i = 0; i < SLOTS && up == NULL; i++)
    if (upstreams[i].fd >= 0 && upstreams[i].serving == NULL && by_slot[upstreams[i].slot] == &upstreams[i]) up = &upstreams[i];
  if (up == NULL || one_in(8)) up = new_end(upstreams, SLOTS, true);
  if (up == NULL) fail("no place for an upstream", 0);
  up->serving = client;
  if (up->is_disturbed) client->is_disturbed = true;
  const int length = snprintf(head, sizeof(head), "POST /%d.%llu.%d.%llu.%u HTTP/1.1\r\nHost: d\r\n\r\n", what->framing, what->length,
                              what->answer_framing, what->answer_length, what->key);
  command(HTTP_ASK, client->slot, up->slot, head, (size_t)length, what->framing, (double)what->length, SLOW_MS, SLOW_MS);
  client->held = false;
}

static void refuse(struct end *client) {
  const char answer[] = "HTTP/1.1 200 0.0.0\r\n\r\n";
  client->is_disturbed = true;
  drop_upstream(serving(client), HTTP_RESET);
  command(HTTP_REFUSE, client->slot, 0, answer, sizeof(answer) - 1, client->request.framing, (double)client->request.length, one_in(2),
          SLOW_MS);
  client->held = client->answer_held = false;
  refused++;
}

static void release(struct end *client) {
  struct http_released released;
  if (!http_engine_release(engine, client->slot, &released)) fail("a held request could not be released", client->slot);
  close(released.fd);
  free(released.rest);
  by_slot[client->slot] = NULL;
  drop_end(client);
  released_legs++;
}

/* What TypeScript held back for a while. */
static void decide(struct end *client) {
  if (client->held) {
    if (one_in(40)) refuse(client);
    else if (one_in(60)) release(client);
    else ask(client);
  } else if (client->answer_held) {
    char head[HEAD];
    const struct what *what = &client->answer;
    client->answer_held = false;
    if (one_in(50)) refuse(client);
    else {
      client->answering = true;
      const int length = snprintf(head, sizeof(head), "HTTP/1.1 200 %d.%llu.%u\r\n\r\n", what->framing, what->length, what->key);
      command(HTTP_ANSWER, client->slot, 0, head, (size_t)length, what->framing, (double)what->length,
              what->framing == HTTP_UNTIL_END || one_in(6), SLOW_MS);
    }
  }
}

static void on_head(struct end *end, size_t offset, size_t length) {
  char head[HEAD];
  if (length >= HEAD) fail("a head is longer than any that was sent", (long long)length);
  memcpy(head, inbox + offset, length);
  head[length] = 0;
  struct what *what = end->upstream ? &end->serving->answer : &end->request;
  const int found = end->upstream ? sscanf(head, "HTTP/1.1 200 %d.%llu.%u", &what->framing, &what->length, &what->key)
                                  : sscanf(head, "POST /%d.%llu.%d.%llu.%u", &what->framing, &what->length, &what->answer_framing,
                                           &what->answer_length, &what->key);
  if (end->upstream && strncmp(head, "HTTP/1.1 100", 12) == 0) {
    command(HTTP_INTERIM, end->serving->slot, 0, head, length, 0, 0, 0, 0);
    return;
  }
  if (found != (end->upstream ? 3 : 5)) fail("a head is not the one that was sent", (long long)length);
  if (end->upstream) end->serving->answer_held = true;
  else end->held = true;
}

static void on_row(const double *row) {
  struct end *end = by_slot[(int)row[1]];
  if (end == NULL) return;
  struct end *up = end->upstream ? NULL : serving(end);
  switch ((enum http_row)row[0]) {
    case HTTP_HEAD:
      on_head(end, (size_t)row[2], (size_t)row[3]);
      break;
    case HTTP_ODD:
      if (!end->is_disturbed) fail("a plain head was called odd", (long long)row[2]);
      release(end);
      break;
    case HTTP_DONE:
      moved += (uint64_t)row[2] + (uint64_t)row[3];
      exchanges++;
      end->answering = false;
      if (up == NULL) break;
      if (up->is_cut && end->answer.framing == HTTP_UNTIL_END && (uint64_t)row[3] < end->answer.length)
        fail("an answer that was cut off was called whole", (long long)row[3]);
      if (row[4] == 1) up->serving = NULL;
      else drop_upstream(up, HTTP_CLOSE);
      break;
    case HTTP_ENDED:
      if (end->upstream) drop_upstream(end, HTTP_CLOSE);
      else command(row[2] == 0 && one_in(2) ? HTTP_END : HTTP_RESET, end->slot, 0, NULL, 0, 0, 0, 0, 0);
      break;
    case HTTP_FAILED:
      if (row[2] == HTTP_UPSTREAM && row[4] < 0) {
        drop_upstream(up, HTTP_RESET);
        end->held = true;
        break;
      }
      if (!end->is_disturbed && (up == NULL || !up->is_disturbed)) fail("an exchange failed that nobody disturbed", (long long)row[3]);
      end->is_disturbed = true;
      if (row[2] == HTTP_UPSTREAM && !end->answering && one_in(2)) refuse(end);
      else {
        drop_upstream(up, HTTP_RESET);
        command(HTTP_RESET, end->slot, 0, NULL, 0, 0, 0, 0, 0);
      }
      end->answer_held = false;
      break;
    case HTTP_LATE:
      fail("something is late", (long long)row[2]);
      break;
    case HTTP_GONE:
      drop_upstream(up, HTTP_RESET);
      by_slot[end->slot] = NULL;
      end->gone = true;
      end->paused = end->held = end->answer_held = false;
      break;
  }
}

static void write_some(struct end *end) {
  struct text *out = &end->out;
  if (out->done == out->length) return;
  size_t size = out->length - out->done;
  if (one_in(2)) size = 1 + random_below(size);
  if (end->upstream && !end->is_shut && one_in(2) && http_engine_feed(engine, end->slot, end->key, out->bytes + out->done, size, false)) {
    out->done += size;
    fed += size;
    return;
  }
  const ssize_t sent = send(end->fd, out->bytes + out->done, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent > 0) out->done += (size_t)sent;
}

static void say_request(struct end *client) {
  static const int framings[] = {HTTP_NO_BODY, HTTP_LENGTH, HTTP_CHUNKED};
  const int framing = framings[random_below(3)];
  const unsigned long long length = framing == HTTP_NO_BODY ? 0 : one_in(4) ? random_below(MOST_BODY) : random_below(300);
  const int answer = one_in(10) ? HTTP_UNTIL_END : framings[random_below(3)];
  const unsigned long long answer_length = answer == HTTP_NO_BODY ? 0 : one_in(4) ? random_below(MOST_BODY) : random_below(300);
  const unsigned key = (unsigned)random_below(200);
  char head[HEAD];
  free(client->out.bytes);
  client->out = (struct text){0};
  append(&client->out, head, (size_t)snprintf(head, sizeof(head), "POST /%d.%llu.%d.%llu.%u HTTP/1.1\r\nHost: d\r\n\r\n", framing, length,
                                              answer, answer_length, key));
  append_body(&client->out, framing, length, key);
  if (one_in(30)) append(&client->out, "POST /0.0.0.0.1 HTTP/1.1\nHost: odd\n\n", 37), client->is_disturbed = true;
  client->served += client->waiting;
  client->in = (struct reader){0};
  client->waiting = true;
}

static void say_answer(struct end *up) {
  const struct what *what = &up->request;
  char head[HEAD];
  const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
  if (one_in(6)) append(&up->out, interim, sizeof(interim) - 1);
  append(&up->out, head, (size_t)snprintf(head, sizeof(head), "HTTP/1.1 200 %d.%llu.%u\r\n\r\n", what->answer_framing, what->answer_length, what->key));
  append_body(&up->out, what->answer_framing, what->answer_length, what->key);
  /* More than it was asked for: the leg must not be used again, or the next answer is not the one to its request. */
  if (what->answer_framing != HTTP_UNTIL_END && one_in(25)) {
    append(&up->out, "HTTP/1.1 200 0.0.0\r\n\r\n", 22);
    up->is_disturbed = true;
  }
}

static void read_some(struct end *end) {
  uint8_t bytes[PIECE];
  /* Who said more than it was asked for may be asked again in the middle of it. */
  if (end->paused || (end->upstream && end->out.done < end->out.length)) return;
  const ssize_t got = recv(end->fd, bytes, 1 + random_below(PIECE), MSG_DONTWAIT);
  if (got <= 0 && end->gone) {
    const struct http_flow *flow = &end->in.flow;
    const bool ended = end->in.has_head && flow->framing == HTTP_UNTIL_END && flow->moved == end->heard.length;
    /* Its last answer may have been the last on the connection, and it asked again before it knew. */
    const bool unheard = end->served > 0 && end->in.head_length == 0;
    if (!end->is_disturbed && !end->in.whole && !ended && !unheard) fail("a connection ended before its answer was whole", (long long)flow->moved);
    drop_end(end);
  }
  if (got <= 0) return;
  if (!read_message(&end->in, bytes, (size_t)got, !end->upstream, end->upstream ? &end->request : &end->heard) && !end->is_disturbed)
    fail("more, or other bytes than were sent", (long long)got);
  if (end->upstream && end->in.whole) {
    end->in = (struct reader){0};
    free(end->out.bytes);
    end->out = (struct text){0};
    say_answer(end);
  }
}

static void play_client(struct end *client) {
  if (client->fd < 0) {
    (void)new_end(client, 1, false);
    return;
  }
  const bool answered = client->in.whole || (client->in.has_head && client->in.flow.framing == HTTP_UNTIL_END);
  if (client->gone) (void)0;
  else if (!client->waiting || (answered && client->in.whole && client->out.done == client->out.length && !client->is_disturbed)) say_request(client);
  if (one_in(50)) client->paused = !client->paused && !client->gone;
  if (!client->gone) write_some(client);
  read_some(client);
  if (client->fd >= 0 && one_in(400)) {
    client->is_disturbed = true;
    disturbed++;
    if (one_in(2)) (void)shutdown(client->fd, SHUT_WR);
    else (void)shutdown(client->fd, SHUT_RDWR);
  }
}

static void play_upstream(struct end *up) {
  if (up->fd < 0) return;
  if (one_in(50)) up->paused = !up->paused;
  write_some(up);
  read_some(up);
  const bool said_all = up->out.length > 0 && up->out.done == up->out.length;
  if (said_all && !up->in.has_head && up->request.answer_framing == HTTP_UNTIL_END) (void)shutdown(up->fd, SHUT_WR);
  /* Where nothing but its end tells that an answer is whole, ends are what is to be tried. */
  const bool tells = up->out.done < up->out.length && up->request.answer_framing == HTTP_UNTIL_END;
  if (one_in(tells ? 40 : 300)) {
    up->is_disturbed = true;
    disturbed++;
    if (up->serving != NULL) up->serving->is_disturbed = true;
    const bool cuts = one_in(2);
    up->is_cut = up->is_cut || (cuts && !up->is_shut);
    up->is_shut = true;
    (void)shutdown(up->fd, cuts ? SHUT_RDWR : SHUT_WR);
  }
}

static void turn(void) {
  const size_t count = http_engine_turn(engine, command_count, true);
  command_count = outbox_used = 0;
  for (size_t i = 0; i < count; i++) on_row(rows + 1 + i * HTTP_ROW_NUMBERS);
}

static unsigned count_descriptors(void) {
  unsigned count = 0;
  DIR *folder = opendir("/proc/self/fd");
  while (folder != NULL && readdir(folder) != NULL) count++;
  closedir(folder);
  return count;
}

static void play_schedules(uint64_t target) {
  const unsigned before = count_descriptors();
  const struct http_memory memory = {rows, ROWS, commands, COMMANDS, inbox, INBOX, outbox, OUTBOX};
  const struct http_limits limits = {SLOW_MS, SLOW_MS};
  engine = http_engine_open(&memory, &limits);
  if (engine == NULL) fail("open", errno);
  for (int i = 0; i < LANES; i++) clients[i].fd = -1;
  for (int i = 0; i < SLOTS; i++) upstreams[i].fd = -1;
  uint64_t seen = 0, barren = 0;
  while (moved < target) {
    for (int i = 0; i < LANES; i++) {
      if (!one_in(3)) play_client(&clients[i]);
      if (clients[i].fd >= 0 && !one_in(4)) decide(&clients[i]);
    }
    for (int i = 0; i < SLOTS; i++)
      if (upstreams[i].fd >= 0 && !one_in(3)) play_upstream(&upstreams[i]);
    turn();
    barren = moved == seen ? barren + 1 : 0;
    seen = moved;
    if (barren > BARREN_TURNS) fail("nothing moves any more", (long long)moved);
  }
  http_engine_close(engine);
  for (int i = 0; i < LANES; i++)
    if (clients[i].fd >= 0) drop_end(&clients[i]);
  for (int i = 0; i < SLOTS; i++)
    if (upstreams[i].fd >= 0) drop_end(&upstreams[i]);
  if (count_descriptors() != before) fail("descriptors were left", (long long)count_descriptors() - before);
  printf("%llu bytes, %llu fed, %llu exchanges, %llu disturbed, %llu refused, %llu released\n", (unsigned long long)moved,
         (unsigned long long)fed, (unsigned long long)exchanges, (unsigned long long)disturbed, (unsigned long long)refused, (unsigned long long)released_legs);
}

/* Random bytes, near to what is meant: the result must not depend on where they are cut. */
static size_t make_body(uint8_t *bytes, size_t room) {
  static const char *const parts[] = {"0\r\n", "1\r\n", "a\r\n", "\r\n", "5;x=y\r\nabcde\r\n", "3\r\nabc\r\n", "0\r\n\r\n", "X-A: b\r\n", ":", " ", "\n", "\r", "ff", "g", ";", "\t", "\x7f", "00000000000000"};
  size_t length = 0;
  for (uint64_t i = 1 + random_below(8); i > 0; i--) {
    const char *part = parts[random_below(sizeof(parts) / sizeof(parts[0]))];
    const size_t size = strlen(part);
    if (length + size > room) break;
    memcpy(bytes + length, part, size);
    length += size;
  }
  return length;
}

static void play_framing(uint64_t count) {
  uint64_t good = 0, heads = 0;
  for (uint64_t i = 0; i < count; i++) {
    uint8_t whole[256], pieces[256], kept[256];
    const size_t length = make_body(whole, sizeof(whole));
    memcpy(pieces, whole, length);
    size_t scanned = 0;
    const long one_scan = http_scan_head(whole, length, HTTP_DOWNSTREAM, &scanned);
    long cut_scan = HTTP_HEAD_MORE;
    scanned = 0;
    for (size_t have = 0; have <= length && cut_scan == HTTP_HEAD_MORE; have++) cut_scan = http_scan_head(whole, have, HTTP_DOWNSTREAM, &scanned);
    if (one_scan != cut_scan) fail("a head ends elsewhere when it comes in pieces", one_scan);
    heads += one_scan > 0;
    struct http_flow flow, other;
    http_begin_flow(&flow, HTTP_CHUNKED, 0);
    http_begin_flow(&other, HTTP_CHUNKED, 0);
    flow.drops_trailers = other.drops_trailers = one_in(2);
    const struct http_framed one = http_frame(&flow, whole, length);
    size_t taken = 0, all = 0;
    bool bad = false;
    while (taken < length && !bad && !other.whole) {
      const struct http_framed part = http_frame(&other, pieces + taken, 1 + random_below(length - taken));
      bad = part.bad;
      memcpy(kept + all, pieces + taken, part.kept);
      all += part.kept;
      taken += part.taken;
    }
    if (bad != one.bad || taken != one.taken || all != one.kept || memcmp(kept, whole, all) != 0 || flow.moved != other.moved || flow.whole != other.whole)
      fail("a body is framed otherwise when it comes in pieces", (long long)i);
    good += flow.whole;
  }
  if (good == 0 || heads == 0) fail("nothing good among the bytes", (long long)good);
  printf("%llu bodies\n", (unsigned long long)count);
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  random_state = strtoull(argv[3], NULL, 10) * 2 + 1;
  if (strcmp(argv[1], "schedules") == 0) play_schedules(strtoull(argv[2], NULL, 10));
  else if (strcmp(argv[1], "framing") == 0) play_framing(strtoull(argv[2], NULL, 10));
  else return 2;
  return 0;
}
