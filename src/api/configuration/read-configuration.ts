import { CodedError } from '../../std/coded-error.ts';
import { formatGoDuration, parseGoDuration } from '../../std/go-duration.ts';
import { duplicateField, findDuplicateKeys, unknownField } from '../machinery/duplicate-fields.ts';
import type { Field, FieldTable } from './field-schema.ts';

type Fields = Record<string, unknown>;

/** The settings that a file (or a flag) gives, of the right types and in normal form, and what was passed over. */
export interface ParsedConfiguration {
  readonly given: Fields;
  readonly warnings: readonly string[];
}

/** A kind of configuration file. */
export interface ConfigurationKind {
  readonly kind: string;
  readonly apiVersion: string;
  readonly fields: FieldTable;
  /** Fields of older releases, at the top, and why each is ignored. */
  readonly retiredFields: Readonly<Record<string, string>>;
}

const LARGEST_FILE_BYTES = 1 << 20;

/** What is said of a configuration that is refused for its fields: each remark begins with the field's path. */
export class FieldsError extends CodedError {
  readonly remarks: readonly string[];

  constructor(message: string, remarks: readonly string[]) {
    super(message, { code: 'CONFIGURATION_INVALID' });
    this.remarks = remarks;
  }
}

/**
 * Reads a component's configuration from JSON or YAML, strictly: fields that nobody knows, that come twice or have a wrong type are refused.
 * Fields that older releases had are left out with a warning. A field that is null stays so: it takes back what another file said.
 *
 * @throws CodedError naming the fields; FieldsError where that is all that is wrong with it
 */
export async function readConfiguration(text: string, expected: ConfigurationKind): Promise<ParsedConfiguration> {
  if (text.length > LARGEST_FILE_BYTES) throw refusal(`the file is larger than ${LARGEST_FILE_BYTES} bytes`);
  const document = await parseDocument(text);
  if (!isFields(document)) throw refusal('the file holds no object');
  const { kind, apiVersion, ...fields } = document;
  if (typeof kind !== 'string' || kind === '') throw refusal("failed to decode: Object 'Kind' is missing");
  if (typeof apiVersion !== 'string' || apiVersion === '') throw refusal("failed to decode: Object 'apiVersion' is missing");
  if (kind !== expected.kind || apiVersion !== expected.apiVersion)
    throw refusal(`failed to decode: no kind "${kind}" is registered for version "${apiVersion}"`);
  const warnings: string[] = [];
  const problems: string[] = [];
  const given = readFields(expected.fields, fields, '', { warnings, problems, retired: expected.retiredFields });
  if (problems.length > 0)
    throw new FieldsError(
      `failed to decode: strict decoding error: ${problems.map(unknownField).join(', ')}`,
      problems.map((at) => `${at}: unknown field`),
    );
  return { given, warnings };
}

/**
 * Reads an object inside a configuration, such as the arguments of a plugin, as strictly as the whole.
 *
 * @throws CodedError naming the fields by their place, `at`
 */
export function readObject(fields: FieldTable, value: unknown, at: string): Fields {
  if (!isFields(value)) throw wrongType(at, 'an object', value);
  const problems: string[] = [];
  const given = readFields(fields, value, at, { warnings: [], problems, retired: {} });
  if (problems.length > 0) throw refusal(`failed to decode: strict decoding error: ${problems.map(unknownField).join(', ')}`);
  return given;
}

/** What is told beside the values. */
interface Remarks {
  readonly warnings: string[];
  /** Paths of fields that nobody knows. */
  readonly problems: string[];
  readonly retired: ConfigurationKind['retiredFields'];
}

async function parseDocument(text: string): Promise<unknown> {
  if (text.trimStart().startsWith('{')) {
    let document: unknown;
    try {
      document = JSON.parse(text);
    } catch {
      // A flow mapping of YAML begins so as well; its parser has the better message.
    }
    if (document !== undefined) {
      const duplicates = findDuplicateKeys(text).map(duplicateField);
      if (duplicates.length > 0) throw refusal(`failed to decode: strict decoding error: ${duplicates.join(', ')}`);
      return document;
    }
  }
  const { parse } = await import('yaml'); // only when a YAML file is given: it takes a while to load
  try {
    return parse(text, { maxAliasCount: 100, logLevel: 'error' });
  } catch (cause) {
    throw refusal(`failed to decode: ${(cause as Error).message}`, cause);
  }
}

