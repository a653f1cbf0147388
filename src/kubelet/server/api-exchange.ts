import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Certificate } from '../../pki/certificate.ts';
import { METRICS_TYPE } from '../../std/metric.ts';

/** A request to the kubelet's API, whatever the connection speaks. */
export interface ApiRequest {
  readonly method: string;
  /** Decoded once; what authorization and routing both see. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** The caller's certificate, when one of the client authorities vouches for it. */
  readonly certificate?: Certificate;
  /** The caller has shown a certificate that none of them vouches for. */
  readonly hasForeignCertificate?: boolean;
  readonly remoteAddress?: string;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
  /** Reads the body. Rejects when it is larger. */
  body(limitBytes: number): Promise<string>;
  /** Of a request that wants to go on as another protocol (SPDY, WebSocket). */
  readonly upgrade?: Upgrade;
}

export interface Upgrade {
  readonly socket: Duplex;
  /** What the client sent behind its request. */
  readonly head: Buffer;
  /** Names and values as they came, in turn. */
  readonly rawHeaders: readonly string[];
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** What is still to come is sent as it comes, no faster than it is read. */
  readonly body: string | Uint8Array | AsyncIterable<Uint8Array>;
}

/** `taken`: the handler has answered on the connection itself. */
export type Outcome = Answer | 'taken';
/** `parameters` are the named parts of the path. */
export type Handler = (request: ApiRequest, parameters: Readonly<Record<string, string>>) => Promise<Outcome> | Outcome;

const TEXT = { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' };

/** As upstream's kubelet says it: without a newline behind it. */
export const plainAnswer = (status: number, body: string, headers: Readonly<Record<string, string>> = {}): Answer => ({
  status,
  headers: { ...TEXT, ...headers },
  body,
});
/** As Go's http.Error says it: with one. */
export const errorAnswer = (status: number, line: string): Answer => plainAnswer(status, `${line}\n`);
export const jsonAnswer = (document: unknown): Answer => ({
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(document),
});
export const prometheusAnswer = (body: string): Answer => ({
  status: 200,
  headers: { 'content-type': METRICS_TYPE },
  body,
});
