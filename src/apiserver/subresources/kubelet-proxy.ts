import type { KindDefinition } from '../../api/machinery/kind.ts';
import { internalError, notFound, serviceUnavailable } from '../../api/machinery/status-error.ts';
import type { Transport } from '../../client/transport/transport.ts';
import type { KubeletAccess } from '../configuration.ts';
import type { ActionHandler, RequestContext, ServerResponse } from '../contracts.ts';
import { pathBehindSubresource } from '../request/request-info.ts';
import type { ObjectStore } from '../store-access/object-store.ts';
import { chooseContainer, kubeletUrl, parseProxyTarget } from './kubelet-address.ts';

const PROXY_BODY_LIMIT_BYTES = 32 * 1024 * 1024;
/** Not to be passed on: they belong to one connection, or are the caller's credentials for this server. */
const OWN_HEADERS = new Set([
  'authorization',
  'connection',
  'content-length',
  'cookie',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
/** A WebSocket's subprotocol may be a bearer token. */
/** And who somebody is, is not for callers to say. */
const OWN_PREFIXES = [':', 'impersonate-', 'sec-websocket-', 'x-remote-'];

/** Addresses before names: a node's name need not be in any DNS. */
const RESOLVABLE_ADDRESS_TYPES = ['InternalIP', 'ExternalIP', 'Hostname'];

/** Connections to kubelets, one transport an address, with the API server's own client certificate. */
export class KubeletConnections {
  readonly #access: KubeletAccess;
  readonly #transports = new Map<string, Promise<Transport>>();

  constructor(access: KubeletAccess) {
    this.#access = access;
  }

  get preferredTypes(): readonly string[] {
    return this.#access.preferredAddressTypes ?? RESOLVABLE_ADDRESS_TYPES;
  }

  to(url: string): Promise<Transport> {
    let transport = this.#transports.get(url);
    if (!transport) {
      transport = this.#open(url);
      this.#transports.set(url, transport);
    }
    return transport;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#transports.values()].map(async (transport) => (await transport).close({ final: true })));
  }

  async #open(server: string): Promise<Transport> {
    const { client, caPem } = this.#access;
    const { createHttpsTransport } = await import('../../client/transport/https.ts');
    return createHttpsTransport({
      server,
      ...(caPem ? { caPem } : { insecureSkipTlsVerify: true }),
      credentials: () => ({ ...client }),
    });
  }
}

interface Kubelet {
  readonly url: string;
  readonly transport: Transport;
}

export interface KubeletProxyDeps {
  readonly node: KindDefinition;
  readonly pod: KindDefinition;
  readonly objects: ObjectStore;
  readonly connections: KubeletConnections;
}

/** `nodes/proxy` and `pods/log`: requests that a kubelet answers. */
export function createKubeletProxyHandlers({ node, pod, objects, connections }: KubeletProxyDeps): ActionHandler[] {
  const transportTo = async (nodeName: string, port?: string): Promise<Kubelet> => {
    const found = await objects.read({ kind: node, namespace: '', name: nodeName });
    const url = kubeletUrl(found.object, connections.preferredTypes, port);
    return { url, transport: await connections.to(url) };
  };
  return [
    {
      group: '',
      resource: 'nodes',
      subresource: 'proxy',
      async handle(context, _body, response) {
        const { name, port } = parseProxyTarget(context.info.name);
        const behind = pathBehindSubresource(context.info).split('/').map(encodeURIComponent).join('/');
        const path = `/${behind}${formatQuery(context.request.query)}`;
        await relay(await transportTo(name, port), path, context, response);
        return undefined;
      },
    },
    {
      group: '',
      resource: 'pods',
      subresource: 'log',
      async handle(context, _body, response) {
        const { namespace, name } = context.info;
        const { object } = await objects.read({ kind: pod, namespace, name });
        const { query } = context.request;
        const container = chooseContainer(object as never, query.get('container') ?? '');
        const { nodeName } = (object['spec'] ?? {}) as { nodeName?: string };
        if (!nodeName) {
          response.writeHead(200, { 'content-type': 'text/plain', 'content-length': '0' });
          response.end();
          return undefined;
        }
        const passed = new URLSearchParams(query);
        passed.delete('container');
        const path = `/containerLogs/${[namespace, name, container].map(encodeURIComponent).join('/')}${formatQuery(passed)}`;
        await relay(await transportTo(nodeName), path, context, response, { failuresAsStatus: true });
        return undefined;
      },
    },
  ];
}

const formatQuery = (query: URLSearchParams) => (query.size ? `?${query}` : '');

/** Passes a request on and its answer back, chunk by chunk, no faster than the receiver reads. */
async function relay(
  { transport, url }: Kubelet,
  path: string,
  { request, info }: RequestContext,
  response: ServerResponse,
  { failuresAsStatus = false } = {},
): Promise<void> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers))
    if (value !== undefined && !OWN_HEADERS.has(name) && !OWN_PREFIXES.some((prefix) => name.startsWith(prefix)))
      headers[name] = value;
  const hasBody = request.method !== 'GET' && request.method !== 'HEAD';
  const body = hasBody ? await request.readBody(PROXY_BODY_LIMIT_BYTES) : undefined;
  const answer = await transport
    .request({ method: request.method, path, headers, signal: request.signal, ...(body?.length && { body }) })
    .catch((error: Error) => {
      throw unreachable(error, `${url}${path}`);
    });
  if (failuresAsStatus && answer.status >= 400) throw await failureOf(answer, info);
  response.writeHead(answer.status, passable(answer.headers));
  for await (const chunk of answer.body) {
    if (!response.write(chunk)) await response.drained();
    if (request.signal.aborted) break;
  }
  response.end();
}

function passable(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !OWN_HEADERS.has(name) && !name.startsWith(':')));
}

const UNKNOWN_AUTHORITY: ReadonlySet<unknown> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Why a kubelet could not be asked, in the words of Go's TLS where the documents quote them. */
function unreachable(error: Error, url: string) {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause)
    if (UNKNOWN_AUTHORITY.has((cause as NodeJS.ErrnoException).code))
      return internalError(`Get ${JSON.stringify(url)}: x509: certificate signed by unknown authority`);
  return serviceUnavailable(`error trying to reach service: ${error.message}`);
}

const FAILURE_TEXT_LIMIT = 1024;

async function failureOf(answer: { status: number; body: AsyncIterable<Uint8Array> }, info: RequestContext['info']) {
  let text = '';
  for await (const chunk of answer.body) {
    text += Buffer.from(chunk).toString('utf8');
    if (text.length > FAILURE_TEXT_LIMIT) break; // a node must not fill our memory
  }
  if (answer.status === 404) return notFound({ group: info.group, resource: info.resource }, info.name);
  return internalError(text.trim().slice(0, FAILURE_TEXT_LIMIT) || `the kubelet answered ${answer.status}`);
}
