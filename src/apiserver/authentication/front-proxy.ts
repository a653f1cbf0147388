import type { Clock } from '../../std/clock.ts';
import type { Authenticator, ServerRequest, UserInfo } from '../contracts.ts';
import { AuthenticationFailure } from './authentication-failure.ts';
import { withAuthenticatedGroup } from './identities.ts';
import { createIssuedBy } from './issued-by.ts';

/** `--requestheader-*`: which proxies may say who asks, and how they say it. */
export interface FrontProxyConfig {
  /** Authorities of the proxies' client certificates. */
  readonly caPem: string;
  /** Common names of proxies; empty: every certificate of the authority. */
  readonly allowedNames: readonly string[];
  readonly usernameHeaders: readonly string[];
  readonly groupHeaders: readonly string[];
  readonly uidHeaders: readonly string[];
  readonly extraHeaderPrefixes: readonly string[];
}

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
export function createFrontProxyAuthenticator(config: FrontProxyConfig, clock: Pick<Clock, 'now'>): Authenticator {
  const issuedBy = createIssuedBy(config.caPem);
  const lower = (names: readonly string[]) => names.map((name) => name.toLowerCase());
  const [usernameHeaders, groupHeaders, uidHeaders] = [config.usernameHeaders, config.groupHeaders, config.uidHeaders].map(lower);
  const prefixes = lower(config.extraHeaderPrefixes);
  return {
    async authenticate(request) {
      const { peerCertificate } = request;
      // Who names nobody is no proxy, whatever he shows; most requests need not have their certificates looked at for that.
      const name = peerCertificate && firstValue(request, usernameHeaders!);
      if (!name || !issuedBy(peerCertificate)) return undefined;
      const { commonName, notAfterMs } = peerCertificate;
      if (notAfterMs < clock.now())
        throw new AuthenticationFailure(`the client certificate of the front proxy "${commonName}" has expired`);
      if (config.allowedNames.length && !config.allowedNames.includes(commonName))
        throw new AuthenticationFailure(`x509: subject with cn=${commonName} is not in the allowed list`);
      const uid = firstValue(request, uidHeaders!);
      const extra = readExtra(request, prefixes);
      const user: UserInfo = {
        name,
        groups: groupHeaders!.flatMap((header) => valuesOf(request, header)),
        ...(uid && { uid }),
        ...(Object.keys(extra).length && { extra }),
      };
      return withAuthenticatedGroup(user);
    },
  };
}

type Headed = Pick<ServerRequest, 'headers' | 'headerValues'>;

const decode = (text: string) => Buffer.from(text, 'latin1').toString('utf8');

function valuesOf(request: Headed, name: string): string[] {
  const { headers } = request;
  if (headers[name] === undefined) return [];
  return (request.headerValues?.(name) ?? [headers[name]]).filter(Boolean).map(decode);
}

function firstValue(request: Headed, names: readonly string[]): string {
  for (const name of names) {
    const [value] = valuesOf(request, name);
    if (value) return value;
  }
  return '';
}

function readExtra(request: Headed, prefixes: readonly string[]): Record<string, string[]> {
  const extra = new Map<string, string[]>();
  for (const prefix of prefixes)
    for (const header of Object.keys(request.headers)) {
      if (!header.startsWith(prefix)) continue;
      const key = unescapeKey(header.slice(prefix.length));
      extra.set(key, [...(extra.get(key) ?? []), ...valuesOf(request, header)]);
    }
  return Object.fromEntries(extra); // not by assignment, which would take `__proto__` for something else
}

function unescapeKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key; // as upstream: what is not percent-encoded stands for itself
  }
}
