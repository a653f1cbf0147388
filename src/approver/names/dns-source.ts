import { Resolver } from 'node:dns/promises';
import type { NameSource } from './name-source.ts';
import { canonicalName } from './name-table.ts';

export interface DnsSourceOptions {
  /** Below which the node's name is looked up: `example.com`. A node name that ends in one of them is looked up as it is, too. */
  readonly domains: readonly string[];
  /** Addresses of DNS servers with or without port; the host's own when empty. */
  readonly servers: readonly string[];
  readonly timeoutMs: number;
  /** For tests. */
  readonly resolve?: (name: string) => Promise<readonly string[]>;
}

/** What this stands for, every name stands for: a wildcard (RFC 4592), which says nothing of a node. */
const NOBODY = 'no-node-has-this-name';
const NO_ANSWER = new Set(['ENOTFOUND', 'ENODATA']);

/**
 * The forward zone: what the node's own name stands for is the node's, and the name itself when it stands for something. Reverse zones and
 * other names are not asked, since whoever has an address may often write its reverse entry. Rejects when a server does not answer.
 */
export function createDnsSource(options: DnsSourceOptions): NameSource {
  const resolve = options.resolve ?? resolverOf(options);
  return {
    name: 'dns',
    async ask(nodeName, names) {
      // Never in another zone: who joins chooses his node's name, and may have a zone of his own for it.
      const isInside = options.domains.some((domain) => nodeName.endsWith(`.${domain}`));
      const own = [
        ...(isInside ? [{ name: nodeName, domain: nodeName.slice(nodeName.indexOf('.') + 1) }] : []),
        ...options.domains.map((domain) => ({ name: `${nodeName}.${domain}`, domain })),
      ];
      const lookUp = async (name: string) => (await resolve(name)).map(canonicalName);
      const found = await Promise.all(
        own.map(async ({ name, domain }) => {
          const [addresses, anybodys] = await Promise.all([lookUp(name), lookUp(`${NOBODY}.${domain}`)]);
          return { name, addresses: addresses.filter((address) => !anybodys.includes(address)) };
        }),
      );
      const known = new Set(found.flatMap(({ name, addresses }) => (addresses.length > 0 ? [name, ...addresses] : [])));
      return names.map(({ kind, value }) => (known.has(kind === 'dns' ? value : canonicalName(value)) ? 'own' : 'unknown'));
    },
  };
}

function resolverOf({ servers, timeoutMs }: DnsSourceOptions) {
  const resolver = new Resolver({ timeout: timeoutMs, tries: 2 });
  if (servers.length > 0) resolver.setServers(servers);
  const ask = async (query: Promise<string[]>): Promise<string[]> => {
    try {
      return await query;
    } catch (error) {
      if (NO_ANSWER.has((error as { code?: string }).code ?? '')) return [];
      throw error;
    }
  };
  return async (name: string) => (await Promise.all([ask(resolver.resolve4(name)), ask(resolver.resolve6(name))])).flat();
}
