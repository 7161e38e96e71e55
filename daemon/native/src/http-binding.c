// SPDX-License-Identifier: Apache-2.0
/*
 * Marshalling between JavaScript and the HTTP engine. Rows, commands and heads cross in memory that both sides see, so that a
 * turn is one call, whatever it carries; Node's own loop watches the engine's descriptor.
 */
#define NAPI_VERSION 8
#include "http-binding.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "binding-fail.h"
#include "http-engine.h"
#include "loop-watch.h"

enum { SHARED = 4 };

struct http_handle {
  struct http_engine *engine; /* NULL: closed */
  struct loop_watch *watch;
  napi_ref shared[SHARED];
};

static void close_handle(napi_env env, struct http_handle *handle) {
  if (handle->engine == NULL) return;
  loop_watch_close(handle->watch);
  http_engine_close(handle->engine);
  handle->engine = NULL;
  for (int i = 0; i < SHARED; i++) (void)napi_delete_reference(env, handle->shared[i]);
}

static void finalize(napi_env env, void *data, void *hint) {
  (void)hint;
  close_handle(env, data);
  free(data);
}

static bool read_array(napi_env env, napi_value value, napi_typedarray_type wanted, size_t *length, void **bytes) {
  napi_typedarray_type type;
  return napi_get_typedarray_info(env, value, &type, length, bytes, NULL, NULL) == napi_ok && type == wanted;
}

/* openHttpEngine(onReady, rows, commands, inbox, outbox, headerMs, keepAliveMs): engine */
static napi_value open_engine(napi_env env, napi_callback_info info) {
  napi_value arguments[7], external;
  size_t count = 7;
  int64_t header_ms, keep_alive_ms;
  struct http_memory memory = {0};
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count < 7 ||
      !read_array(env, arguments[1], napi_float64_array, &memory.most_rows, (void **)&memory.rows) ||
      !read_array(env, arguments[2], napi_float64_array, &memory.most_commands, (void **)&memory.commands) ||
      !read_array(env, arguments[3], napi_uint8_array, &memory.inbox_bytes, (void **)&memory.inbox) ||
      !read_array(env, arguments[4], napi_uint8_array, &memory.outbox_bytes, (void **)&memory.outbox) ||
      napi_get_value_int64(env, arguments[5], &header_ms) != napi_ok || header_ms < 1 ||
      napi_get_value_int64(env, arguments[6], &keep_alive_ms) != napi_ok || keep_alive_ms < 1)
    return fail(env, EINVAL, "openHttpEngine");
  memory.most_rows = (memory.most_rows - 1) / HTTP_ROW_NUMBERS;
  memory.most_commands /= HTTP_COMMAND_NUMBERS;
  struct http_handle *handle = calloc(1, sizeof(*handle));
  if (handle == NULL) return fail(env, ENOMEM, "openHttpEngine");
  const struct http_limits limits = {(uint64_t)header_ms, (uint64_t)keep_alive_ms};
  handle->engine = http_engine_open(&memory, &limits);
  if (handle->engine == NULL) {
    const int error = errno;
    free(handle);
    return fail(env, error, "epoll_create1");
  }
  bool opened = true;
  for (int i = 0; i < SHARED; i++)
    opened = opened && napi_create_reference(env, arguments[1 + i], 1, &handle->shared[i]) == napi_ok;
  /* An engine without connections is no reason to keep the process; http-engine.ts has a timer while there are any. */
  if (opened) handle->watch = loop_watch_open(env, http_engine_descriptor(handle->engine), arguments[0], "leat http");
  if (handle->watch == NULL) {
    /* What was made of it stays: this is the start of the process, which ends now. */
    http_engine_close(handle->engine);
    return fail(env, ENOMEM, "openHttpEngine");
  }
  if (napi_create_external(env, handle, finalize, NULL, &external) == napi_ok) return external;
  close_handle(env, handle);
  return fail(env, ENOMEM, "openHttpEngine");
}

static struct http_handle *read_engine(napi_env env, napi_value value) {
  struct http_handle *handle;
  if (napi_get_value_external(env, value, (void **)&handle) != napi_ok || handle->engine == NULL) return NULL;
  return handle;
}

/* turnHttp(engine, commands, expires): number of rows */
static napi_value turn(napi_env env, napi_callback_info info) {
  napi_value arguments[3], rows;
  size_t count = 3;
  uint32_t commands;
  bool expires;
  struct http_handle *handle;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count < 3 ||
      (handle = read_engine(env, arguments[0])) == NULL || napi_get_value_uint32(env, arguments[1], &commands) != napi_ok ||
      napi_get_value_bool(env, arguments[2], &expires) != napi_ok)
    return fail(env, EINVAL, "turnHttp");
  return napi_create_uint32(env, (uint32_t)http_engine_turn(handle->engine, commands, expires), &rows) == napi_ok ? rows : NULL;
}

