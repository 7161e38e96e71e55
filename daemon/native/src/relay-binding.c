// SPDX-License-Identifier: Apache-2.0
/* Marshalling between JavaScript and the relay engine. */
#define NAPI_VERSION 8
#include "relay-binding.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "binding-fail.h"
#include "relay-engine.h"
#include "relay-rows.h"

struct engine_handle {
  struct relay_engine *engine;
  napi_threadsafe_function announce;
  struct relay_rows rows;
};

/* On a thread of the engine. */
static void announce(void *context) {
  struct engine_handle *handle = context;
  (void)napi_call_threadsafe_function(handle->announce, NULL, napi_tsfn_nonblocking);
}

static void stop(struct engine_handle *handle) {
  if (handle->engine == NULL) return;
  relay_engine_stop(handle->engine);
  handle->engine = NULL;
  (void)napi_release_threadsafe_function(handle->announce, napi_tsfn_abort);
}

static void finalize(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  stop(data);
  free(data);
}

static bool share_numbers(napi_env env, napi_value value, size_t row, struct relay_numbers *numbers) {
  napi_typedarray_type type;
  size_t length;
  if (napi_get_typedarray_info(env, value, &type, &length, (void **)&numbers->count, NULL, NULL) != napi_ok ||
      type != napi_float64_array || length < 1 + row)
    return false;
  numbers->rows = numbers->count + 1;
  numbers->most = (length - 1) / row;
  return true;
}

static bool share_rows(napi_env env, const napi_value arrays[4], struct relay_rows *rows) {
  return share_numbers(env, arrays[0], RELAY_RESULT_NUMBERS, &rows->results) &&
         share_numbers(env, arrays[1], RELAY_ACCEPTED_NUMBERS, &rows->accepted) &&
         share_numbers(env, arrays[2], RELAY_DIAL_NUMBERS, &rows->dials) &&
         napi_get_buffer_info(env, arrays[3], (void **)&rows->scripts, &rows->scripts_length) == napi_ok;
}

/* startRelayEngine(threads, onEvents, results, accepted, dials, scripts): engine; the caller keeps the arrays */
static napi_value start_engine(napi_env env, napi_callback_info info) {
  napi_value arguments[6], name, external;
  size_t count = 6;
  uint32_t threads;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count < 6 ||
      napi_get_value_uint32(env, arguments[0], &threads) != napi_ok || threads < 1 || threads > 256)
    return fail(env, EINVAL, "startRelayEngine");
  struct engine_handle *handle = calloc(1, sizeof(*handle));
  if (handle == NULL) return fail(env, ENOMEM, "startRelayEngine");
  if (!share_rows(env, arguments + 2, &handle->rows) ||
      napi_create_string_utf8(env, "leat relay", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_threadsafe_function(env, arguments[1], NULL, name, 0, 1, NULL, NULL, NULL, NULL,
                                      &handle->announce) != napi_ok) {
    free(handle);
    return fail(env, EINVAL, "startRelayEngine");
  }
  /* An engine with nothing to tell is no reason to keep the process; holdProcess() says when there is. */
  (void)napi_unref_threadsafe_function(env, handle->announce);
  handle->engine = relay_engine_start(threads, announce, handle);
  if (handle->engine == NULL) {
    const int error = errno;
    (void)napi_release_threadsafe_function(handle->announce, napi_tsfn_abort);
    free(handle);
    return fail(env, error, "startRelayEngine");
  }
  if (napi_create_external(env, handle, finalize, NULL, &external) != napi_ok) {
    finalize(env, handle, NULL);
    return fail(env, ENOMEM, "startRelayEngine");
  }
  return external;
}

static struct engine_handle *read_engine(napi_env env, napi_value value) {
  struct engine_handle *handle;
  if (napi_get_value_external(env, value, (void **)&handle) != napi_ok || handle->engine == NULL) return NULL;
  return handle;
}

/* Of a function that is given the engine and nothing else. */
static struct engine_handle *read_only_argument(napi_env env, napi_callback_info info) {
  napi_value argument;
  size_t count = 1;
  if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL) != napi_ok) return NULL;
  return read_engine(env, argument);
}

