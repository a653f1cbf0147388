/** Makes `types.ts`, `schema.json` and `omitted-zeros.json` from the official client's models: `npm run generate`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Model, type ModelField, readModels } from './models.ts';
import { renderOmittedZeros } from './omitted-zeros.ts';
import { QUANTITY_FIELDS } from './quantity-fields.ts';

/** Machinery types that are written by hand; generated interfaces refer to these instead. */
const HAND_WRITTEN: Readonly<Record<string, string>> = {
  V1ObjectMeta: 'ObjectMeta',
  V1OwnerReference: 'OwnerReference',
  V1ManagedFieldsEntry: 'ManagedFieldsEntry',
  V1ListMeta: 'ListMeta',
};

/** Wire types of the client that are plain values here. */
const SCALARS: Readonly<Record<string, { typescript: string; schema: string }>> = {
  string: { typescript: 'string', schema: 'string' },
  boolean: { typescript: 'boolean', schema: 'boolean' },
  number: { typescript: 'number', schema: 'number' },
  Date: { typescript: 'string', schema: 'time' },
  V1MicroTime: { typescript: 'string', schema: 'micro-time' },
  IntOrString: { typescript: 'number | string', schema: 'int-or-string' },
  any: { typescript: 'unknown', schema: 'any' },
};

/** Splits `Array<X>` and `{ [key: string]: X; }` into what they hold and how. */
function unwrap(type: string): { wrapper: '' | '[]' | '{}'; inner: string } {
  const list = /^Array<(.+)>$/.exec(type);
  if (list) return { wrapper: '[]', inner: list[1]! };
  const map = /^\{ \[key: string\]: (.+); \}$/.exec(type);
  if (map) return { wrapper: '{}', inner: map[1]! };
  return { wrapper: '', inner: type };
}

function typescriptType(type: string): string {
  const { wrapper, inner } = unwrap(type);
  if (wrapper === '[]') return `Array<${typescriptType(inner)}>`;
  if (wrapper === '{}') return `Record<string, ${typescriptType(inner)}>`;
  return SCALARS[inner]?.typescript ?? inner;
}

function schemaType(model: Model, field: ModelField, type: string): string {
  const { wrapper, inner } = unwrap(type);
  if (wrapper) return wrapper + schemaType(model, field, inner);
  if (inner === 'number') return field.format || 'int64';
  if (inner !== 'string') return SCALARS[inner]?.schema ?? inner;
  if (QUANTITY_FIELDS.has(`${withoutVersion(model.name)}.${field.name}`)) return 'quantity';
  return field.format === 'byte' ? 'bytes' : 'string';
}

/** `V1beta1Counter` → `Counter`. */
function withoutVersion(name: string): string {
  return name.replace(/^V\d+((alpha|beta)\d+)?(?=[A-Z])/, '');
}

function renderInterface(model: Model): string {
  const handWritten = HAND_WRITTEN[model.name];
  if (handWritten) return `export type ${model.name} = ${handWritten};\n`;
  const lines = model.fields.map((field) => {
    const name = /^[A-Za-z_$][\w$]*$/.test(field.name) ? field.name : `'${field.name}'`;
    return `  ${name}${field.required ? '' : '?'}: ${typescriptType(field.type)};\n`;
  });
  return `export interface ${model.name} {\n${lines.join('')}}\n`;
}

function renderSchema(model: Model): string {
  const fields = model.fields.map((field): [string, string] => [
    field.name,
    schemaType(model, field, field.type) + (field.required ? '!' : ''),
  ]);
  return `${JSON.stringify(model.name)}:${JSON.stringify(Object.fromEntries(fields))}`;
}

/** The text of both generated files. */
export function generate(models: readonly Model[]): { types: string; schema: string } {
  const wanted = models.filter((model) => !SCALARS[model.name]);
  const types = [
    '// Made by generate.ts from @kubernetes/client-node. Do not edit.\n',
    `import type { ${Object.values(HAND_WRITTEN).sort().join(', ')} } from '../machinery/object.ts';\n`,
    ...wanted.map(renderInterface),
  ].join('\n');
  return { types, schema: `{\n${wanted.map(renderSchema).join(',\n')}\n}\n` };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { types, schema } = generate(await readModels());
  writeFileSync(join(import.meta.dirname, 'types.ts'), types);
  writeFileSync(join(import.meta.dirname, 'schema.json'), schema);
  const numbers = readFileSync(join(import.meta.dirname, 'protobuf-fields.json'), 'utf8');
  writeFileSync(join(import.meta.dirname, 'omitted-zeros.json'), renderOmittedZeros(JSON.parse(schema), JSON.parse(numbers)));
}
