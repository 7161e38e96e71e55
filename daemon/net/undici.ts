// SPDX-License-Identifier: Apache-2.0
/**
 * The parts of undici that Leat speaks HTTP/1.1 with. Its front door loads fetch, WebSocket, caches and mocks besides, some
 * seven megabytes that a daemon on every node would never use.
 */
import { createRequire } from 'node:module';
import type * as undici from 'undici';

const require = createRequire(import.meta.url);

export type Agent = undici.Agent;
export const Agent: typeof undici.Agent = require('undici/lib/dispatcher/agent.js');
export type Client = undici.Client;
export const Client: typeof undici.Client = require('undici/lib/dispatcher/client.js');
export type Pool = undici.Pool;
export const Pool: typeof undici.Pool = require('undici/lib/dispatcher/pool.js');
export const errors: typeof undici.errors = require('undici/lib/core/errors.js');
const api: {
  readonly request: (this: undici.Dispatcher, options: object) => unknown;
} = require('undici/lib/api/index.js');
const Dispatcher: { readonly prototype: object } = require('undici/lib/dispatcher/dispatcher.js');

// as the front door does: `request` and the like are methods of every dispatcher
Object.assign(Dispatcher.prototype, api);
