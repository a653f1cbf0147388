import { createHash } from 'node:crypto';
import type { V1APIService } from '../../api/gen/types.ts';
import { isJsonMap, type JsonMap } from '../../api/machinery/clone.ts';
import { exactJsonText, parseExactJson } from '../../std/exact-json.ts';
import { runInTurns } from '../../std/turn-pace.ts';
import type { Handler, RequestContext, ServerRequest, ServerResponse } from '../contracts.ts';
import { encodeDiscovery } from '../discovery/discovery-protobuf.ts';
import { encodeGnosticAddition } from '../openapi/gnostic-encoding.ts';
import { negotiateOutput, PROTOBUF } from '../request/negotiation.ts';
import { sendPieces } from '../response/send.ts';
import { CapturedResponse } from './captured-response.ts';
import type { ExtensionDocuments } from './extension-documents.ts';
import {
  type ExtensionVersion,
  mergeAggregated,
  mergeGroupDocument,
  mergeGroupList,
  mergeSwagger,
  type Swagger,
} from './merge-discovery.ts';
import type { Added, MergedSwagger } from './merged-swagger.ts';
import { readSwagger } from './read-swagger.ts';

export interface MergeDeps {
  readonly extensions: () => readonly ExtensionVersion[];
  readonly remote: ReadonlyMap<string, V1APIService>;
  readonly documents: Pick<ExtensionDocuments, 'ask' | 'converted'>;
  readonly swagger: MergedSwagger;
}

const GROUP_PATH = /^\/apis\/([^/]+)\/?$/;

/** Answers discovery and OpenAPI with what extension servers add; hands everything else on. */
export async function serveMergedDocuments(
  deps: MergeDeps,
  next: Handler,
  context: RequestContext,
  response: ServerResponse,
): Promise<void> {
  const path = context.request.path.replace(/(?<=.)\/$/, '');
  const group = GROUP_PATH.exec(path)?.[1];
  if (path !== '/apis' && path !== '/openapi/v3' && path !== '/openapi/v2' && group === undefined) return next(context, response);
  const extensions = deps.extensions();
  if (group !== undefined && !extensions.some(({ service }) => service.spec?.group === group)) return next(context, response);
  const captured = new CapturedResponse();
  const inProtobuf = !path.startsWith('/openapi') && takesProtobuf(context.request);
  await next({ ...context, request: withoutConditions(context.request, inProtobuf) }, captured);
  const own = captured.status === 200 ? captured.body : undefined;
  const type = String(captured.headers['content-type'] ?? 'application/json');
  let merged: Buffer | undefined;
  if (group !== undefined) merged = json(mergeGroupDocument(own && JSON.parse(own.toString('utf8')), group, extensions)!);
  else if (own && path === '/apis') {
    const document = JSON.parse(own.toString('utf8'));
    merged = json(
      type.includes('as=APIGroupDiscoveryList') ? mergeAggregated(document, extensions) : mergeGroupList(document, extensions),
    );
  } else if (own && path === '/openapi/v3') merged = json(await mergeIndex(deps, JSON.parse(own.toString('utf8'))));
  else if (own && path === '/openapi/v2') {
    const services = [...deps.remote.values()];
    const documents = await Promise.all(services.map((service) => deps.documents.ask(service, '/openapi/v2')));
    const added = services.flatMap((service, i) => (isJsonMap(documents[i]) ? [{ service, document: documents[i] }] : []));
    const inJson = type.startsWith('application/json');
    const key = `${type} ${String(captured.headers['etag'])}`;
    merged = await deps.swagger.of(key, added, async () => {
      const all = mergeAll(
        parseExactJson((inJson ? own : await documentInJson(next, context)).toString('utf8')) as Swagger,
        added,
      );
      return inJson
        ? json(all.merged)
        : Buffer.concat([own, ...(await runInTurns(encodeGnosticAddition(readSwagger(all.added))))]);
    });
  }
  if (!merged) {
    response.writeHead(captured.status, captured.headers);
    response.end(captured.body);
    return;
  }
  if (inProtobuf) return sendPieces(context, response, 200, [encodeDiscovery(JSON.parse(merged.toString('utf8')))], PROTOBUF);
  send(context.request, response, merged, own ? captured.headers : { 'content-type': 'application/json' });
}

