import { formatIp, parseIp } from '../../api/machinery/ip.ts';

/** Whether a certificate's names hold for a host, as TLS clients judge (RFC 6125): a wildcard stands for one whole label. */
export function covers(names: readonly string[], host: string): boolean {
  const address = parseIp(host);
  if (address) return names.some((name) => parseIp(name) !== undefined && formatIp(parseIp(name)!) === formatIp(address));
  const wanted = host.toLowerCase().replace(/\.$/, '');
  return names.some((name) => {
    const own = name.toLowerCase();
    if (own === wanted) return true;
    return own.startsWith('*.') && wanted.includes('.') && wanted.slice(wanted.indexOf('.')) === own.slice(1);
  });
}
