import { connect, type Socket } from 'node:net';
import { connectTls } from '../../client/transport/tls-connect.ts';
import { TransportError, toTransportError } from '../../client/transport/transport-error.ts';
import { type Backend, originOf } from './backend.ts';

/** A new connection to a backend, TLS where its scheme says so. Rejects with a TransportError. */
export function connectBackend(backend: Backend): Promise<Socket> {
  const { scheme, host, port, trust } = backend;
  const server = originOf(backend);
  if (scheme === 'https') {
    const { caPem, insecureSkipTlsVerify, connectTimeoutMs, dial, clock, client } = trust;
    const target = {
      server,
      connectTimeoutMs,
      ...(dial && { dial }),
      ...(clock && { clock }),
      ...(insecureSkipTlsVerify && { insecureSkipTlsVerify }),
      ...(caPem !== undefined && { caPem: typeof caPem === 'function' ? caPem() : caPem }),
    };
    return connectTls(target, { ...(typeof client === 'function' ? client() : client) }, ['http/1.1']);
  }
  if (trust.dial)
    return trust.dial({ host, port }, AbortSignal.timeout(trust.connectTimeoutMs)).then(
      // Nobody of HTTP speaks before he is asked.
      (socket) => socket.resume(),
      (error: unknown) => {
        throw toTransportError(error, server, false);
      },
    );
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 });
    const fail = (error: unknown) => {
      clearTimeout(timer);
      socket.destroy();
      reject(toTransportError(error, server, false));
    };
    const timer = setTimeout(() => fail(timedOut(server, trust.connectTimeoutMs)), trust.connectTimeoutMs);
    socket.once('error', fail);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', fail);
      resolve(socket);
    });
  });
}

const timedOut = (server: string, ms: number) =>
  new TransportError(`${server}: cannot connect: no answer within ${ms} ms`, { code: 'TRANSPORT_CONNECT', unsent: true });
