import { createHash } from 'node:crypto';
import type { V1APIService } from '../../api/gen/types.ts';
import { isJsonMap } from '../../api/machinery/clone.ts';
import { exactJsonText, parseExactJson } from '../../std/exact-json.ts';
import type { Handler, RequestContext, ServerRequest, ServerResponse } from '../contracts.ts';
import { encodeDiscovery } from '../discovery/discovery-protobuf.ts';
import { readText } from '../outgoing/webhook-client.ts';
import { negotiateOutput, PROTOBUF } from '../request/negotiation.ts';
import { sendBytes } from '../response/send.ts';
import { referenceOf } from './availability.ts';
import { CapturedResponse } from './captured-response.ts';
import type { ExtensionConnections } from './extension-connections.ts';
import { isAvailable } from './is-available.ts';
import {
  type ExtensionVersion,
  mergeAggregated,
  mergeGroupDocument,
  mergeGroupList,
  mergeSwagger,
  type Swagger,
} from './merge-discovery.ts';
import { identityHeaders } from './request-headers.ts';
import type { ServiceReference } from './service-resolver.ts';

export interface MergeDeps {
  readonly extensions: () => readonly ExtensionVersion[];
  readonly remote: ReadonlyMap<string, V1APIService>;
  readonly connections: ExtensionConnections;
  readonly resolve: (service: ServiceReference) => string;
}

const GROUP_PATH = /^\/apis\/([^/]+)\/?$/;
const TIMEOUT_MS = 5_000;
const LIMIT_BYTES = 32 * 1024 * 1024;
const AGGREGATOR = identityHeaders({ name: 'system:aggregator', groups: ['system:masters'] });

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
  else if (own && path === '/openapi/v2') merged = await mergeV2(deps, own, type);
  if (!merged) {
    response.writeHead(captured.status, captured.headers);
    response.end(captured.body);
    return;
  }
  if (inProtobuf) return sendBytes(context, response, 200, encodeDiscovery(JSON.parse(merged.toString('utf8'))), PROTOBUF);
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

function send(
  request: ServerRequest,
  response: ServerResponse,
  bytes: Buffer,
  headers: Readonly<Record<string, string | readonly string[]>>,
): void {
  const etag = `"${createHash('sha256').update(bytes).digest('hex').slice(0, 40).toUpperCase()}"`;
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
      const index = await ask(deps, service, '/openapi/v3');
      const entries = isJsonMap(index) && isJsonMap(index['paths']) ? index['paths'] : {};
      const entry = Object.hasOwn(entries, name) ? entries[name] : undefined;
      const address = isJsonMap(entry) ? entry['serverRelativeURL'] : undefined;
      const hash = typeof address === 'string' ? URL.parse(address, 'https://x')?.searchParams.get('hash') : undefined;
      if (entry) paths[name] = { serverRelativeURL: `/openapi/v3/${name}${hash ? `?hash=${encodeURIComponent(hash)}` : ''}` };
    }),
  );
  return { paths };
}

async function mergeV2(deps: MergeDeps, own: Buffer, type: string): Promise<Buffer | undefined> {
  // The protobuf form is for clients that are too old to meet extension servers' types: they get this server's own.
  if (!type.startsWith('application/json')) return undefined;
  let merged = parseExactJson(own.toString('utf8')) as Swagger;
  for (const service of deps.remote.values()) {
    const document = await ask(deps, service, '/openapi/v2');
    if (isJsonMap(document)) merged = mergeSwagger(merged, document, `/apis/${service.spec?.group}/`);
  }
  return json(merged);
}

/** A document of an extension server; undefined when it has none or does not answer in time. */
async function ask({ connections, resolve }: MergeDeps, service: V1APIService, path: string): Promise<unknown> {
  if (!isAvailable(service)) return undefined;
  try {
    const transport = connections.to(resolve(referenceOf(service)!), service.spec!);
    const answer = await transport.request({
      method: 'GET',
      path,
      headers: { accept: 'application/json' },
      repeatedHeaders: AGGREGATOR,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await readText(answer, LIMIT_BYTES);
    return answer.status === 200 ? parseExactJson(text) : undefined;
  } catch {
    return undefined; // availability checks tell of servers that do not answer
  }
}
