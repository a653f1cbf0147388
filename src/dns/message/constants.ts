/** Numbers of https://www.iana.org/assignments/dns-parameters that the server speaks of by name. */
export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  NAPTR: 35,
  DNAME: 39,
  OPT: 41,
  DS: 43,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  NSEC3: 50,
  SVCB: 64,
  HTTPS: 65,
  CAA: 257,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const;

export const CLASS = { IN: 1, CH: 3, HS: 4, ANY: 255 } as const;

export const RCODE = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5, BADVERS: 16 } as const;

export const OPCODE = { QUERY: 0, NOTIFY: 4 } as const;

const namesOf = (table: Readonly<Record<string, number>>) => new Map(Object.entries(table).map(([name, value]) => [value, name]));
const numbersOf = (table: Readonly<Record<string, number>>) => new Map(Object.entries(table));

const typeNames = namesOf(TYPE);
const classNames = namesOf(CLASS);
const ALL_RCODES = { ...RCODE, YXDOMAIN: 6, YXRRSET: 7, NXRRSET: 8, NOTAUTH: 9, NOTZONE: 10 };
const rcodeNames = namesOf(ALL_RCODES);
const typeNumbers = numbersOf(TYPE);
const classNumbers = numbersOf(CLASS);

/** `A`; `TYPE1234` for what has no name here (RFC 3597). */
export const typeName = (type: number): string => typeNames.get(type) ?? `TYPE${type}`;
/** For metrics: what has no name here is `other`, so that nobody fills the memory with series. */
export const countedTypeName = (type: number): string => typeNames.get(type) ?? 'other';
export const countedClassName = (value: number): string => classNames.get(value) ?? 'other';
export const className = (value: number): string => classNames.get(value) ?? `CLASS${value}`;
export const rcodeName = (rcode: number): string => rcodeNames.get(rcode) ?? `RCODE${rcode}`;

/** The number of a response code's name, undefined for none. */
export const rcodeNumber = (name: string): number | undefined => numbersOf(ALL_RCODES).get(name);

/** The number of a type's name, undefined for none. */
export const typeNumber = (name: string): number | undefined => typeNumbers.get(name.toUpperCase()) ?? generic(name, 'TYPE');
export const classNumber = (name: string): number | undefined => classNumbers.get(name.toUpperCase()) ?? generic(name, 'CLASS');

function generic(name: string, prefix: string): number | undefined {
  const upper = name.toUpperCase();
  if (!upper.startsWith(prefix) || !/^\d{1,5}$/.test(upper.slice(prefix.length))) return undefined;
  const value = Number(upper.slice(prefix.length));
  return value <= 0xffff ? value : undefined;
}
