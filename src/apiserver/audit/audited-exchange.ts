import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { Status } from '../../api/machinery/status-error.ts';
import { exactJsonText, parseExactJson } from '../../std/exact-json.ts';
import type { PeerCertificate, ServerRequest, ServerResponse } from '../contracts.ts';
import { parseYaml } from '../request/body.ts';
import type { RequestRecord } from './request-record.ts';

/** An answer that is larger is not kept for the log: it says so instead. */
const MOST_KEPT_BYTES = 64 * 1024 * 1024;
const STATUS_START = Buffer.from('{"kind":"Status"');

const unzip = promisify(gunzip);

/** A request whose body is remembered for the log. */
export class AuditedRequest implements ServerRequest {
  readonly #inner: ServerRequest;
  #body: Buffer | undefined;

  constructor(inner: ServerRequest) {
    this.#inner = inner;
  }

  get method(): string {
    return this.#inner.method;
  }
  get path(): string {
    return this.#inner.path;
  }
  get uri(): string | undefined {
    return this.#inner.uri;
  }
  get query(): URLSearchParams {
    return this.#inner.query;
  }
  get headers(): Readonly<Record<string, string | undefined>> {
    return this.#inner.headers;
  }
  get peerCertificate(): PeerCertificate | undefined {
    return this.#inner.peerCertificate;
  }
  get remoteAddress(): string {
    return this.#inner.remoteAddress;
  }
  get signal(): AbortSignal {
    return this.#inner.signal;
  }

  get takeOver(): ServerRequest['takeOver'] {
    return this.#inner.takeOver;
  }

  /** What is passed on is nothing that the log would show. */
  get bodyStream(): ServerRequest['bodyStream'] {
    return this.#inner.bodyStream?.bind(this.#inner);
  }

  headerValues(name: string): readonly string[] {
    const { headers } = this.#inner;
    return this.#inner.headerValues?.(name) ?? (headers[name] === undefined ? [] : headers[name].split(/\s*,\s*/));
  }

  async readBody(limitBytes: number): Promise<Buffer> {
    this.#body = await this.#inner.readBody(limitBytes);
    return this.#body;
  }

  /** Notes a body that no verb has noted as an object: a patch, options, or what could not be decoded further. */
  async note(record: RequestRecord): Promise<void> {
    if (record.hasRequestObject || !this.#body?.length) return;
    const type = this.headers['content-type'] ?? '';
    if (type.includes('protobuf')) return;
    try {
      record.requestBody(type.includes('yaml') ? await parseApplied(this.#body) : parseExactJson(this.#body.toString('utf8')));
    } catch {
      // What is no JSON was refused for that, and the refusal is in the log.
    }
  }
}

async function parseApplied(body: Buffer): Promise<unknown> {
  try {
    return parseExactJson(body.toString('utf8')); // JSON is YAML, and is what clients send
  } catch {
    return parseYaml(body);
  }
}

/** An answer of which the code, the Status or the whole object is noted on its way out. */
export class AuditedResponse implements ServerResponse {
  readonly #inner: ServerResponse;
  readonly #record: RequestRecord;
  readonly #onStarted: () => void;
  readonly #keepsObject: boolean;
  /** Long lists go by as they are, unless they are to be kept. */
  readonly pour?: NonNullable<ServerResponse['pour']>;
  #headers: Readonly<Record<string, string | readonly string[]>> = {};
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #started = false;
  #streams = false;
  #released = false;
  /** The end of the answer, which waits for the log: who has the answer finds its event there, as with upstream. */
  #finish: (() => void) | undefined;

  constructor(inner: ServerResponse, record: RequestRecord, onStarted: () => void) {
    this.#inner = inner;
    this.#record = record;
    this.#onStarted = onStarted;
    this.#keepsObject = record.wants('RequestResponse') && record.verb !== 'watch';
    if (inner.pour && !this.#keepsObject) this.pour = inner.pour.bind(inner);
  }

  get headersSent(): boolean {
    return this.#inner.headersSent;
  }

  get turns(): ServerResponse['turns'] {
    return this.#inner.turns;
  }

  get started(): boolean {
    return this.#started;
  }

  writeHead(status: number, headers?: Readonly<Record<string, string | readonly string[]>>): void {
    this.#headers = headers ?? {};
    this.#begin(status);
    this.#inner.writeHead(status, headers);
  }

  write(chunk: Uint8Array | string): boolean {
    this.#begin(200);
    this.#streams ||= chunk.length > 0;
    return this.#inner.write(chunk);
  }

  end(chunk?: Uint8Array | string): void {
    this.#begin(200);
    if (chunk !== undefined && !this.#streams) this.#keep(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
    if (this.#released) this.#inner.end(chunk);
    else this.#finish ??= () => this.#inner.end(chunk);
  }

  /** Lets the answer end, now or when it does: what is to be logged of it has been. */
  release(): void {
    this.#released = true;
    this.#finish?.();
    this.#finish = undefined;
  }

  drained(): Promise<void> {
    return this.#inner.drained();
  }

  #begin(status: number): void {
    if (this.#started) return;
    this.#started = true;
    this.#record.responseCode(status);
    this.#onStarted();
  }

  #keep(chunk: Uint8Array): void {
    const isStatus = STATUS_START.equals(chunk.subarray(0, STATUS_START.length));
    if (!this.#keepsObject && !isStatus) return;
    if (chunk.length > MOST_KEPT_BYTES) this.#record.addAuditAnnotation('audit.k8s.io/truncated', 'true');
    else {
      this.#chunks.push(chunk);
      this.#bytes += chunk.length;
    }
  }

  /** Notes what was sent, where that is not known better; called once the answer is whole. */
  async note(): Promise<void> {
    if (this.#record.hasResponseObject) return;
    const type = String(this.#headers['content-type'] ?? '');
    if (this.#bytes === 0 || !/^application\/(json|yaml)/.test(type)) return;
    let bytes = Buffer.concat(this.#chunks);
    this.#chunks = [];
    if (this.#headers['content-encoding'] === 'gzip') bytes = await unzip(bytes);
    const text = type.startsWith('application/yaml') ? exactJsonText(await parseYaml(bytes)) : bytes.toString('utf8').trim();
    if (text.startsWith('{"kind":"Status"')) this.#record.responseStatus(JSON.parse(text) as Status);
    if (this.#keepsObject) this.#record.responseJson(text);
  }
}
