/** IP addresses and ranges as fields hold them (apimachinery/pkg/util/validation/ip.go): parsed, checked, compared. */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { invalidField } from './field-error.ts';
import type { FieldError } from './status-error.ts';

export const NOT_AN_IP = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
export const NOT_A_CIDR = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

export type Family = 4 | 6;

export interface IpAddress {
  readonly family: Family;
  readonly bytes: readonly number[];
  /** Whether the text had zeros in front of a number, which some read as octal. */
  readonly leadingZeros: boolean;
  /** Whether it was `::ffff:10.0.0.1`; it counts as IPv4. */
  readonly mapped: boolean;
}

export interface IpRange {
  readonly address: IpAddress;
  readonly length: number;
  readonly leadingZeros: boolean;
}

const V4 = /^\d{1,}(\.\d{1,}){3}$/;

/** Takes leading zeros as decimal, as Go once did. Undefined for what is no address. */
export function parseIp(text: string): IpAddress | undefined {
  const plain = V4.test(text) ? text.replace(/(^|\.)0+(?=\d)/g, '$1') : text;
  if (text.includes('%') || !isIP(plain)) return undefined;
  const parsed = ipaddr.parse(plain);
  const bytes = parsed.toByteArray();
  const mapped = bytes.length === 16 && bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255;
  const kept = mapped ? bytes.slice(12) : bytes;
  return { family: kept.length === 4 ? 4 : 6, bytes: kept, leadingZeros: plain !== text, mapped };
}

/** As Go prints it. */
export function formatIp({ bytes }: IpAddress): string {
  const address = ipaddr.fromByteArray([...bytes]);
  return address.kind() === 'ipv6' ? (address as ipaddr.IPv6).toRFC5952String() : address.toString();
}

export function parseCidr(text: string): IpRange | undefined {
  const [, address = '', length = ''] = /^([^/]+)\/(\d{1,4})$/.exec(text) ?? [];
  const parsed = parseIp(address);
  if (!parsed) return undefined;
  const bits = parsed.bytes.length * 8;
  const given = Number(length) - (parsed.mapped ? 96 : 0);
  if (given < 0 || given > bits) return undefined;
  return { address: parsed, length: given, leadingZeros: parsed.leadingZeros || /^0\d/.test(length) };
}

const maskOf = (index: number, length: number) => {
  const bits = Math.min(8, Math.max(0, length - index * 8));
  return (0xff << (8 - bits)) & 0xff;
};

const masked = ({ address, length }: IpRange): number[] => address.bytes.map((byte, i) => byte & maskOf(i, length));

/** The range as Go prints it, without bits beyond its length. */
export const formatCidr = (range: IpRange): string => `${formatIp({ ...range.address, bytes: masked(range) })}/${range.length}`;

/** Whether `inner` is a part of `outer`, and not all of it. */
export function isStrictPart(inner: IpRange, outer: IpRange): boolean {
  if (inner.address.family !== outer.address.family || outer.length >= inner.length) return false;
  const network = masked(outer);
  return inner.address.bytes.every((byte, i) => (byte & maskOf(i, outer.length)) === network[i]);
}

/** Whether the range holds the address. */
export function isInside(address: IpAddress, range: IpRange): boolean {
  if (address.family !== range.address.family) return false;
  const network = masked(range);
  return address.bytes.every((byte, i) => (byte & maskOf(i, range.length)) === network[i]);
}

function ipComplaints(value: string): string[] {
  const parsed = parseIp(value);
  if (!parsed) return [NOT_AN_IP];
  if (parsed.leadingZeros) return ['must not have leading 0s'];
  return parsed.mapped ? ['must not be an IPv4-mapped IPv6 address'] : [];
}

function cidrComplaints(value: string): string[] {
  const parsed = parseCidr(value);
  if (!parsed) return [NOT_A_CIDR];
  if (parsed.leadingZeros) return ['must not have leading 0s in IP or prefix length'];
  if (parsed.address.mapped) return ['must not have an IPv4-mapped IPv6 address'];
  const beyond = masked(parsed).some((byte, i) => byte !== parsed.address.bytes[i]);
  return beyond ? ['must not have bits set beyond the prefix length'] : [];
}

const unlessCanonical = (value: string, canonical: string) =>
  value === canonical ? [] : [`must be in canonical form (${JSON.stringify(canonical)})`];

