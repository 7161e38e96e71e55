// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { connect } from 'node:tls';
import type { buildConnector } from 'undici';
import { beginConnect, tcpSocketInNamespace } from '../../daemon/native/index.ts';
import { Namespace } from './namespace.ts';
import type { Place } from './place.ts';

/** How undici reaches a TLS server on 127.0.0.1 of a place from the test's own process, which is on the machine's loopback. */
export function connectorTo(place: Place, ca: string): buildConnector.connector | buildConnector.BuildOptions {
  if (!(place instanceof Namespace)) return { ca };
  return ({ hostname, port }, callback) => {
    const socket = connect({ socket: connectIn(place, '127.0.0.1', Number(port)), host: hostname, ca });
    socket.once('secureConnect', () => {
      socket.removeAllListeners('error');
      callback(null, socket);
    });
    socket.once('error', (error) => callback(error, null));
  };
}

/** A connection that begins in the namespace; it is under way, or has failed by an event. */
export function connectIn({ path }: Namespace, address: string, port: number): Socket {
  const namespace = openSync(path, 'r');
  try {
    const fd = tcpSocketInNamespace(namespace, 4);
    try {
      beginConnect(fd, { address, port });
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return new Socket({ fd, readable: true, writable: true });
  } finally {
    closeSync(namespace);
  }
}
