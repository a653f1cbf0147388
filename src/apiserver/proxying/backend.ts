import { isIPv6 } from 'node:net';
import type { Dial } from '../../client/transport/tls-connect.ts';
import type { Clock } from '../../std/clock.ts';

/** A server that requests are passed on to. */
export interface Backend {
  readonly scheme: 'http' | 'https';
  /** A name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
  /** How it is trusted and who we are to it; one object for all backends that share it. */
  readonly trust: BackendTrust;
}

interface BackendClient {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

export interface BackendTrust {
  /** The authorities of its certificate; a function is asked for each connection. */
  readonly caPem?: string | (() => string);
  readonly insecureSkipTlsVerify?: boolean;
  /** Who we are to it; a function is asked for each connection. */
  readonly client?: BackendClient | (() => BackendClient);
  readonly connectTimeoutMs: number;
  /** Makes connections to it. Default: they are made directly. */
  readonly dial?: Dial;
  /** By whose time its certificate is judged. Default: the machine's. */
  readonly clock?: Pick<Clock, 'now'>;
}

/** `10.0.0.1:80`, `[fd00::1]:80` */
export const hostAndPort = ({ host, port }: Pick<Backend, 'host' | 'port'>): string =>
  `${isIPv6(host) ? `[${host}]` : host}:${port}`;

export const originOf = (backend: Backend): string => `${backend.scheme}://${hostAndPort(backend)}`;
