import { isDeepStrictEqual } from 'node:util';
import type { FrontProxyConfig } from '../../api/authentication/front-proxy-user.ts';
import { configMapKind } from '../../api/core/v1/config-map.ts';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { Logger } from '../../std/logger.ts';
import type { Client } from '../client.ts';

const NAMESPACE = 'kube-system';
const NAME = 'extension-apiserver-authentication';
const AGAIN_MS = 10_000;
/** How late a change may be seen: authorities are replaced over days. */
const CHANGED_MS = 60_000;

/** Whose certificates a server believes. */
export interface TrustedCallers {
  /** Authorities of clients. */
  readonly clientCaPem?: string;
  /** Who may speak for others. */
  readonly frontProxies?: FrontProxyConfig;
}

/**
 * Tells whom the API server believes, as it tells components (apiserver/pkg/server/options/authentication.go): once it is there and says so, and
 * whenever it says something else. Nothing of what it does not have. While it cannot be asked, what it said last goes on to hold.
 *
 * @throws the signal's reason when it is aborted
 */
export async function followTrustedCallers(
  client: Client,
  tell: (trusted: TrustedCallers) => void,
  { clock, logger, signal }: { clock: Clock; logger: Logger; signal: AbortSignal },
): Promise<never> {
  let last: TrustedCallers | undefined;
  for (let failed = false; ; ) {
    try {
      const found = await client.resource(configMapKind, NAMESPACE).get(NAME, { signal });
      const trusted = trustedCallersOf((found as { data?: Record<string, string> }).data ?? {});
      if (!isDeepStrictEqual(trusted, last)) tell(trusted);
      last = trusted;
      failed = false;
    } catch (error) {
      signal.throwIfAborted();
      if (!failed) logger.warn('Unable to look up the authority of client certificates; asking again', { error });
      failed = true;
    }
    await clock.sleep(last && !failed ? CHANGED_MS : AGAIN_MS, signal);
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
