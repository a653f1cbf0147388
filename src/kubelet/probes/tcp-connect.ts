import { connect } from 'node:net';
import type { SetTimer } from './http-get.ts';
import { dialFailure, joinHostPort } from './probe-target.ts';

/** Undefined when a connection can be made; else why not, in the words of Go's dialer. */
export function tryTcpConnect(host: string, port: number, timeoutMs: number, setTimer: SetTimer): Promise<string | undefined> {
  const address = joinHostPort(host, port);
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const socket = connect({ host, port });
  const timer = setTimer(timeoutMs, () => settle(`dial tcp ${address}: i/o timeout`));
  const settle = (failure: string | undefined) => {
    timer.cancel();
    socket.destroy();
    resolve(failure);
  };
  socket.once('connect', () => settle(undefined));
  // May come again after the end, when the peer resets what we have closed.
  socket.on('error', (error) => settle(dialFailure(error, address)));
  return promise;
}
