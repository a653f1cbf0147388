import { type Family, formatCidr, formatIp, parseCidr, parseIp } from '../../api/machinery/ip.ts';

/*
 * What objects say is written into configurations of other programs: only what has been taken apart and put together again.
 */

/** Undefined for what is no address of the family. */
export function plainIp(text: string | undefined, family: Family = 4): string | undefined {
  const parsed = text === undefined ? undefined : parseIp(text);
  return parsed?.family === family ? formatIp(parsed) : undefined;
}

/** Without bits beyond its length; undefined for what is no CIDR of the family. */
export function plainCidr(text: string | undefined, family: Family = 4): string | undefined {
  const parsed = text === undefined ? undefined : parseCidr(text);
  return parsed?.address.family === family ? formatCidr(parsed) : undefined;
}

/** Of whichever family. */
export const plainCidrOfAny = (text: string | undefined): string | undefined => plainCidr(text, 4) ?? plainCidr(text, 6);

/** Of what has been found to be an address or a CIDR. */
export const familyOf = (plain: string): Family => (plain.includes(':') ? 6 : 4);

/** As long as addresses of the family are. */
export const addressBits = (family: Family): number => (family === 4 ? 32 : 128);
