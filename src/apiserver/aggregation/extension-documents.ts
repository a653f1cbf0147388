import { createHash } from 'node:crypto';
import type { V1APIService } from '../../api/gen/types.ts';
import { isJsonMap, type JsonMap } from '../../api/machinery/clone.ts';
import { type Clock, steadyMs } from '../../std/clock.ts';
import { parseExactJson } from '../../std/exact-json.ts';
import type { Steps } from '../../std/pauses.ts';
import { runInTurns } from '../../std/turn-pace.ts';
import type { ServerRequest, ServerResponse } from '../contracts.ts';
import { DocumentWriter } from '../openapi/document-writer.ts';
import { OPENAPI_V3_JSON } from '../openapi/json-forms.ts';
import { readText } from '../outgoing/webhook-client.ts';
import { sendPageNotFound } from '../response/send.ts';
import { referenceOf } from './availability.ts';
import type { ExtensionConnections } from './extension-connections.ts';
import { isAvailable } from './is-available.ts';
import { readSwagger } from './read-swagger.ts';
import { identityHeaders } from './request-headers.ts';
import type { ServiceReference } from './service-resolver.ts';

export interface ExtensionDocumentsDeps {
  readonly connections: ExtensionConnections;
  readonly resolve: (service: ServiceReference) => string;
  readonly clock: Pick<Clock, 'now' | 'steady'>;
}

interface Told {
  readonly status: number;
  readonly document: unknown;
  readonly etag: string | undefined;
  /** Of what was sent: the same is not read again, and stays one object for those who remember what they made of it. */
  readonly digest: string;
}
interface Converted {
  readonly body: Buffer;
  /** Names the document's content. */
  readonly hash: string;
}

const TIMEOUT_MS = 5_000;
const LIMIT_BYTES = 32 * 1024 * 1024;
/** A server that gave no answer is not waited for again so soon: everybody's requests for OpenAPI would wait with it. */
const FAILED_MS = 10_000;
const AGGREGATOR = identityHeaders({ name: 'system:aggregator', groups: ['system:masters'] });

/**
 * OpenAPI documents of extension servers, asked for again by what they are known by. A server that knows nothing of version 3 has its
 * version 2 document served in that form (kube-aggregator/pkg/controllers/openapiv3).
 */
export class ExtensionDocuments {
  readonly #deps: ExtensionDocumentsDeps;
  /** Of each APIService as it is now, the documents by their paths: a change of it forgets them. */
  readonly #told = new WeakMap<V1APIService, Map<string, Told>>();
  readonly #converted = new WeakMap<object, Converted>();
  /** Of each APIService, what is being asked for, and until when what could not be had is not asked for again. */
  readonly #asking = new WeakMap<V1APIService, Map<string, Promise<Told | undefined>>>();
  readonly #failed = new WeakMap<V1APIService, Map<string, number>>();

  constructor(deps: ExtensionDocumentsDeps) {
    this.#deps = deps;
  }

  /** Undefined when the server has no such document, or does not answer in time: availability checks tell of those. */
  async ask(service: V1APIService, path: string): Promise<unknown> {
    const told = await this.#ask(service, path);
    return told?.status === 200 ? told.document : undefined;
  }

  /** The version 3 document that is made of version 2's for a server that has no version 3; undefined for any other. */
  async converted(service: V1APIService): Promise<Converted | undefined> {
    if ((await this.#ask(service, '/openapi/v3'))?.status !== 404) return undefined;
    const document = await this.ask(service, '/openapi/v2');
    if (!isJsonMap(document)) return undefined;
    let converted = this.#converted.get(document);
    if (!converted) {
      const body = Buffer.concat(await runInTurns(inVersion3(document)));
      converted = { body, hash: createHash('sha512').update(body).digest('hex').toUpperCase() };
      this.#converted.set(document, converted);
    }
    return converted;
  }

  /** Who comes while the server is being asked gets the same answer. */
  #ask(service: V1APIService, path: string): Promise<Told | undefined> {
    const running = this.#asking.get(service)?.get(path);
    if (running !== undefined) return running;
    const failedUntilMs = this.#failed.get(service)?.get(path) ?? Number.NEGATIVE_INFINITY;
    if (!isAvailable(service) || steadyMs(this.#deps.clock) < failedUntilMs) return Promise.resolve(undefined);
    const asking = this.#askNow(service, path).finally(() => this.#asking.get(service)?.delete(path));
    put(this.#asking, service, path, asking);
    return asking;
  }

  async #askNow(service: V1APIService, path: string): Promise<Told | undefined> {
    const known = this.#told.get(service)?.get(path);
    try {
      const transport = this.#deps.connections.to(this.#deps.resolve(referenceOf(service)!), service.spec!);
      const answer = await transport.request({
        method: 'GET',
        path,
        headers: { accept: 'application/json', ...(known?.etag && { 'if-none-match': known.etag }) },
        repeatedHeaders: AGGREGATOR,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const text = await readText(answer, LIMIT_BYTES);
      if (answer.status === 304 && known) return known;
      const { etag } = answer.headers;
      const digest = createHash('sha256').update(text).digest('base64');
      const same = known?.status === 200 && answer.status === 200 && known.digest === digest;
      const told: Told = {
        status: answer.status,
        document: same ? known.document : answer.status === 200 ? parseExactJson(text) : undefined,
        etag: answer.status === 200 ? etag : undefined,
        digest,
      };
      put(this.#told, service, path, told);
      return told;
    } catch {
      put(this.#failed, service, path, steadyMs(this.#deps.clock) + FAILED_MS);
      return undefined;
    }
  }
}

function* inVersion3(document: JsonMap): Steps<Buffer[]> {
  const { info, paths, definitions, securityDefinitions } = readSwagger(document);
  const writer = new DocumentWriter(OPENAPI_V3_JSON);
  yield* writer.addPaths(paths);
  yield* writer.addDefinitions(definitions);
  const frame = { swagger: '2.0', info, security: [], securityDefinitions } as const;
  return yield* writer.finish((...parts) => OPENAPI_V3_JSON.join(frame, ...parts));
}

function put<T>(of: WeakMap<V1APIService, Map<string, T>>, service: V1APIService, path: string, value: T): void {
  const all = of.get(service) ?? new Map<string, T>();
  all.set(path, value);
  of.set(service, all);
}

/** Answers a request for the version 3 document that was made of version 2's. */
export function sendConverted(request: ServerRequest, response: ServerResponse, { body, hash }: Converted): void {
  const etag = `"${hash}"`;
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    sendPageNotFound(response);
  } else if (request.headers['if-none-match'] === etag) {
    response.writeHead(304, { etag });
    response.end();
  } else {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(body.length), etag });
    response.end(body);
  }
}
