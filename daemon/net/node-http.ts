// SPDX-License-Identifier: Apache-2.0
/**
 * `node:http`, without the rest of what it exports: an import would read every export, and that of WebSocket loads Node's
 * own fetch, which is 13 MB on every node. A test holds the daemon to it.
 */
const http = process.getBuiltinModule('node:http');

export const { createServer, request, STATUS_CODES } = http;
export const ServerResponse: typeof import('node:http').ServerResponse = http.ServerResponse;