/* A Buffer's bytes in memory of our own; null and an empty buffer are no prefix. */
static bool copy_prefix(napi_env env, napi_value value, struct relay_prefix *prefix) {
  bool is_buffer;
  void *bytes;
  size_t length;
  *prefix = (struct relay_prefix){NULL, 0};
  if (napi_is_buffer(env, value, &is_buffer) != napi_ok || !is_buffer) return true;
  if (napi_get_buffer_info(env, value, &bytes, &length) != napi_ok) return false;
  if (length == 0) return true;
  prefix->bytes = malloc(length);
  if (prefix->bytes == NULL) return false;
  memcpy(prefix->bytes, bytes, length);
  prefix->length = length;
  return true;
}

/* addRelay(engine, id, downstreamFd, upstreamFd, downstreamPrefix, upstreamPrefix, idleMs) */
static napi_value add_relay(napi_env env, napi_callback_info info) {
  napi_value arguments[7];
  size_t count = 7;
  int64_t id, idle_ms;
  struct relay_request request = {.id = 0};
  struct engine_handle *handle;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count < 7 ||
      (handle = read_engine(env, arguments[0])) == NULL ||
      napi_get_value_int64(env, arguments[1], &id) != napi_ok ||
      napi_get_value_int32(env, arguments[2], &request.fd[RELAY_DOWNSTREAM]) != napi_ok ||
      napi_get_value_int32(env, arguments[3], &request.fd[RELAY_UPSTREAM]) != napi_ok ||
      napi_get_value_int64(env, arguments[6], &idle_ms) != napi_ok || id < 0 || idle_ms < 1)
    return fail(env, EINVAL, "addRelay");
  request.id = (uint64_t)id;
  request.idle_ms = (uint64_t)idle_ms;
  if (!copy_prefix(env, arguments[4], &request.prefix[RELAY_DOWNSTREAM]) ||
      !copy_prefix(env, arguments[5], &request.prefix[RELAY_UPSTREAM])) {
    for (int side = 0; side < 2; side++) {
      relay_reset(request.fd[side]);
      free(request.prefix[side].bytes);
    }
    return fail(env, ENOMEM, "addRelay");
  }
  relay_engine_add(handle->engine, &request);
  return NULL;
}

/* takeEvents(engine): fills the arrays of results and of accepted connections */
static napi_value take_events(napi_env env, napi_callback_info info) {
  struct engine_handle *handle = read_only_argument(env, info);
  if (handle == NULL) return fail(env, EINVAL, "takeEvents");
  relay_take_rows(handle->engine, &handle->rows);
  return NULL;
}

/* submitRelays(engine): begins what is in the array of dials, and what was added before */
static napi_value submit(napi_env env, napi_callback_info info) {
  struct engine_handle *handle = read_only_argument(env, info);
  if (handle == NULL) return fail(env, EINVAL, "submitRelays");
  relay_submit_rows(handle->engine, &handle->rows);
  return NULL;
}

static bool read_address(napi_env env, napi_value value, uint32_t port, struct sockaddr_storage *address) {
  char text[INET6_ADDRSTRLEN];
  return port <= UINT16_MAX && napi_get_value_string_latin1(env, value, text, sizeof(text), NULL) == napi_ok &&
         parse_address(text, (uint16_t)port, address);
}

/* listen(engine, address, port, backlog): the port that was bound */
static napi_value listen_on(napi_env env, napi_callback_info info) {
  napi_value arguments[4], number;
  size_t count = 4;
  uint32_t port, backlog;
  struct sockaddr_storage address;
  struct engine_handle *handle;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count < 4 ||
      (handle = read_engine(env, arguments[0])) == NULL || napi_get_value_uint32(env, arguments[2], &port) != napi_ok ||
      !read_address(env, arguments[1], port, &address) || napi_get_value_uint32(env, arguments[3], &backlog) != napi_ok)
    return fail(env, EINVAL, "listen");
  const int bound = relay_engine_listen(handle->engine, (const struct sockaddr *)&address, address_length(&address),
                                        backlog > 65535 ? 65535 : (int)backlog);
  if (bound < 0) return fail(env, errno, "listen");
  return napi_create_int32(env, bound, &number) == napi_ok ? number : NULL;
}

