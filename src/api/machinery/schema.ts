/** The generated schemas, read: what fields a type has and what they hold. */
import schemas from '../gen/schema.json' with { type: 'json' };
import differences from '../older/schema-differences.json' with { type: 'json' };
import { type DerivedSchema, withDerivedSchemas } from './derived-schemas.ts';

/** Values that are no structures. Numbers are `int32`, `int64` and `double`; `bytes` are base64 text; `any` is whatever JSON holds. */
export type ScalarName =
  | 'string'
  | 'boolean'
  | 'int32'
  | 'int64'
  | 'double'
  | 'time'
  | 'micro-time'
  | 'bytes'
  | 'quantity'
  | 'int-or-string'
  | 'any';

export type FieldType =
  | { readonly form: 'list'; readonly of: FieldType }
  | { readonly form: 'map'; readonly of: FieldType }
  | { readonly form: 'structure'; readonly schema: string }
  | { readonly form: 'scalar'; readonly name: ScalarName };

export interface FieldSchema {
  readonly type: FieldType;
  readonly required: boolean;
}

const derived: Readonly<Record<string, DerivedSchema>> = differences as Readonly<Record<string, DerivedSchema>>;

/** Every schema: type name → field → type (`"[]V1Container!"`: required list). */
export const schemaTable: Readonly<Record<string, Readonly<Record<string, string>>>> = withDerivedSchemas(schemas, derived);

const texts = schemaTable;

/** The schema that this one is the same as under another name: `V1Deployment` of `AppsV1beta2Deployment`. */
export function originalSchema(name: string): string {
  const original = Object.hasOwn(derived, name) ? derived[name] : undefined;
  return typeof original === 'string' ? originalSchema(original) : name;
}

/** `[]V1Container!` is a required list of containers; `{}` in front means a map by name. */
function parseType(text: string): FieldType {
  if (text.startsWith('[]')) return { form: 'list', of: parseType(text.slice(2)) };
  if (text.startsWith('{}')) return { form: 'map', of: parseType(text.slice(2)) };
  return Object.hasOwn(texts, text) ? { form: 'structure', schema: text } : { form: 'scalar', name: text as ScalarName };
}

/** Every schema's name. */
export function schemaNames(): string[] {
  return Object.keys(texts);
}

/** A type's fields by name. Throws when there is no such schema. */
export function fieldsOfSchema(name: string): Map<string, FieldSchema> {
  const fields = Object.hasOwn(texts, name) ? texts[name] : undefined;
  if (!fields) throw new Error(`there is no schema ${JSON.stringify(name)} in gen/schema.json`);
  return new Map(
    Object.entries(fields).map(([field, text]) => {
      const required = text.endsWith('!');
      return [field, { type: parseType(required ? text.slice(0, -1) : text), required }];
    }),
  );
}

/** One field's type, or undefined when the type has no such field. Cheaper than `fieldsOfSchema` for one. */
export function fieldOfSchema(name: string, field: string): FieldType | undefined {
  const fields = texts[name];
  const text = fields && Object.hasOwn(fields, field) ? fields[field]! : undefined;
  return text === undefined ? undefined : parseType(text.replace(/!$/, ''));
}

const GENERATED_NAME = /^(?:[A-Z][a-z]+)?(V\d+(?:(?:alpha|beta)\d+)?)([A-Z].*)$/;

/** As Go calls the type: `V1PodSpec` is `v1.PodSpec`, or `PodSpec` without its package. */
export function goTypeName(schema: string): { readonly name: string; readonly qualified: string } {
  const parts = GENERATED_NAME.exec(schema);
  if (!parts) return { name: schema, qualified: schema };
  return { name: parts[2]!, qualified: `${parts[1]!.toLowerCase()}.${parts[2]}` };
}
