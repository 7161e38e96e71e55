// SPDX-License-Identifier: Apache-2.0
#ifndef LEAT_BINDING_FAIL_H
#define LEAT_BINDING_FAIL_H

#include <node_api.h>
#include <string.h>

/* Throws an Error whose code is the name of the errno, and whose message is the call. */
static inline napi_value fail(napi_env env, int error, const char *syscall) {
  napi_value code, message, exception;
  const char *name = strerrorname_np(error);
  if (napi_create_string_utf8(env, name ? name : "UNKNOWN", NAPI_AUTO_LENGTH, &code) == napi_ok &&
      napi_create_string_utf8(env, syscall, NAPI_AUTO_LENGTH, &message) == napi_ok &&
      napi_create_error(env, code, message, &exception) == napi_ok)
    napi_throw(env, exception);
  return NULL;
}

#endif
