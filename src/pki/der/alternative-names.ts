import { isIP, isIPv4 } from 'node:net';
import { CodedError } from '../../std/coded-error.ts';
import { contextTag, DerReader, derError, Tag } from './der-reader.ts';
import { asciiText } from './der-values.ts';
import * as der from './der-writer.ts';

/** The kinds of subject alternative name that certificates of Kubernetes have. */
export interface AlternativeNames {
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly emailAddresses: readonly string[];
  readonly uris: readonly string[];
  /** Those of `ipAddresses` that were written as IPv4 in IPv6 (RFC 4291, 2.5.5.2): who compares octets takes them for others. */
  readonly mappedAddresses?: readonly string[];
}

const EMAIL = contextTag(1, false);
const DNS = contextTag(2, false);
const URI = contextTag(6, false);
const IP = contextTag(7, false);
const WHAT = 'subject alternative name';

/** Reads GeneralNames (RFC 5280, 4.2.1.6). `otherKinds` says whether names of other kinds are passed over or refused. */
export function readAlternativeNames(value: Buffer, otherKinds: 'ignore' | 'refuse'): AlternativeNames {
  const names = { dnsNames: [] as string[], ipAddresses: [] as string[], emailAddresses: [] as string[], uris: [] as string[] };
  const mappedAddresses: string[] = [];
  const outer = new DerReader(value, WHAT);
  const reader = outer.enter(Tag.sequence);
  outer.end();
  while (!reader.atEnd) {
    const { tag, content } = reader.readAny();
    if (tag === DNS) names.dnsNames.push(asciiText(content, `${WHAT}: DNS name`));
    else if (tag === IP) {
      const address = readAddress(content);
      names.ipAddresses.push(address);
      if (content.length === 16 && isIPv4(address)) mappedAddresses.push(address);
    } else if (tag === EMAIL) names.emailAddresses.push(asciiText(content, `${WHAT}: email address`));
    else if (tag === URI) names.uris.push(asciiText(content, `${WHAT}: URI`));
    else if (otherKinds === 'refuse') throw derError(WHAT, `of a kind that is not supported (tag 0x${tag.toString(16)})`);
  }
  return mappedAddresses.length > 0 ? { ...names, mappedAddresses } : names;
}

/** GeneralNames in Go's order: DNS names, email addresses, addresses, URIs; undefined when there are none. */
export function writeAlternativeNames(names: Partial<AlternativeNames>): Buffer | undefined {
  const ascii = (tag: number, value: string) => {
    const bytes = Buffer.from(value, 'utf8');
    if (bytes.length !== value.length) {
      throw new CodedError(`${WHAT} "${value}" is not ASCII`, { code: 'ALTERNATIVE_NAME_INVALID' });
    }
    return der.element(tag, bytes);
  };
  const parts = [
    ...(names.dnsNames ?? []).map((name) => ascii(DNS, name)),
    ...(names.emailAddresses ?? []).map((address) => ascii(EMAIL, address)),
    ...(names.ipAddresses ?? []).map((address) => der.element(IP, writeAddress(address))),
    ...(names.uris ?? []).map((uri) => ascii(URI, uri)),
  ];
  return parts.length ? der.sequence(...parts) : undefined;
}

function readAddress(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) throw derError(`${WHAT}: IP address`, `has ${bytes.length} octets`);
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i));
  return formatGroups(groups);
}

/** RFC 5952: the longest run of two or more zero groups becomes `::`; a mapped IPv4 address is shown as such, as Go does. */
function formatGroups(groups: readonly number[]): string {
  if (groups.slice(0, 5).every((g) => g === 0) && groups[5] === 0xffff) {
    return [groups[6]! >> 8, groups[6]! & 255, groups[7]! >> 8, groups[7]! & 255].join('.');
  }
  let best = { start: -1, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  const hex = (part: readonly number[]) => part.map((g) => g.toString(16)).join(':');
  if (best.start < 0) return hex(groups);
  return `${hex(groups.slice(0, best.start))}::${hex(groups.slice(best.start + best.length))}`;
}

/** The 4 or 16 octets of an address. */
export function writeAddress(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  if (isIP(address) !== 6 || address.includes('%')) {
    throw new CodedError(`"${address}" is not an IP address`, { code: 'ALTERNATIVE_NAME_INVALID' });
  }
  let text = address;
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(address);
  if (dotted) {
    const [a, b, c, d] = dotted[2]!.split('.').map(Number) as [number, number, number, number];
    text = `${dotted[1]}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  const [head, tail] = text.split('::') as [string, string | undefined];
  const before = head ? head.split(':') : [];
  const after = tail ? tail.split(':') : [];
  const groups = tail === undefined ? before : [...before, ...Array(8 - before.length - after.length).fill('0'), ...after];
  const bytes = Buffer.alloc(16);
  groups.forEach((group, i) => {
    bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * i);
  });
  return bytes;
}
