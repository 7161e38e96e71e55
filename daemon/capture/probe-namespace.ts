// SPDX-License-Identifier: Apache-2.0
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { beginConnect, createNetworkNamespace, tcpSocketInNamespace } from '../native/index.ts';
import { type Endpoint, type Family, familyOf, type IpAddress } from '../net/endpoint.ts';
import { runTool } from './run-tool.ts';

/** The node's end of the probe's veth pair. */
const PROBE_INTERFACE = 'leat-probe';

/** Source addresses of the probe: beside Leat's own, of the same link-local and unique local ranges, used on its link only. */
const PROBE_ADDRESSES: Readonly<Record<Family, IpAddress>> = { 4: '169.254.74.2', 6: 'fd6c:6561:7400::2' };
/** The node's end needs an address: where init was told to REDIRECT everywhere, packets would be dropped without. */
const NODE_ADDRESSES: Readonly<Record<Family, IpAddress>> = { 4: '169.254.74.3', 6: 'fd6c:6561:7400::3' };
/** Locally administered; fixed, so that neither end has to ask for its neighbour. */
const PROBE_LINK_ADDRESS = '02:6c:65:61:74:02';
const NODE_LINK_ADDRESS = '02:6c:65:61:74:03';

/** A place that is to the node's rules what a pod is: its packets come in from an interface. */
export interface ProbeNamespace {
  isProbe(peer: IpAddress): boolean;
  /** Begins to connect from inside. What comes of it the socket tells: data, end or error; there is no 'connect'. */
  connect(target: Endpoint): Socket;
  /** Removes the link and the namespace. */
  close(): Promise<void>;
}

/**
 * Makes a network namespace, joined to this one by a veth pair. It has no name and ends with the process, whatever way that
 * ends. Needs CAP_SYS_ADMIN and CAP_NET_ADMIN, ip(8) and nsenter(1).
 *
 * @throws NativeError, Error of a tool
 */
export async function openProbeNamespace(families: readonly Family[]): Promise<ProbeNamespace> {
  const namespace = createNetworkNamespace();
  const close = async (): Promise<void> => {
    try {
      await removeLink();
    } finally {
      closeSync(namespace);
    }
  };
  try {
    // One that is left belongs to a daemon that was killed just now: the kernel removes it with its namespace, but not at once.
    await removeLink();
    await runTool(['ip', '-batch', '-'], { input: lines(nodeSide(families)), descriptor: namespace });
    const inside = ['nsenter', '--net=/proc/self/fd/3', 'ip', '-batch', '-'] as const;
    await runTool([...inside], { input: lines(probeSide(families)), descriptor: namespace });
    await awaitLink();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    isProbe: (peer) => families.some((family) => PROBE_ADDRESSES[family] === peer),
    connect: (target) => connectInside(namespace, target),
    close,
  };
}

/** The end that was up first gets its queue from a kernel thread, up to a second later, and drops packets until then. */
async function awaitLink(): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const link = await runTool(['ip', '-o', 'link', 'show', 'dev', PROBE_INTERFACE]);
    if (link.includes(' state UP ')) return;
    await sleep(20);
  }
  throw new Error(`interface ${PROBE_INTERFACE} did not come up within 2 s`);
}

async function removeLink(): Promise<void> {
  const links = await runTool(['ip', '-json', 'link', 'show', 'type', 'veth']);
  const names: unknown = JSON.parse(links === '' ? '[]' : links);
  const isThere = Array.isArray(names) && names.some((link) => link.ifname === PROBE_INTERFACE);
  if (!isThere) return;
  try {
    await runTool(['ip', 'link', 'delete', PROBE_INTERFACE]);
  } catch (error) {
    // The kernel was faster.
    if (!(error instanceof Error && error.message.includes('Cannot find device'))) throw error;
  }
}

function nodeSide(families: readonly Family[]): string[] {
  const peer = `peer name eth0 address ${PROBE_LINK_ADDRESS} netns /proc/self/fd/3`;
  return [
    `link add ${PROBE_INTERFACE} address ${NODE_LINK_ADDRESS} type veth ${peer}`,
    `link set ${PROBE_INTERFACE} up`,
    ...families.flatMap((family) =>
      endLines(family, PROBE_INTERFACE, NODE_ADDRESSES[family], PROBE_ADDRESSES[family], PROBE_LINK_ADDRESS),
    ),
  ];
}

function probeSide(families: readonly Family[]): string[] {
  return [
    'link set eth0 up',
    ...families.flatMap((family) => [
      ...endLines(family, 'eth0', PROBE_ADDRESSES[family], NODE_ADDRESSES[family], NODE_LINK_ADDRESS),
      `route add default via ${NODE_ADDRESSES[family]} dev eth0 onlink`,
    ]),
  ];
}

function endLines(family: Family, device: string, own: IpAddress, other: IpAddress, otherLink: string): string[] {
  const bits = family === 4 ? 32 : 128;
  // Duplicate address detection would make an IPv6 address unusable for its first second.
  const flags = family === 4 ? '' : ' nodad';
  return [
    `address add ${own}/${bits} dev ${device}${flags}`,
    `route add ${other}/${bits} dev ${device}`,
    `neigh replace ${other} lladdr ${otherLink} dev ${device} nud permanent`,
  ];
}

function lines(commands: readonly string[]): string {
  return commands.map((command) => `${command}\n`).join('');
}

function connectInside(namespace: number, target: Endpoint): Socket {
  const fd = tcpSocketInNamespace(namespace, familyOf(target.address));
  try {
    beginConnect(fd, target);
    return new Socket({ fd, readable: true, writable: true });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