function readFields(table: FieldTable, values: Fields, path: string, remarks: Remarks): Fields {
  const given: Fields = {};
  for (const [name, value] of Object.entries(values)) {
    const at = path ? `${path}.${name}` : name;
    const field = Object.hasOwn(table, name) ? table[name] : undefined;
    if (!field) {
      if (path === '' && Object.hasOwn(remarks.retired, name))
        remarks.warnings.push(`field "${at}" is ignored: ${remarks.retired[name]}`);
      else remarks.problems.push(at);
    } else given[name] = value === null || value === undefined ? null : readValue(field, value, at, remarks);
  }
  return given;
}

/** Durations are given back as Go prints them. */
function readValue(field: Field, value: unknown, at: string, remarks: Remarks): unknown {
  if (typeof field.type === 'object') {
    if ('object' in field.type) {
      if (!isFields(value)) throw wrongType(at, 'an object', value);
      return readFields(field.type.object, value, at, remarks);
    }
    const { list } = field.type;
    if (!Array.isArray(value)) throw wrongType(at, 'a list', value);
    return value.map((item: unknown, i) => {
      if (!isFields(item)) throw wrongType(`${at}[${i}]`, 'an object', item);
      return readFields(list, item, `${at}[${i}]`, remarks);
    });
  }
  switch (field.type) {
    case 'bool':
      if (typeof value !== 'boolean') throw wrongType(at, 'true or false', value);
      return value;
    case 'integer':
      if (!Number.isSafeInteger(value)) throw wrongType(at, 'an integer', value);
      return value;
    case 'number':
      if (typeof value !== 'number' || !Number.isFinite(value)) throw wrongType(at, 'a number', value);
      return value;
    case 'string':
      if (typeof value !== 'string') throw wrongType(at, 'a string', value);
      return value;
    case 'duration':
      if (typeof value !== 'string') throw wrongType(at, 'a duration like 2m0s', value);
      try {
        return formatGoDuration(parseGoDuration(value));
      } catch {
        throw wrongType(at, 'a duration like 2m0s', value);
      }
    case 'any':
      return value;
    case 'strings':
      return readStrings(value, at);
    case 'integers':
      if (!Array.isArray(value)) throw wrongType(at, 'a list of integers', value);
      return value.map((item: unknown, i) => {
        if (!Number.isSafeInteger(item)) throw wrongType(`${at}[${i}]`, 'an integer', item);
        return item;
      });
    case 'string-map':
      return readMap(value, at, (item, where) => {
        if (typeof item !== 'string') throw wrongType(where, 'a string', item);
        return item;
      });
    case 'bool-map':
      return readMap(value, at, (item, where) => {
        if (typeof item !== 'boolean') throw wrongType(where, 'true or false', item);
        return item;
      });
    case 'strings-map':
      return readMap(value, at, readStrings);
  }
}

function readStrings(value: unknown, at: string): string[] {
  if (!Array.isArray(value)) throw wrongType(at, 'a list of strings', value);
  return value.map((item: unknown, i) => {
    if (typeof item !== 'string') throw wrongType(`${at}[${i}]`, 'a string', item);
    return item;
  });
}

function readMap<T>(value: unknown, at: string, read: (item: unknown, at: string) => T): Record<string, T> {
  if (!isFields(value)) throw wrongType(at, 'an object', value);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, read(item, `${at}.${key}`)]));
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wrongType(at: string, wanted: string, value: unknown): CodedError {
  const why = `must be ${wanted}, got ${JSON.stringify(value)}`;
  return new FieldsError(`failed to decode: field ${at} ${why}`, [`${at}: ${why}`]);
}

function refusal(message: string, cause?: unknown): CodedError {
  return new CodedError(message, { code: 'CONFIGURATION_INVALID', cause });
}
