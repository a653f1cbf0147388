import { createProxiedUserReader, type FrontProxyConfig } from '../../api/authentication/front-proxy-user.ts';
import type { Clock } from '../../std/clock.ts';
import type { Authenticator } from '../contracts.ts';
import { AuthenticationFailure } from './authentication-failure.ts';
import { withAuthenticatedGroup } from './identities.ts';
import { createIssuedBy, type IssuedBy } from './issued-by.ts';

export type { FrontProxyConfig };

/** Says whether a header (in lower case) is one by which front proxies name users. */
export function frontProxyHeaders(config: FrontProxyConfig | undefined): (name: string) => boolean {
  if (!config) return () => false;
  const { usernameHeaders, groupHeaders, uidHeaders, extraHeaderPrefixes } = config;
  const names = new Set([...usernameHeaders, ...groupHeaders, ...uidHeaders].map((name) => name.toLowerCase()));
  const prefixes = extraHeaderPrefixes.map((prefix) => prefix.toLowerCase());
  return (name) => names.has(name) || prefixes.some((prefix) => name.startsWith(prefix));
}

/**
 * Believes the headers of a proxy that shows a client certificate of the right authority, and of nobody else
 * (apiserver/pkg/authentication/request/headerrequest).
 */
export function createFrontProxyAuthenticator(
  config: FrontProxyConfig,
  clock: Pick<Clock, 'now'>,
  issuedBy: IssuedBy = createIssuedBy(config.caPem),
): Authenticator {
  const userOf = createProxiedUserReader(config);
  return {
    async authenticate(request) {
      const { peerCertificate, headers } = request;
      // Who names nobody is no proxy, whatever he shows; most requests need not have their certificates looked at for that.
      if (!peerCertificate) return undefined;
      const user = userOf({
        names: Object.keys(headers),
        valuesOf: (name) => (headers[name] === undefined ? [] : (request.headerValues?.(name) ?? [headers[name]])),
      });
      if (!user || !issuedBy(peerCertificate)) return undefined;
      const { commonName, notAfterMs } = peerCertificate;
      if (notAfterMs < clock.now())
        throw new AuthenticationFailure(`the client certificate of the front proxy "${commonName}" has expired`);
      if (config.allowedNames.length && !config.allowedNames.includes(commonName))
        throw new AuthenticationFailure(`x509: subject with cn=${commonName} is not in the allowed list`);
      return withAuthenticatedGroup(user);
    },
  };
}
