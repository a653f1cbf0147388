import type { DnsSettings } from '../runtime/preparation.ts';

/**
 * The node's resolver file (resolv.conf(5)): name servers add up, of `search` and `options` the last line counts. Domains lose their
 * final dot, so that the same one does not count twice.
 *
 * @throws Error for a `nameserver` line without an address
 */
export function parseResolverFile(text: string): DnsSettings {
  const servers: string[] = [];
  let searches: string[] = [];
  let options: string[] = [];
  for (const line of text.split('\n')) {
    const [keyword = '', ...rest] = line.trim().split(/\s+/);
    if (keyword === 'nameserver') {
      if (!rest[0]) throw new Error('nameserver list is empty ');
      servers.push(rest[0]);
    } else if (keyword === 'search') searches = rest.map(withoutFinalDot);
    else if (keyword === 'options') options = rest;
  }
  return { servers, searches, options };
}

/** The root, `.`, stays: it says that there is nothing to search. */
export function withoutFinalDot(domain: string): string {
  return domain.length > 1 && domain.endsWith('.') ? domain.slice(0, -1) : domain;
}
