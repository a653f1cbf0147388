/** Named formats: `format.dns1123Label().validate(self.name)` (apiserver/pkg/cel/library/format.go). */
import { goQuote } from '../../../std/go-text.ts';
import { isGoRequestUri } from '../../../std/go-url.ts';
import {
  checkDns1035Label,
  checkDnsLabel,
  checkDnsSubdomain,
  checkLabelValue,
  checkQualifiedName,
} from '../../machinery/names.ts';
import { declare, type FunctionDeclaration, member, overload } from '../declarations.ts';
import { parseTimestamp } from '../time-values.ts';
import { listOf, opaque, optionalOf, STRING } from '../types.ts';
import { OpaqueValue, Optional, PlainList } from '../values.ts';

export const FORMAT = opaque('kubernetes.NamedFormat');

export class FormatValue extends OpaqueValue {
  readonly type = FORMAT;
  readonly name: string;
  constructor(name: string) {
    super();
    this.name = name;
  }
  equals(other: FormatValue): boolean {
    return this.name === other.name;
  }
  /** How long the pattern is that upstream has for it, by which it prices a check. */
  get patternSize(): number {
    return PATTERN_SIZES[this.name]!;
  }
}

/** What generated names begin with: one dash may stand at the end. */
const prefix = (check: (text: string) => string[]) => (text: string) =>
  check(text.endsWith('-') ? `${text.slice(0, -1)}a` : text);
const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const wrongUri = (text: string) => `parse ${goQuote(text)}: ${text === '' ? 'empty url' : 'invalid URI for request'}`;
const unless = (good: boolean, complaint: string): string[] => (good ? [] : [complaint]);

const FORMATS: Readonly<Record<string, (text: string) => string[]>> = {
  dns1123Label: checkDnsLabel,
  dns1123Subdomain: checkDnsSubdomain,
  dns1035Label: checkDns1035Label,
  qualifiedName: checkQualifiedName,
  dns1123LabelPrefix: prefix(checkDnsLabel),
  dns1123SubdomainPrefix: prefix(checkDnsSubdomain),
  dns1035LabelPrefix: prefix(checkDns1035Label),
  labelValue: checkLabelValue,
  uri: (text) => unless(isGoRequestUri(text), wrongUri(text)),
  uuid: (text) => unless(UUID.test(text), 'does not match the UUID format'),
  byte: (text) => unless(BASE64.test(text), 'invalid base64'),
  date: (text) => unless(parseTimestamp(`${text}T00:00:00Z`) !== undefined, 'invalid date'),
  datetime: (text) => unless(parseTimestamp(text) !== undefined, 'invalid datetime'),
};

const PATTERN_SIZES: Readonly<Record<string, number>> = {
  dns1123Label: 30,
  dns1123Subdomain: 60,
  dns1035Label: 30,
  qualifiedName: 60,
  dns1123LabelPrefix: 30,
  dns1123SubdomainPrefix: 60,
  dns1035LabelPrefix: 30,
  labelValue: 40,
  uri: 1103,
  uuid: 70,
  byte: 84,
  date: 71,
  datetime: 71,
};

function validate({ name }: FormatValue, text: string): Optional {
  const complaints = FORMATS[name]!(text);
  return complaints.length ? new Optional(new PlainList(complaints)) : new Optional();
}

export const formatFunctions: readonly FunctionDeclaration[] = [
  declare(
    'format.named',
    overload('format-named', [STRING], optionalOf(FORMAT), (name: string) =>
      Object.hasOwn(FORMATS, name) ? new Optional(new FormatValue(name)) : new Optional(),
    ),
  ),
  declare('validate', member('format-validate', [FORMAT, STRING], optionalOf(listOf(STRING)), validate)),
  ...Object.keys(FORMATS).map((name) =>
    declare(
      `format.${name}`,
      overload(`const-format-${name}`, [], FORMAT, () => new FormatValue(name)),
    ),
  ),
];