static napi_value stop_listening(napi_env env, napi_callback_info info) {
  struct engine_handle *handle = read_only_argument(env, info);
  if (handle == NULL) return fail(env, EINVAL, "stopListening");
  relay_engine_stop_listening(handle->engine);
  return NULL;
}

/* resetDescriptor(fd): closes it so that its peer sees a reset */
static napi_value reset_descriptor(napi_env env, napi_callback_info info) {
  napi_value argument;
  size_t count = 1;
  int32_t fd;
  if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL) != napi_ok ||
      napi_get_value_int32(env, argument, &fd) != napi_ok || fd < 0)
    return fail(env, EINVAL, "resetDescriptor");
  relay_reset(fd);
  return NULL;
}

static napi_value cut_relays(napi_env env, napi_callback_info info) {
  struct engine_handle *handle = read_only_argument(env, info);
  if (handle == NULL) return fail(env, EINVAL, "cutRelays");
  relay_engine_cut_all(handle->engine);
  return NULL;
}

/* holdProcess(engine, hold): whether results that are to come keep the event loop alive */
static napi_value hold_process(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  size_t count = 2;
  bool hold;
  struct engine_handle *handle;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count < 2 ||
      (handle = read_engine(env, arguments[0])) == NULL || napi_get_value_bool(env, arguments[1], &hold) != napi_ok)
    return fail(env, EINVAL, "holdProcess");
  if (hold) (void)napi_ref_threadsafe_function(env, handle->announce);
  else (void)napi_unref_threadsafe_function(env, handle->announce);
  return NULL;
}

static napi_value stop_engine(napi_env env, napi_callback_info info) {
  napi_value argument;
  size_t count = 1;
  struct engine_handle *handle;
  if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL) != napi_ok ||
      napi_get_value_external(env, argument, (void **)&handle) != napi_ok)
    return fail(env, EINVAL, "stopRelayEngine");
  stop(handle);
  return NULL;
}

/* duplicateDescriptor(fd): a second descriptor of the same socket, close-on-exec */
static napi_value duplicate_descriptor(napi_env env, napi_callback_info info) {
  napi_value argument, number;
  size_t count = 1;
  int32_t fd;
  if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL) != napi_ok ||
      napi_get_value_int32(env, argument, &fd) != napi_ok)
    return fail(env, EINVAL, "duplicateDescriptor");
  const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return fail(env, errno, "fcntl");
  return napi_create_int32(env, copy, &number) == napi_ok ? number : NULL;
}

bool register_relay_functions(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      {"startRelayEngine", NULL, start_engine, NULL, NULL, NULL, napi_enumerable, NULL},
      {"addRelay", NULL, add_relay, NULL, NULL, NULL, napi_enumerable, NULL},
      {"takeEvents", NULL, take_events, NULL, NULL, NULL, napi_enumerable, NULL},
      {"submitRelays", NULL, submit, NULL, NULL, NULL, napi_enumerable, NULL},
      {"listen", NULL, listen_on, NULL, NULL, NULL, napi_enumerable, NULL},
      {"stopListening", NULL, stop_listening, NULL, NULL, NULL, napi_enumerable, NULL},
      {"resetDescriptor", NULL, reset_descriptor, NULL, NULL, NULL, napi_enumerable, NULL},
      {"cutRelays", NULL, cut_relays, NULL, NULL, NULL, napi_enumerable, NULL},
      {"holdProcess", NULL, hold_process, NULL, NULL, NULL, napi_enumerable, NULL},
      {"stopRelayEngine", NULL, stop_engine, NULL, NULL, NULL, napi_enumerable, NULL},
      {"duplicateDescriptor", NULL, duplicate_descriptor, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  return napi_define_properties(env, exports, sizeof(functions) / sizeof(functions[0]), functions) == napi_ok;
}
