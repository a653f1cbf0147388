import type { V1APIService } from '../../api/gen/types.ts';
import { serviceUnavailable } from '../../api/machinery/status-error.ts';
import { connectTls, type Dial } from '../../client/transport/tls-connect.ts';
import type { CertificatePair } from '../configuration.ts';
import type { RequestContext, ServerResponse } from '../contracts.ts';
import { askUpgrade } from '../proxying/ask-upgrade.ts';
import { forwardedFor, type PassedHeaders, passedAnswerHeaders } from '../proxying/passed-headers.ts';
import { pourBody } from '../proxying/proxy-request.ts';
import { tunnel } from '../proxying/tunnel.ts';
import { proxiedHeaders } from './request-headers.ts';

const CONNECT_TIMEOUT_MS = 10_000;

export interface UpgradeTarget {
  readonly url: string;
  readonly spec: NonNullable<V1APIService['spec']>;
  readonly client: CertificatePair | undefined;
  readonly dial: Dial | undefined;
  readonly isFrontProxyHeader: (name: string) => boolean;
}

/**
 * Passes a request that wants another protocol (WebSocket, SPDY) on, and then every byte both ways until one side ends.
 *
 * Nothing of what the client sends behind its request goes on before the extension server has changed protocols: on a connection that
 * still speaks HTTP it would be taken for requests of this server, in anybody's name (CVE-2018-1002105).
 */
export async function proxyUpgrade(target: UpgradeTarget, context: RequestContext, response: ServerResponse): Promise<void> {
  const { request } = context;
  const { socket: client, head } = request.takeOver!();
  const { service, caBundle, insecureSkipTLSVerify } = target.spec;
  const unreachable = (error: Error) => serviceUnavailable(`error trying to reach service: ${error.message}`);
  const backend = await connectTls(
    {
      server: target.url,
      tlsServerName: `${service?.name}.${service?.namespace}.svc`,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      ...(target.dial && { dial: target.dial }),
      ...(insecureSkipTLSVerify && { insecureSkipTlsVerify: true }),
      ...(caBundle && { caPem: Buffer.from(caBundle, 'base64').toString('utf8') }),
    },
    { ...target.client },
    ['http/1.1'],
  ).catch((error: Error) => {
    throw unreachable(error);
  });
  const end = () => {
    backend.destroy();
    client.destroy();
  };
  backend.on('error', () => backend.destroy());
  client.on('error', end);
  if (request.signal.aborted) end();
  else request.signal.addEventListener('abort', end, { once: true });
  try {
    const answer = await askUpgrade(backend, {
      method: request.method,
      path: request.uri ?? request.path,
      host: new URL(target.url).host,
      upgrade: request.headers['upgrade'] ?? '',
      headers: headersOf(context, target.isFrontProxyHeader),
    }).catch((error: Error) => {
      throw unreachable(error);
    });
    response.writeHead(answer.status, passedAnswerHeaders(answer.message.headersDistinct, answer));
    if (!answer.switched) return await pourBody(answer.message, response);
    if (answer.rest.length) response.write(answer.rest);
    if (head.length) backend.write(head);
    await tunnel(client, backend, { signal: request.signal });
  } finally {
    request.signal.removeEventListener('abort', end);
    backend.destroy();
  }
}

function headersOf({ request, user, auditId }: RequestContext, isFrontProxyHeader: (name: string) => boolean): PassedHeaders {
  const { headers, repeatedHeaders } = proxiedHeaders(request.headers, user, isFrontProxyHeader);
  const own = { 'x-forwarded-for': forwardedFor(request), ...(auditId && { 'audit-id': auditId }) };
  const single = Object.entries({ ...headers, ...own }).map(([name, value]) => [name, [value]]);
  return { ...(Object.fromEntries(single) as PassedHeaders), ...repeatedHeaders };
}
