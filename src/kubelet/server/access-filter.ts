import type { Client } from '../../client/client.ts';
import type { Clock } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import { type Answer, type ApiRequest, plainAnswer } from './api-exchange.ts';
import { createAuthentication, type RequestUser } from './authentication.ts';
import { createAuthorization, forbiddenMessage } from './authorization.ts';
import type { KubeletView } from './kubelet-view.ts';
import { attributesOf } from './request-attributes.ts';
import { isWebSocket } from './stream-options.ts';

/** Resolves to the refusal of a request, or to undefined when its caller may do what it asks for. */
export type AccessFilter = (request: ApiRequest) => Promise<Answer | undefined>;

/** Every request says who it is from, and asks the API server whether he may. */
export function createAccessFilter(options: {
  readonly view: Pick<KubeletView, 'configuration' | 'nodeName' | 'metrics'>;
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
}): AccessFilter {
  const { clock, logger, view } = options;
  const { configuration, nodeName, metrics } = view;
  const authenticate = createAuthentication({ configuration, client: options.client, clock });
  const authorize = createAuthorization({ configuration, nodeName, client: options.client, clock });

  return async ({ method, path, headers, certificate: presented, hasForeignCertificate = false }) => {
    const { authorization } = headers;
    const webSocketProtocols = isWebSocket(headers) ? headers['sec-websocket-protocol'] : undefined;
    // TLS looked at the time when the connection opened, which may be long ago.
    const certificate = presented && presented.notAfterMs >= clock.now() ? presented : undefined;
    // Who shows one that counts for nothing, and nothing else, is not nobody: he is told.
    const isWorthless = hasForeignCertificate || (presented && !certificate);
    if (isWorthless && !authorization && !webSocketProtocols) return plainAnswer(401, 'Unauthorized');
    if (certificate)
      metrics.observe('apiserver_client_certificate_expiration_seconds', (certificate.notAfterMs - clock.now()) / 1000);
    let user: RequestUser | undefined;
    try {
      user = await authenticate({
        ...(certificate && { certificate }),
        ...(authorization && { authorization }),
        ...(webSocketProtocols && { webSocketProtocols }),
      });
    } catch (error) {
      logger.error('Unable to authenticate the request due to an error', { err: error });
    }
    if (!user) return plainAnswer(401, 'Unauthorized');
    const attributes = attributesOf(method, path);
    try {
      if (await authorize(user, attributes)) return undefined;
      return plainAnswer(403, forbiddenMessage(user, attributes));
    } catch (error) {
      const { verb, subresources } = attributes;
      logger.error('Authorization error', { user: user.name, verb, subresources: subresources.join(','), err: error });
      const what = `(user=${user.name}, verb=${verb}, resource=nodes, subresource=${subresources[0]})`;
      return plainAnswer(500, `Authorization error ${what}`);
    }
  };
}
