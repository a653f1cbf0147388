import { formatCidr, formatIp, parseCidr, parseIp } from '../../api/machinery/ip.ts';

/*
 * What objects say is written into configurations of other programs: only what has been taken apart and put together again.
 */

/** Undefined for what is no address of IPv4. */
export function plainIp(text: string | undefined): string | undefined {
  const parsed = text === undefined ? undefined : parseIp(text);
  return parsed?.family === 4 ? formatIp(parsed) : undefined;
}

/** Without bits beyond its length; undefined for what is no CIDR of IPv4. */
export function plainCidr(text: string | undefined): string | undefined {
  const parsed = text === undefined ? undefined : parseCidr(text);
  return parsed?.address.family === 4 ? formatCidr(parsed) : undefined;
}

/** An address with the length of its network: `192.168.20.31/24`. */
export function plainInterfaceAddress(text: string | undefined): { readonly ip: string; readonly length: number } | undefined {
  const parsed = text === undefined ? undefined : parseCidr(text);
  return parsed?.address.family === 4 ? { ip: formatIp(parsed.address), length: parsed.length } : undefined;
}
