import { CodedError } from '../std/coded-error.ts';
import { DerReader, Tag } from './der/der-reader.ts';
import { bitString, objectIdentifier } from './der/der-values.ts';
import * as der from './der/der-writer.ts';
import type { Extension } from './der/extensions.ts';
import { Oid } from './der/object-identifiers.ts';

/** Bits of keyUsage (RFC 5280, 4.2.1.3) by the words of certificates.k8s.io (api/certificates/v1/types.go, KeyUsage). */
const KEY_USAGE_BITS: Readonly<Record<string, number>> = {
  'digital signature': 0,
  signing: 0,
  'content commitment': 1,
  'key encipherment': 2,
  'data encipherment': 3,
  'key agreement': 4,
  'cert sign': 5,
  'crl sign': 6,
  'encipher only': 7,
  'decipher only': 8,
};

/** Purposes of extKeyUsage by the same words. */
const EXTENDED_KEY_USAGE_OIDS: Readonly<Record<string, string>> = {
  any: '2.5.29.37.0',
  'server auth': '1.3.6.1.5.5.7.3.1',
  'client auth': '1.3.6.1.5.5.7.3.2',
  'code signing': '1.3.6.1.5.5.7.3.3',
  'email protection': '1.3.6.1.5.5.7.3.4',
  's/mime': '1.3.6.1.5.5.7.3.4',
  'ipsec end system': '1.3.6.1.5.5.7.3.5',
  'ipsec tunnel': '1.3.6.1.5.5.7.3.6',
  'ipsec user': '1.3.6.1.5.5.7.3.7',
  timestamping: '1.3.6.1.5.5.7.3.8',
  'ocsp signing': '1.3.6.1.5.5.7.3.9',
  'microsoft sgc': '1.3.6.1.4.1.311.10.3.3',
  'netscape sgc': '2.16.840.1.113730.4.1',
};

/** Every word that names a usage. */
export const KEY_USAGES: readonly string[] = [...Object.keys(KEY_USAGE_BITS), ...Object.keys(EXTENDED_KEY_USAGE_OIDS)];

/** The keyUsage (critical) and extKeyUsage extensions that say `usages`; throws a CodedError that names an unknown word. */
export function usageExtensions(usages: readonly string[]): Extension[] {
  const unknown = usages.find((usage) => !KEY_USAGES.includes(usage));
  if (unknown !== undefined) throw new CodedError(`unrecognized key usage: "${unknown}"`, { code: 'KEY_USAGE_UNKNOWN' });
  const bits = [...new Set(usages.map((usage) => KEY_USAGE_BITS[usage]).filter((bit) => bit !== undefined))];
  const oids = [...new Set(usages.map((usage) => EXTENDED_KEY_USAGE_OIDS[usage]).filter((oid) => oid !== undefined))];
  const extensions: Extension[] = [];
  if (bits.length) extensions.push({ oid: Oid.keyUsage, critical: true, value: der.namedBits(bits) });
  if (oids.length) {
    const value = der.sequence(...oids.map((oid) => der.objectIdentifier(oid)));
    extensions.push({ oid: Oid.extendedKeyUsage, critical: false, value });
  }
  return extensions;
}

/** The words for what a certificate or request says; an unknown purpose is named by its object identifier. */
export function readUsages(extensions: ReadonlyMap<string, Extension>): string[] {
  const usages: string[] = [];
  const keyUsage = extensions.get(Oid.keyUsage);
  if (keyUsage) {
    const reader = new DerReader(keyUsage.value, 'key usage');
    const { bytes } = bitString(reader.read(Tag.bitString), 'key usage');
    reader.end();
    for (const [word, bit] of Object.entries(KEY_USAGE_BITS)) {
      if (word !== 'signing' && (bytes[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) usages.push(word);
    }
  }
  const extended = extensions.get(Oid.extendedKeyUsage);
  if (extended) {
    const outer = new DerReader(extended.value, 'extended key usage');
    const reader = outer.enter(Tag.sequence);
    outer.end();
    while (!reader.atEnd) {
      const oid = objectIdentifier(reader.read(Tag.oid), 'extended key usage');
      usages.push(Object.entries(EXTENDED_KEY_USAGE_OIDS).find(([, value]) => value === oid)?.[0] ?? oid);
    }
  }
  return usages;
}

/** Whether a certificate with these usages may serve a purpose: one that names no purpose may serve all. */
export function servesFor(usages: readonly string[], purpose: 'client auth' | 'server auth'): boolean {
  const purposes = usages.filter((usage) => !Object.hasOwn(KEY_USAGE_BITS, usage));
  return purposes.length === 0 || purposes.includes('any') || purposes.includes(purpose);
}

/** Whether a key with these usages may sign certificates: one that names no usage of the key may. */
export function maySignCertificates(usages: readonly string[]): boolean {
  return usages.includes('cert sign') || !usages.some((usage) => Object.hasOwn(KEY_USAGE_BITS, usage));
}