const json = (document: object) => Buffer.from(exactJsonText(document));

/** Whether plain discovery is wanted in protobuf. What cannot be served at all is told by who serves the own part. */
function takesProtobuf(request: ServerRequest): boolean {
  try {
    return negotiateOutput(request, 'value').format === 'protobuf';
  } catch {
    return false;
  }
}

/** The own part must come whole and readable; whether the client has the merged document is looked at afterwards. */
function withoutConditions(request: ServerRequest, inJson: boolean): ServerRequest {
  const { 'if-none-match': _known, 'accept-encoding': _encoding, ...kept } = request.headers;
  const headers = inJson ? { ...kept, accept: 'application/json' } : kept;
  const { method, path, query, remoteAddress, signal } = request;
  return { method, path, query, headers, remoteAddress, signal, readBody: (limit) => request.readBody(limit) };
}

const etags = new WeakMap<Buffer, string>();

function etagOf(bytes: Buffer): string {
  const etag = etags.get(bytes) ?? `"${createHash('sha256').update(bytes).digest('hex').slice(0, 40).toUpperCase()}"`;
  etags.set(bytes, etag);
  return etag;
}

function send(
  request: ServerRequest,
  response: ServerResponse,
  bytes: Buffer,
  headers: Readonly<Record<string, string | readonly string[]>>,
): void {
  const etag = etagOf(bytes);
  const tagged = headers['etag'] === undefined ? headers : { ...headers, etag };
  if (headers['etag'] !== undefined && request.headers['if-none-match'] === etag) {
    response.writeHead(304, { etag });
    response.end();
    return;
  }
  response.writeHead(200, { ...tagged, 'content-length': String(bytes.length) });
  response.end(bytes);
}

interface V3Index {
  readonly paths: Readonly<Record<string, { readonly serverRelativeURL: string }>>;
}

/** The documents of extension servers by the addresses that they give them; a server that does not answer has none. */
async function mergeIndex(deps: MergeDeps, own: V3Index): Promise<V3Index> {
  const paths: Record<string, { readonly serverRelativeURL: string }> = { ...own.paths };
  await Promise.all(
    [...deps.remote].map(async ([id, service]) => {
      const name = `apis/${id}`;
      const index = await deps.documents.ask(service, '/openapi/v3');
      const entries = isJsonMap(index) && isJsonMap(index['paths']) ? index['paths'] : {};
      const entry = Object.hasOwn(entries, name) ? entries[name] : undefined;
      const address = isJsonMap(entry) ? entry['serverRelativeURL'] : undefined;
      let hash = typeof address === 'string' ? URL.parse(address, 'https://x')?.searchParams.get('hash') : undefined;
      const converted = index === undefined ? await deps.documents.converted(service) : undefined;
      hash ??= converted?.hash;
      if (entry || converted)
        paths[name] = { serverRelativeURL: `/openapi/v3/${name}${hash ? `?hash=${encodeURIComponent(hash)}` : ''}` };
    }),
  );
  return { paths };
}

/** The own document in JSON, where a client wants it in protobuf: what is added depends on what is there. */
async function documentInJson(next: Handler, context: RequestContext): Promise<Buffer> {
  const captured = new CapturedResponse();
  await next({ ...context, request: withoutConditions(context.request, true) }, captured);
  return captured.body;
}

function mergeAll(own: Swagger, added: readonly Added[]): { readonly merged: Swagger; readonly added: JsonMap } {
  let merged = own;
  for (const { service, document } of added) merged = mergeSwagger(merged, document, `/apis/${service.spec?.group}/`);
  return {
    merged,
    added: { paths: notIn(own.paths, merged.paths), definitions: notIn(own.definitions, merged.definitions) },
  };
}

const notIn = (own: Readonly<Record<string, unknown>> = {}, all: Readonly<Record<string, unknown>> = {}) =>
  Object.fromEntries(Object.entries(all).filter(([name]) => !Object.hasOwn(own, name)));
