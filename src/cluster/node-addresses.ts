import { createServer } from 'node:net';

/** Where a kubelet of this cluster listens. */
export interface NodeEndpoint {
  readonly address: string;
  readonly port: number;
}

export const KUBELET_PORT = 10250;
const NODES_IN_ROW = 250;
/** Addresses tried before a node takes a free port on 127.0.0.1 instead. */
const TRIES = 8;

/** The first address for a new cluster's nodes, far from 127.0.0.x, which other programs like. */
export function firstNodeAddress(random: () => number): string {
  const second = 16 + Math.floor(random() * 224);
  const third = Math.floor(random() * 240);
  return `127.${second}.${third}.1`;
}

/** The address after `address`: the next in its row of 250, then the next row. */
export function nextNodeAddress(address: string): string {
  const [, second = 0, third = 0, fourth = 0] = address.split('.').map(Number);
  if (fourth < NODES_IN_ROW) return `127.${second}.${third}.${fourth + 1}`;
  if (third < 255) return `127.${second}.${third + 1}.1`;
  return `127.${second < 255 ? second + 1 : 16}.0.1`;
}

/** Whether something can listen there now. */
export function canListen(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** A port on 127.0.0.1 that nobody listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port: 0 }, () => {
      const address = server.address();
      server.close(() => (address && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port'))));
    });
  });
}

/**
 * Where a new node may listen: its own loopback address with port 10250 where the system has all of 127.0.0.0/8, a free port
 * on 127.0.0.1 elsewhere.
 *
 * @param from the first address to try
 */
export async function findNodeEndpoint(from: string, listens: typeof canListen = canListen): Promise<NodeEndpoint> {
  let address = from;
  for (let i = 0; i < TRIES; i++, address = nextNodeAddress(address)) {
    if (await listens(address, KUBELET_PORT)) return { address, port: KUBELET_PORT };
  }
  return { address: '127.0.0.1', port: await freePort() };
}
