// SPDX-License-Identifier: Apache-2.0
/* Marshalling between JavaScript and the relay engine. Results cross in batches, as numbers in an array of the caller's. */
#define NAPI_VERSION 8
#include "relay-binding.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "relay-engine.h"

/* Numbers per result in the caller's Float64Array: id, bytes down, bytes up, end, errno. */
enum { RESULT_NUMBERS = 5, BATCH = 256 };

struct engine_handle {
  struct relay_engine *engine;
  napi_threadsafe_function announce;
};

static napi_value fail(napi_env env, int error, const char *syscall) {
  napi_value code, message, exception;
  const char *name = strerrorname_np(error);
  if (napi_create_string_utf8(env, name ? name : "UNKNOWN", NAPI_AUTO_LENGTH, &code) == napi_ok &&
      napi_create_string_utf8(env, syscall, NAPI_AUTO_LENGTH, &message) == napi_ok &&
      napi_create_error(env, code, message, &exception) == napi_ok)
    napi_throw(env, exception);
  return NULL;
}

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

/* startRelayEngine(threads, onResults): engine */
static napi_value start_engine(napi_env env, napi_callback_info info) {
  napi_value arguments[2], name, external;
  size_t count = 2;
  uint32_t threads;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok ||
      napi_get_value_uint32(env, arguments[0], &threads) != napi_ok || threads < 1 || threads > 256)
    return fail(env, EINVAL, "startRelayEngine");
  struct engine_handle *handle = calloc(1, sizeof(*handle));
  if (handle == NULL) return fail(env, ENOMEM, "startRelayEngine");
  if (napi_create_string_utf8(env, "leat relay", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_threadsafe_function(env, arguments[1], NULL, name, 0, 1, NULL, NULL, NULL, NULL,
                                      &handle->announce) != napi_ok) {
    free(handle);
    return fail(env, EINVAL, "startRelayEngine");
  }
  /* Open relays are no reason to keep the process: whoever holds their connections is. */
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
    relay_discard(&request);
    return fail(env, ENOMEM, "addRelay");
  }
  const int error = relay_engine_add(handle->engine, &request);
  return error == 0 ? NULL : fail(env, error, "addRelay");
}

/* takeRelayResults(engine, Float64Array): number of results */
static napi_value take_results(napi_env env, napi_callback_info info) {
  napi_value arguments[2], taken;
  size_t count = 2, length;
  napi_typedarray_type type;
  double *numbers;
  struct engine_handle *handle;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count < 2 ||
      (handle = read_engine(env, arguments[0])) == NULL ||
      napi_get_typedarray_info(env, arguments[1], &type, &length, (void **)&numbers, NULL, NULL) != napi_ok ||
      type != napi_float64_array)
    return fail(env, EINVAL, "takeRelayResults");
  struct relay_result results[BATCH];
  const size_t room = length / RESULT_NUMBERS;
  const size_t got = relay_engine_take_results(handle->engine, results, room < BATCH ? room : BATCH);
  for (size_t i = 0; i < got; i++) {
    double *row = numbers + i * RESULT_NUMBERS;
    row[0] = (double)results[i].id;
    row[1] = (double)results[i].bytes[RELAY_DOWNSTREAM];
    row[2] = (double)results[i].bytes[RELAY_UPSTREAM];
    row[3] = results[i].end;
    row[4] = results[i].error;
  }
  return napi_create_uint32(env, (uint32_t)got, &taken) == napi_ok ? taken : NULL;
}

static napi_value cut_relays(napi_env env, napi_callback_info info) {
  napi_value argument;
  size_t count = 1;
  struct engine_handle *handle;
  if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL) != napi_ok ||
      (handle = read_engine(env, argument)) == NULL)
    return fail(env, EINVAL, "cutRelays");
  relay_engine_cut_all(handle->engine);
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
      {"takeRelayResults", NULL, take_results, NULL, NULL, NULL, napi_enumerable, NULL},
      {"cutRelays", NULL, cut_relays, NULL, NULL, NULL, napi_enumerable, NULL},
      {"stopRelayEngine", NULL, stop_engine, NULL, NULL, NULL, napi_enumerable, NULL},
      {"duplicateDescriptor", NULL, duplicate_descriptor, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  return napi_define_properties(env, exports, sizeof(functions) / sizeof(functions[0]), functions) == napi_ok;
}
