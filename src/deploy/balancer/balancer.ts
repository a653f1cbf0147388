import { once } from 'node:events';
import { connect, createServer, isIP, type Server, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import { type Component, deferred, isAbort } from '../../std/lifecycle.ts';
import type { Logger } from '../../std/logger.ts';
import { Backends } from './backends.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface BalancerOptions {
  readonly listen: Address;
  readonly servers: readonly Address[];
  /** How often each server is asked whether it answers. */
  readonly checkIntervalMs: number;
  /** How long a server may take to answer a check, or to take a connection. */
  readonly answerMs: number;
  /** Connections at a time; more are closed at once. */
  readonly maxConnections: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Balancer extends Component {
  /** Where it listens: with the port that was free when 0 was asked for. */
  readonly address: Address;
}

const FALL = 2;
const RISE = 1;

/**
 * Leads TCP connections to the servers that answer; TLS goes through as it is. A server answers when it ends a TLS handshake, whatever its
 * certificate: who connects looks at that. Connections to a server that went down are ended, so that clients come anew and reach another.
 */
export function createBalancer(options: BalancerOptions): Balancer {
  const { clock, logger, servers } = options;
  const addresses = new Map(servers.map((address) => [nameOf(address), address]));
  const backends = new Backends([...addresses.keys()], { fall: FALL, rise: RISE });
  const led = new Map<string, Set<Socket>>([...addresses.keys()].map((name) => [name, new Set()]));
  const clients = new Set<Socket>();
  const done = deferred();
  let listening: Address | undefined;
  done.promise.catch(() => undefined); // told to whoever asks

  const lead = async (client: Socket): Promise<void> => {
    if (clients.size >= options.maxConnections) {
      client.destroy();
      return;
    }
    clients.add(client);
    client.once('close', () => clients.delete(client));
    client.on('error', () => client.destroy());
    for (const name of backends.candidates()) {
      if (client.destroyed) return;
      const server = await open(addresses.get(name)!, options.answerMs).catch(() => undefined);
      if (!server) continue;
      join(client, server, name);
      return;
    }
    logger.warn('No server takes connections');
    client.destroy();
  };
  const join = (client: Socket, server: Socket, name: string): void => {
    const closed = backends.opened(name);
    const sockets = led.get(name)!;
    sockets.add(server);
    server.once('close', () => {
      closed();
      sockets.delete(server);
      client.destroy();
    });
    client.once('close', () => server.destroy());
    server.on('error', () => server.destroy());
    // Each side may end its half and still be told the rest.
    client.pipe(server);
    server.pipe(client);
    if (client.destroyed) server.destroy();
  };
  const check = async (name: string, address: Address, signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      const change = backends.checked(name, await answers(address, options.answerMs));
      if (change) logger.info(`Server is ${change}`, { server: name });
      if (change === 'down') for (const socket of [...led.get(name)!]) socket.destroy();
      await clock.sleep(options.checkIntervalMs, signal);
    }
  };
  const run = async (server: Server, signal: AbortSignal): Promise<void> => {
    try {
      await Promise.all([...addresses].map(([name, address]) => check(name, address, signal)));
    } catch (error) {
      if (!isAbort(error, signal)) throw error;
    } finally {
      server.close();
      for (const client of clients) client.destroy();
      for (const socket of [...led.values()].flatMap((sockets) => [...sockets])) socket.destroy();
    }
  };

  return {
    name: 'lb',
    done: done.promise,
    get address() {
      if (!listening) throw new Error('the balancer does not listen yet');
      return listening;
    },
    async start(signal) {
      const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) => void lead(client));
      listening = await listen(server, options.listen);
      run(server, signal).then(done.resolve, done.reject);
    },
  };
}

export const nameOf = ({ host, port }: Address): string => `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;

async function listen(server: Server, { host, port }: Address): Promise<Address> {
  try {
    server.listen({ host, port });
    await once(server, 'listening');
  } catch (cause) {
    throw new CodedError(`cannot listen on ${nameOf({ host, port })}: ${(cause as Error).message}`, {
      code: 'LISTEN_FAILED',
      cause,
    });
  }
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('a listening server has no port');
  return { host, port: bound.port };
}

function open({ host, port }: Address, answerMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, allowHalfOpen: true, noDelay: true, keepAlive: true });
    socket.setTimeout(answerMs, () => socket.destroy(new Error('no answer')));
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject).setTimeout(0);
      resolve(socket);
    });
  });
}

/** Whether a server ends a TLS handshake in time. */
function answers({ host, port }: Address, answerMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTls({ host, port, rejectUnauthorized: false });
    const tell = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(answerMs, () => tell(false));
    socket.once('secureConnect', () => tell(true));
    socket.on('error', () => tell(false));
    socket.once('close', () => tell(false));
  });
}