/** What is wrong with an address that must be written in the one canonical way. */
export function canonicalIpComplaints(value: string): string[] {
  const complaints = ipComplaints(value);
  return complaints.length ? complaints : unlessCanonical(value, formatIp(parseIp(value)!));
}

function canonicalCidrComplaints(value: string): string[] {
  const complaints = cidrComplaints(value);
  return complaints.length ? complaints : unlessCanonical(value, formatCidr(parseCidr(value)!));
}

/** What was let through once. A set where there may be many: each of a new list is looked for among them. */
export type StoredAddresses = readonly string[] | ReadonlySet<string>;

const isStored = (value: string, stored: StoredAddresses) => ('has' in stored ? stored.has(value) : stored.includes(value));

const check =
  (complaints: (value: string) => string[]) =>
  (field: string, value: string, stored: StoredAddresses = []): FieldError[] =>
    isStored(value, stored) ? [] : complaints(value).map((complaint) => invalidField(field, value, complaint));

/** For fields that are older than the strict rules: `stored` values may stay as they are. */
export const checkIp = check(ipComplaints);
export const checkCidr = check(cidrComplaints);

/** An address with the length of its network's prefix: `10.9.8.7/24`. */
export function checkInterfaceAddress(field: string, value: string): FieldError[] {
  const parsed = parseCidr(value);
  if (!parsed) return [invalidField(field, value, 'must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)')];
  return unlessCanonical(value, `${formatIp(parsed.address)}/${parsed.length}`).map((complaint) =>
    invalidField(field, value, complaint),
  );
}

/** For newer fields: there is one way only to write a range. */
export const checkCanonicalCidr = check(canonicalCidrComplaints);

/** Addresses that mean something else on every machine make no sense as endpoints (core/validation ValidateNonSpecialIP). */
export function checkNotSpecial(field: string, value: string): FieldError[] {
  const parsed = parseIp(value);
  if (!parsed) return [invalidField(field, value, 'must be a valid IP address')];
  const { bytes, family } = parsed;
  const [first = 0, second = 0, third = 0] = bytes;
  const last = bytes.at(-1);
  const restZero = bytes.slice(0, -1).every((byte) => byte === 0);
  const errors: FieldError[] = [];
  const complain = (detail: string) => errors.push(invalidField(field, value, detail));
  if (restZero && last === 0) complain(`may not be unspecified (${value})`);
  if (family === 4 ? first === 127 : restZero && last === 1) complain('may not be in the loopback range (127.0.0.0/8, ::1/128)');
  if (family === 4 ? first === 169 && second === 254 : first === 0xfe && (second & 0xc0) === 0x80)
    complain('may not be in the link-local range (169.254.0.0/16, fe80::/10)');
  if (family === 4 ? first === 224 && second === 0 && third === 0 : first === 0xff && (second & 0x0f) === 0x02)
    complain('may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)');
  return errors;
}

/** What is said of addresses that are let through and are not written as they should be (GetWarningsForIP). */
export function ipWarnings(field: string, value: string): string[] {
  const address = parseIp(value);
  if (!address) return [];
  const canonical = formatIp(address);
  if (address.leadingZeros || address.mapped)
    return [`${field}: non-standard IP address ${JSON.stringify(value)} is invalid: use ${JSON.stringify(canonical)}`];
  return canonical === value
    ? []
    : [`${field}: IPv6 address ${JSON.stringify(value)} should be in RFC 5952 canonical format (${JSON.stringify(canonical)})`];
}

/** The same of ranges (GetWarningsForCIDR). */
export function cidrWarnings(field: string, value: string): string[] {
  const range = parseCidr(value);
  if (!range) return [];
  const { address, leadingZeros } = range;
  const canonical = formatCidr(range);
  const [shown, wanted] = [JSON.stringify(value), JSON.stringify(canonical)];
  const warnings: string[] = [];
  if (masked(range).some((byte, i) => byte !== address.bytes[i])) {
    const alone = JSON.stringify(`${formatIp(address)}/${address.mapped ? 128 : address.bytes.length * 8}`);
    warnings.push(`${field}: CIDR value ${shown} is ambiguous in this context (should be ${wanted} or ${alone}?)`);
  }
  if (leadingZeros || address.mapped) warnings.push(`${field}: non-standard CIDR value ${shown} is invalid: use ${wanted}`);
  if (warnings.length || address.family === 4 || canonical === value) return warnings;
  return [`${field}: IPv6 CIDR value ${shown} should be in RFC 5952 canonical format (${wanted})`];
}
