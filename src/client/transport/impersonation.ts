import type { ActingAs } from '../../pki/kubeconfig-impersonation.ts';
import type { Transport } from './transport.ts';

/** Asks for everything as somebody else (client-go/transport, impersonatingRoundTripper), unless a request says itself whom it acts as. */
export function withImpersonation(transport: Transport, { user, uid, groups, extra }: ActingAs): Transport {
  const headers = { 'impersonate-user': asBytes(user), ...(uid && { 'impersonate-uid': asBytes(uid) }) };
  const repeated: Record<string, readonly string[]> = Object.fromEntries(
    Object.entries(extra)
      .filter(([, values]) => values.length > 0)
      .map(([key, values]) => [`impersonate-extra-${escapeKey(key)}`, values.map(asBytes)]),
  );
  if (groups.length > 0) repeated['impersonate-group'] = groups.map(asBytes);
  return {
    close: (how) => transport.close(how),
    request(request) {
      if (request.headers['impersonate-user']) return transport.request(request);
      return transport.request({
        ...request,
        headers: { ...request.headers, ...headers },
        repeatedHeaders: { ...request.repeatedHeaders, ...repeated },
      });
    },
  };
}

/** Node sends a header's characters as bytes, Go its bytes. */
const asBytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

/** What a header's name cannot hold, and the percent sign, each byte as `%2F`. Names of headers, and so keys, have no capitals. */
const escapeKey = (key: string): string =>
  [...Buffer.from(key, 'utf8')]
    .map((byte) => {
      const character = String.fromCharCode(byte).toLowerCase();
      return /[a-z0-9!#$&'*+.^_`|~-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