/* adoptHttp(engine, fd, isUpstream): slot, or a negative errno with the descriptor still the caller's */
static napi_value adopt(napi_env env, napi_callback_info info) {
  napi_value arguments[3], slot;
  size_t count = 3;
  int32_t fd;
  bool is_upstream;
  struct http_handle *handle;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count < 3 ||
      (handle = read_engine(env, arguments[0])) == NULL || napi_get_value_int32(env, arguments[1], &fd) != napi_ok ||
      napi_get_value_bool(env, arguments[2], &is_upstream) != napi_ok)
    return fail(env, EINVAL, "adoptHttp");
  const int adopted = http_engine_adopt(handle->engine, fd, is_upstream ? HTTP_UPSTREAM : HTTP_DOWNSTREAM);
  return napi_create_int32(env, adopted, &slot) == napi_ok ? slot : NULL;
}

/*
 * adoptHttpPair(engine, Float64Array): the slot of an upstream leg, or a negative errno; its other end and its key in the array
 */
static napi_value adopt_pair(napi_env env, napi_callback_info info) {
  napi_value arguments[2], slot;
  size_t count = 2, length;
  double *numbers;
  int pair[2];
  struct http_handle *handle;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count < 2 ||
      (handle = read_engine(env, arguments[0])) == NULL ||
      !read_array(env, arguments[1], napi_float64_array, &length, (void **)&numbers) || length < 2)
    return fail(env, EINVAL, "adoptHttpPair");
  int adopted;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
    adopted = -errno;
  } else {
    adopted = http_engine_adopt(handle->engine, pair[0], HTTP_UPSTREAM);
    numbers[0] = pair[1];
    if (adopted >= 0) {
      numbers[1] = (double)http_engine_key(handle->engine, (uint32_t)adopted);
    } else {
      close(pair[0]);
      close(pair[1]);
    }
  }
  return napi_create_int32(env, adopted, &slot) == napi_ok ? slot : NULL;
}

/* feedHttp(engine, slot, key, bytes, isEmpty): whether the leg took them */
static napi_value feed(napi_env env, napi_callback_info info) {
  napi_value arguments[5], taken;
  size_t count = 5, length;
  uint32_t slot;
  int64_t key;
  uint8_t *bytes;
  bool is_empty;
  struct http_handle *handle;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count < 5 ||
      (handle = read_engine(env, arguments[0])) == NULL || napi_get_value_uint32(env, arguments[1], &slot) != napi_ok ||
      napi_get_value_int64(env, arguments[2], &key) != napi_ok ||
      !read_array(env, arguments[3], napi_uint8_array, &length, (void **)&bytes) ||
      napi_get_value_bool(env, arguments[4], &is_empty) != napi_ok)
    return fail(env, EINVAL, "feedHttp");
  const bool fed = http_engine_feed(handle->engine, slot, (uint64_t)key, bytes, length, is_empty);
  return napi_get_boolean(env, fed, &taken) == napi_ok ? taken : NULL;
}

/* releaseHttp(engine, slot, Float64Array): bytes that were read and not used; descriptor, bytes read and written in the array */
static napi_value release(napi_env env, napi_callback_info info) {
  napi_value arguments[3], rest;
  size_t count = 3, length;
  uint32_t slot;
  double *numbers;
  struct http_handle *handle;
  struct http_released released;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count < 3 ||
      (handle = read_engine(env, arguments[0])) == NULL || napi_get_value_uint32(env, arguments[1], &slot) != napi_ok ||
      !read_array(env, arguments[2], napi_float64_array, &length, (void **)&numbers) || length < 3 ||
      !http_engine_release(handle->engine, slot, &released))
    return fail(env, EINVAL, "releaseHttp");
  numbers[0] = released.fd;
  numbers[1] = (double)released.read_bytes;
  numbers[2] = (double)released.written_bytes;
  const napi_status status = napi_create_buffer_copy(env, released.rest_length, released.rest, NULL, &rest);
  free(released.rest);
  return status == napi_ok ? rest : NULL;
}

static napi_value close_engine(napi_env env, napi_callback_info info) {
  napi_value argument;
  size_t count = 1;
  struct http_handle *handle;
  if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL) != napi_ok ||
      napi_get_value_external(env, argument, (void **)&handle) != napi_ok)
    return fail(env, EINVAL, "closeHttpEngine");
  close_handle(env, handle);
  return NULL;
}

bool register_http_functions(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      {"openHttpEngine", NULL, open_engine, NULL, NULL, NULL, napi_enumerable, NULL},
      {"turnHttp", NULL, turn, NULL, NULL, NULL, napi_enumerable, NULL},
      {"adoptHttp", NULL, adopt, NULL, NULL, NULL, napi_enumerable, NULL},
      {"adoptHttpPair", NULL, adopt_pair, NULL, NULL, NULL, napi_enumerable, NULL},
      {"feedHttp", NULL, feed, NULL, NULL, NULL, napi_enumerable, NULL},
      {"releaseHttp", NULL, release, NULL, NULL, NULL, napi_enumerable, NULL},
      {"closeHttpEngine", NULL, close_engine, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  return napi_define_properties(env, exports, sizeof(functions) / sizeof(functions[0]), functions) == napi_ok;
}
