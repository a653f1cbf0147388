import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { request as httpRequest } from '../../std/http.ts';
import type { PassedHeaders } from './passed-headers.ts';

const LONGEST_HEAD_BYTES = 64 * 1024;

export interface UpgradeQuestion {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** For the `Host` header. */
  readonly host: string;
  /** `SPDY/3.1`, `websocket` */
  readonly upgrade: string;
  readonly headers: PassedHeaders;
}

export interface UpgradeAnswer {
  readonly status: number;
  readonly message: IncomingMessage;
  /** Whether the connection speaks another protocol from here on. */
  readonly switched: boolean;
  /** What has come behind the head in that protocol. */
  readonly rest: Buffer;
}

/** Sends a request's head on a connection that is used for nothing else, and waits for the answer's. Rejects when none comes. */
export function askUpgrade(
  connection: Duplex,
  { method, path, host, upgrade, headers }: UpgradeQuestion,
): Promise<UpgradeAnswer> {
  return new Promise((resolve, reject) => {
    const asking = httpRequest({
      createConnection: () => connection,
      method,
      path,
      headers: { ...headers, host, connection: 'Upgrade', upgrade },
      maxHeaderSize: LONGEST_HEAD_BYTES,
    });
    const told = (message: IncomingMessage, switched: boolean, rest: Buffer) =>
      resolve({ status: message.statusCode ?? 502, message, switched, rest });
    asking.on('upgrade', (message, _socket, rest) => told(message, message.statusCode === 101, rest));
    asking.on('response', (message) => told(message, false, Buffer.alloc(0)));
    asking.on('error', reject);
    asking.end();
  });
}
