import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { badRequest, unsupportedMediaType } from '../../api/machinery/status-error.ts';
import type { PeerCertificate, ServerRequest } from '../contracts.ts';
import { tooLarge } from '../request/body.ts';
import { type IncomingRequest, LazyAbort } from '../request/incoming-request.ts';
import type { Peer } from './peer-certificate.ts';

/** What HTTP/1.1 and HTTP/2 requests have in common. */
export interface RawRequest {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  /** Name, value, name, value. */
  readonly rawHeaders: readonly string[];
  readonly body: Readable;
  readonly takeOver?: ServerRequest['takeOver'];
}

/** A request by HTTP/1.1 or HTTP/2. What most requests never ask for is made when it is. */
export class HttpRequest implements IncomingRequest {
  readonly method: string;
  readonly path: string;
  readonly uri: string;
  readonly remoteAddress: string;
  readonly #message: RawRequest;
  readonly #peer: Peer;
  readonly #rawQuery: string;
  readonly #abort = new LazyAbort();
  #query: URLSearchParams | undefined;
  #valuesByName: ReadonlyMap<string, readonly string[]> | undefined;

  /** @throws URIError for a path with a broken escape */
  constructor(message: RawRequest, peer: Peer) {
    const url = message.url ?? '/';
    const at = url.indexOf('?');
    const path = at < 0 ? url : url.slice(0, at);
    this.method = message.method ?? 'GET';
    this.uri = url;
    this.path = path.includes('%') ? decodeURIComponent(path) : path;
    this.#rawQuery = at < 0 ? '' : url.slice(at + 1);
    this.remoteAddress = peer.address;
    this.#message = message;
    this.#peer = peer;
  }

  get query(): URLSearchParams {
    this.#query ??= new URLSearchParams(this.#rawQuery);
    return this.#query;
  }

  get headers(): Readonly<Record<string, string | undefined>> {
    // Only set-cookie comes as an array, and no request has one.
    return this.#message.headers as Readonly<Record<string, string | undefined>>;
  }

  /** The values of a header that was given several times, one by one. */
  headerValues(name: string): readonly string[] {
    // A head may have tens of thousands of names, each of which is asked for by whoever passes them on.
    this.#valuesByName ??= valuesByName(this.#message.rawHeaders);
    return this.#valuesByName.get(name) ?? [];
  }

  get peerCertificate(): PeerCertificate | undefined {
    return this.#peer.certificate;
  }

  get peerCertificateError(): string | undefined {
    return this.#peer.error;
  }

  get takeOver(): ServerRequest['takeOver'] {
    return this.#message.takeOver;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  abort(reason: Error): void {
    this.#abort.abort(reason);
  }

  bodyStream(): Readable {
    return this.#message.body;
  }

  readBody(limitBytes: number): Promise<Buffer> {
    const encoding = this.headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity')
      return Promise.reject(unsupportedMediaType(`request bodies encoded as ${JSON.stringify(encoding)} are not accepted`));
    if (Number(this.headers['content-length'] ?? 0) > limitBytes) return Promise.reject(tooLarge(limitBytes));
    return new Promise((resolve, reject) => {
      const message = this.#message.body;
      const chunks: Buffer[] = [];
      let size = 0;
      message.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > limitBytes) {
          message.removeAllListeners('data');
          message.resume(); // the rest is read and dropped, so that the client gets to see the answer
          reject(tooLarge(limitBytes));
        } else chunks.push(chunk);
      });
      message.once('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
      message.once('error', reject);
      message.once('close', () => {
        // Every request closes in the end: an error, with its stack, is made for those only that were cut.
        if (!message.readableEnded) reject(badRequest('the client went away before its request was whole'));
      });
    });
  }
}

function valuesByName(raw: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const byName = new Map<string, string[]>();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase();
    const values = byName.get(name);
    if (values) values.push(raw[i + 1]!);
    else byName.set(name, [raw[i + 1]!]);
  }
  return byName;
}
