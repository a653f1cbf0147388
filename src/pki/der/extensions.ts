import { type DerReader, derError, Tag } from './der-reader.ts';
import { booleanValue, objectIdentifier } from './der-values.ts';
import * as der from './der-writer.ts';

/** One extension of a certificate or a request (RFC 5280, 4.2). */
export interface Extension {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Buffer;
}

/** Reads Extensions; one that stands twice is refused, since nobody could say which counts. */
export function readExtensions(reader: DerReader, what: string): Map<string, Extension> {
  const extensions = new Map<string, Extension>();
  const list = reader.enter(Tag.sequence, what);
  while (!list.atEnd) {
    const entry = list.enter(Tag.sequence, what);
    const oid = objectIdentifier(entry.read(Tag.oid, what), what);
    const flag = entry.readOptional(Tag.boolean, what);
    const critical = flag !== undefined && booleanValue(flag, what);
    const value = entry.read(Tag.octetString, what).content;
    entry.end();
    if (extensions.has(oid)) throw derError(what, `extension ${oid} stands there twice`);
    extensions.set(oid, { oid, critical, value });
  }
  return extensions;
}

export function writeExtensions(extensions: readonly (Extension | undefined)[]): Buffer {
  return der.sequence(
    ...extensions
      .filter((extension) => extension !== undefined)
      .map(({ oid, critical, value }) =>
        critical
          ? der.sequence(der.objectIdentifier(oid), der.boolean(true), der.octetString(value))
          : der.sequence(der.objectIdentifier(oid), der.octetString(value)),
      ),
  );
}
