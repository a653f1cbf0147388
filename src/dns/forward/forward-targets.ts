import { isIP } from 'node:net';
import { CorefileError } from '../corefile/corefile-error.ts';
import type { Directive } from '../corefile/parse-corefile.ts';
import type { Endpoint } from './upstream-connection.ts';

const DNS_PORT = 53;
const TLS_PORT = 853;

/** An address as a Corefile writes it, with the port of its protocol unless it says another; undefined for what is none. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const [, secure] = /^tls:\/\/(.*)$/.exec(text) ?? [];
  if (secure === undefined) return parseAddress(text.replace(/^dns:\/\//, ''), DNS_PORT);
  const [, host, serverName, port = ''] = /^([^%]*)(?:%([^:%]+)(:\d+)?)?$/.exec(secure) ?? [];
  const endpoint = host && parseAddress(`${host}${port}`, TLS_PORT);
  return endpoint ? { ...endpoint, tls: serverName === undefined ? {} : { serverName } } : undefined;
}

function parseAddress(plain: string, standardPort: number): Endpoint | undefined {
  if (isIP(plain)) return { address: plain, port: standardPort };
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(plain);
  const address = match?.[1] ?? match?.[2] ?? '';
  const port = match?.[3] === undefined ? standardPort : Number(match[3]);
  return isIP(address) && port > 0 && port <= 0xffff ? { address, port } : undefined;
}

/** What a forward leads to: endpoints, and files like /etc/resolv.conf whose name servers are meant. */
export type ForwardTarget = { readonly endpoint: Endpoint } | { readonly file: string };

/** @throws CorefileError for protocols that are not supported, and for names */
export function readTarget(directive: Directive, text: string): ForwardTarget {
  const protocol = /^([a-z0-9]+):\/\//.exec(text)?.[1];
  if (protocol && protocol !== 'dns' && protocol !== 'tls')
    throw new CorefileError(directive, `forward: ${protocol}:// upstreams are not supported (${text}); use plain DNS or tls://`);
  const endpoint = parseEndpoint(text);
  if (endpoint) return { endpoint };
  if (text.startsWith('/') || text.startsWith('./')) return { file: text };
  throw new CorefileError(directive, `forward: not an IP address or file: ${JSON.stringify(text)}`);
}

/** The name servers of a file as resolv.conf(5). */
export function nameServersOf(text: string): Endpoint[] {
  const endpoints: Endpoint[] = [];
  for (const line of text.split('\n')) {
    const [keyword, address = ''] = line.trim().split(/\s+/);
    const endpoint = keyword === 'nameserver' ? parseEndpoint(address.split('%')[0]!) : undefined;
    if (endpoint) endpoints.push(endpoint);
  }
  return endpoints;
}
