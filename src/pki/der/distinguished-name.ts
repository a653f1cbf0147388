import { type DerReader, Tag } from './der-reader.ts';
import { objectIdentifier, text } from './der-values.ts';
import * as der from './der-writer.ts';
import { Oid } from './object-identifiers.ts';

/** The attributes of a name that Kubernetes reads, and the types of the others. */
export interface DistinguishedName {
  /** The last one where there are several, as Go reads it; empty when there is none. */
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly organizationalUnits: readonly string[];
  /** `2.5.4.6=DE` for every attribute that is none of those above, and for each common name but the last. */
  readonly otherAttributes: readonly string[];
}

/** Reads an RDNSequence (RFC 5280, 4.1.2.4). */
export function readName(reader: DerReader, what: string): DistinguishedName {
  const commonNames: string[] = [];
  const organizations: string[] = [];
  const organizationalUnits: string[] = [];
  const otherAttributes: string[] = [];
  const rdns = reader.enter(Tag.sequence, what);
  while (!rdns.atEnd) {
    const attributes = rdns.enter(Tag.set, what);
    do {
      const attribute = attributes.enter(Tag.sequence, what);
      const type = objectIdentifier(attribute.read(Tag.oid, what), what);
      const element = attribute.readAny(what);
      attribute.end();
      if (type === Oid.commonName) commonNames.push(text(element, `${what} common name`));
      else if (type === Oid.organization) organizations.push(text(element, `${what} organization`));
      else if (type === Oid.organizationalUnit) organizationalUnits.push(text(element, `${what} organizational unit`));
      else otherAttributes.push(`${type}=${text(element, `${what} attribute ${type}`)}`);
    } while (!attributes.atEnd);
  }
  const commonName = commonNames.pop() ?? '';
  otherAttributes.push(...commonNames.map((name) => `${Oid.commonName}=${name}`));
  return { commonName, organizations, organizationalUnits, otherAttributes };
}

/** Writes organizations, then the common name; several organizations share one set, as Go and so upstream write them. */
export function writeName(name: { commonName?: string; organizations?: readonly string[] }): Buffer {
  const attribute = (type: string, value: string) => der.sequence(der.objectIdentifier(type), der.text(value));
  const rdns: Buffer[] = [];
  if (name.organizations?.length) rdns.push(der.setOf(name.organizations.map((value) => attribute(Oid.organization, value))));
  if (name.commonName) rdns.push(der.setOf([attribute(Oid.commonName, name.commonName)]));
  return der.sequence(...rdns);
}
