import { isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { CLASS, TYPE } from './constants.ts';
import type { DomainName, ResourceRecord, SoaData } from './message.ts';

/** The four or sixteen bytes of an address; undefined for what is none. */
export function addressBytes(address: string): Uint8Array | undefined {
  if (isIPv4(address)) return Uint8Array.from(address.split('.'), Number);
  if (!isIPv6(address) || address.includes('%')) return undefined;
  return Uint8Array.from(ipaddr.parse(address).toByteArray());
}

/** An A or AAAA record, as the address is; undefined for what is no address. */
export function addressRecord(name: DomainName, address: string, ttl: number): ResourceRecord | undefined {
  const raw = addressBytes(address);
  return raw && { name, type: raw.length === 4 ? TYPE.A : TYPE.AAAA, class: CLASS.IN, ttl, data: { raw } };
}

export function nameRecord(type: number, name: DomainName, target: DomainName, ttl: number): ResourceRecord {
  return { name, type, class: CLASS.IN, ttl, data: { target } };
}

export function srvRecord(name: DomainName, host: DomainName, port: number, weight: number, ttl: number): ResourceRecord {
  return { name, type: TYPE.SRV, class: CLASS.IN, ttl, data: { priority: 0, weight, port, host } };
}

/** @param text at most 255 bytes */
export function textRecord(name: DomainName, text: string, ttl: number): ResourceRecord {
  const bytes = Buffer.from(text);
  return { name, type: TYPE.TXT, class: CLASS.IN, ttl, data: { raw: Buffer.concat([Buffer.from([bytes.length]), bytes]) } };
}

export function soaRecord(zone: DomainName, ttl: number, data: SoaData): ResourceRecord {
  return { name: zone, type: TYPE.SOA, class: CLASS.IN, ttl, data };
}

/** The address that a name of `in-addr.arpa.` or `ip6.arpa.` (in lower case) stands for; undefined for other names. */
export function addressOfReverseName(name: DomainName): string | undefined {
  if (name.endsWith('.in-addr.arpa.')) {
    const address = name.slice(0, -'.in-addr.arpa.'.length).split('.').reverse().join('.');
    return isIPv4(address) ? address : undefined;
  }
  if (!name.endsWith('.ip6.arpa.')) return undefined;
  const digits = name.slice(0, -'.ip6.arpa.'.length).split('.').reverse();
  if (digits.length !== 32 || !digits.every((digit) => /^[0-9a-f]$/.test(digit))) return undefined;
  return canonicalAddress(digits.join('').replace(/(.{4})(?=.)/g, '$1:'));
}

/** The one way to write an address, so that two texts of the same are equal; undefined for what is none. */
export function canonicalAddress(address: string): string | undefined {
  if (isIPv4(address)) return address;
  return isIPv6(address) && !address.includes('%') ? ipaddr.parse(address).toString() : undefined;
}
