import { createHash } from 'node:crypto';
import { noSuchMethod, noSuchPath } from '../../api/machinery/status-error.ts';
import { parseAccept } from '../../std/accept.ts';
import type { Handler, RequestContext, ServerResponse } from '../contracts.ts';
import { derivedFrom, type KindRegistry } from '../kinds/kind-registry.ts';
import { negotiateOutput, PROTOBUF } from '../request/negotiation.ts';
import { sendJsonBytes, sendPageNotFound, sendPieces } from '../response/send.ts';
import {
  type AggregatedVersion,
  type ApiGroup,
  aggregatedDocument,
  apiGroupDocument,
  apiGroupListDocument,
  apiResourceListDocument,
  apiVersionsDocument,
  groupKinds,
} from './discovery-documents.ts';
import { encodeDiscovery } from './discovery-protobuf.ts';

/**
 * Answers `/api`, `/api/{version}`, `/apis`, `/apis/{group}` and `/apis/{group}/{version}`. `/api` and `/apis` answer with everything in
 * one document to clients that accept an APIGroupDiscoveryList. Documents are encoded once, and anew after the kinds changed.
 */
export function createDiscoveryHandler(kinds: KindRegistry, serverAddress: () => string): Handler {
  const documents = derivedFrom(kinds, (all) => createDocuments(groupKinds(all), serverAddress));
  return async (context, response) => {
    const path = context.request.path.replace(/(?<=.)\/$/, '');
    if (context.request.method !== 'GET' && documents().plain(path)) throw noSuchMethod();
    const aggregated = path === '/api' || path === '/apis' ? aggregatedVersion(context) : undefined;
    if (aggregated) return sendAggregated(context, response, documents().aggregated(path, aggregated), aggregated);
    const bytes = documents().plain(path);
    if (!bytes) {
      // Below a group upstream's API answers, beyond it its web server does.
      if (documents().plain(path.split('/', 3).join('/')) && path.startsWith('/apis/')) throw noSuchPath();
      return sendPageNotFound(response);
    }
    const output = negotiateOutput(context.request, 'value');
    if (output.format !== 'protobuf') return sendJsonBytes(context, response, 200, bytes, output);
    const encoded = encodeDiscovery(JSON.parse(bytes.toString('utf8')));
    return sendPieces(context, response, 200, [encoded], PROTOBUF);
  };
}

/** The bytes of what is answered for some groups. */
interface Documents {
  /** Undefined: there is no such path. */
  plain(path: string): Buffer | undefined;
  aggregated(path: string, version: AggregatedVersion): Document;
}

interface Document {
  readonly bytes: Buffer;
  /** By which clients know it again: made once, for it takes milliseconds of one that is megabytes long. */
  readonly etag: string;
}

function documentOf(content: object): Document {
  const bytes = Buffer.from(JSON.stringify(content));
  return { bytes, etag: `"${createHash('sha256').update(bytes).digest('hex').slice(0, 40).toUpperCase()}"` };
}

function createDocuments(groups: readonly ApiGroup[], serverAddress: () => string): Documents {
  const core = groups.find((g) => g.name === '');
  const named = groups.filter((g) => g.name !== '');
  const makers = new Map<string, () => object>([
    ['/api', () => apiVersionsDocument(core, serverAddress())],
    ['/apis', () => apiGroupListDocument(named)],
    ...named.map((group) => [`/apis/${group.name}`, () => apiGroupDocument(group)] as const),
    ...groups.flatMap((group) =>
      group.versions.map(
        (v) => [group.name ? `/apis/${group.name}/${v.version}` : `/api/${v.version}`, () => apiResourceListDocument(v)] as const,
      ),
    ),
  ]);
  const made = new Map<string, Document>();
  const once = (id: string, make: () => object): Document => {
    let document = made.get(id);
    if (!document) {
      document = documentOf(make());
      made.set(id, document);
    }
    return document;
  };
  return {
    plain(path) {
      const make = makers.get(path);
      return make && once(path, make).bytes;
    },
    aggregated(path, version) {
      const shown = path === '/api' ? groups.filter((g) => g === core) : named;
      return once(`${path} ${version}`, () => aggregatedDocument(shown, version));
    },
  };
}

/** Which form of the aggregated document the client takes, if any, before plain discovery. */
function aggregatedVersion({ request }: RequestContext): AggregatedVersion | undefined {
  for (const { type, parameters } of parseAccept(request.headers['accept'] ?? '')) {
    if (type !== 'application/json') continue;
    if (parameters.get('as') !== 'APIGroupDiscoveryList') {
      if (parameters.get('as') === undefined) return undefined;
      continue;
    }
    const version = parameters.get('v');
    if (parameters.get('g') === 'apidiscovery.k8s.io' && (version === 'v2' || version === 'v2beta1')) return version;
  }
  return undefined;
}

function sendAggregated(
  { request }: RequestContext,
  response: ServerResponse,
  { bytes, etag }: Document,
  version: AggregatedVersion,
): void {
  const headers = {
    'content-type': `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`,
    'cache-control': 'public',
    vary: 'Accept',
    etag,
  };
  if (request.headers['if-none-match'] === etag) {
    response.writeHead(304, headers);
    response.end();
    return;
  }
  response.writeHead(200, { ...headers, 'content-length': String(bytes.length) });
  response.end(bytes);
}
