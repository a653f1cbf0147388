import { BlockList, isIP, isIPv6 } from 'node:net';

/** Variables of the process that was started. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy that `HTTPS_PROXY` names for a server, unless `NO_PROXY` leaves it out, as Go's clients and so kubectl understand both
 * (golang.org/x/net/http/httpproxy). Never one for this machine itself.
 */
export function proxyOfEnvironment(server: string, environment: Environment): string | undefined {
  const proxy = environment['HTTPS_PROXY'] || environment['https_proxy'];
  if (!proxy) return undefined;
  const { hostname, port } = new URL(server);
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (host === 'localhost' || isLoopback(host)) return undefined;
  const left = (environment['NO_PROXY'] || environment['no_proxy'] || '').split(',').map((entry) => entry.trim().toLowerCase());
  if (left.some((entry) => entry !== '' && leavesOut(entry, host, port || '443'))) return undefined;
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(proxy) ? proxy.replace(/^socks5h:/i, 'socks5:') : `http://${proxy}`;
}

/** Whether an entry of `NO_PROXY` means the host: `*`, a range, or an address or a domain with or without a port. */
function leavesOut(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  const [, base = '', bits] = /^([^/]+)\/(\d{1,3})$/.exec(entry) ?? [];
  if (isIP(base)) return isIP(host) !== 0 && isInside(host, base, Number(bits));
  const [, name = entry, only] = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(entry) ?? [];
  if (only !== undefined && only !== port) return false;
  const plain = name.replace(/^\[|\]$/g, '');
  if (isIP(plain)) return isIP(host) !== 0 && isInside(host, plain, isIPv6(plain) ? 128 : 32);
  if (isIP(host)) return false;
  const domain = plain.replace(/^\*\./, '.');
  return domain.startsWith('.') ? host.endsWith(domain) : host === domain || host.endsWith(`.${domain}`);
}

function isInside(host: string, base: string, bits: number): boolean {
  const family = isIPv6(base) ? 'ipv6' : 'ipv4';
  if (bits > (family === 'ipv6' ? 128 : 32)) return false;
  const range = new BlockList();
  range.addSubnet(base, bits, family);
  return range.check(host, isIPv6(host) ? 'ipv6' : 'ipv4');
}

const isLoopback = (host: string) => isIP(host) !== 0 && (isInside(host, '127.0.0.0', 8) || isInside(host, '::1', 128));
