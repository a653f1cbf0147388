import type { FrontProxyConfig } from '../../api/authentication/front-proxy-user.ts';
import { configMapKind } from '../../api/core/v1/config-map.ts';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { Logger } from '../../std/logger.ts';
import type { Client } from '../client.ts';

const NAMESPACE = 'kube-system';
const NAME = 'extension-apiserver-authentication';
const AGAIN_MS = 10_000;

/** Whose certificates a server believes. */
export interface TrustedCallers {
  /** Authorities of clients. */
  readonly clientCaPem?: string;
  /** Who may speak for others. */
  readonly frontProxies?: FrontProxyConfig;
}

/**
 * Whom the API server believes, as it tells components (apiserver/pkg/server/options/authentication.go). Asks again until the API server is there
 * and tells; nothing of what it does not have.
 *
 * @throws the signal's reason when it is aborted first
 */
export async function findTrustedCallers(
  client: Client,
  { clock, logger, signal }: { clock: Clock; logger: Logger; signal: AbortSignal },
): Promise<TrustedCallers> {
  for (let told = false; ; told = true) {
    try {
      const found = await client.resource(configMapKind, NAMESPACE).get(NAME, { signal });
      return trustedCallersOf((found as { data?: Record<string, string> }).data ?? {});
    } catch (error) {
      signal.throwIfAborted();
      if (!told) logger.warn('Unable to look up the authority of client certificates; asking again', { error });
      await clock.sleep(AGAIN_MS, signal);
    }
  }
}

/** Throws when the ConfigMap's lists are none. */
function trustedCallersOf(data: Readonly<Record<string, string>>): TrustedCallers {
  const list = (key: string): string[] => {
    const text = data[`requestheader-${key}`];
    if (!text) return [];
    const value = parse(text);
    if (!Array.isArray(value) || !value.every((item) => typeof item === 'string'))
      throw new CodedError(`ConfigMap ${NAMESPACE}/${NAME}: requestheader-${key} is not a list of strings in JSON`, {
        code: 'AUTHENTICATION_CONFIG_INVALID',
      });
    return value;
  };
  const clientCaPem = data['client-ca-file'];
  const caPem = data['requestheader-client-ca-file'];
  return {
    ...(clientCaPem && { clientCaPem }),
    ...(caPem && {
      frontProxies: {
        caPem,
        allowedNames: list('allowed-names'),
        usernameHeaders: list('username-headers'),
        groupHeaders: list('group-headers'),
        uidHeaders: list('uid-headers'),
        extraHeaderPrefixes: list('extra-headers-prefix'),
      },
    }),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // told by the caller as what it should be
  }
}
