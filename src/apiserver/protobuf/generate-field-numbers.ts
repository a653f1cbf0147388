/**
 * Writes field-numbers.json: `node src/apiserver/protobuf/generate-field-numbers.ts KUBECTL`, where KUBECTL is a kubectl of 1.34 or
 * older, whose binary holds the descriptors of the API's messages (gzip streams of google.protobuf.FileDescriptorProto).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { allKinds } from '../../api/all-kinds.ts';
import type { FieldType } from '../../api/machinery/schema.ts';
import { fieldsOfSchema } from '../../api/machinery/schema.ts';
import type { FieldNumbers } from './field-numbers.ts';
import { readFields } from './wire.ts';

interface Field {
  name: string;
  number: number;
  /** `.k8s.io.api.core.v1.PodSpec` */
  messageType: string;
}

const text = (value: unknown) => (value as Buffer).toString('utf8');

function readDescriptors(binary: Buffer): Map<string, Field[]> {
  const messages = new Map<string, Field[]>();
  const magic = Buffer.from([0x1f, 0x8b, 0x08]);
  for (let at = binary.indexOf(magic); at >= 0; at = binary.indexOf(magic, at + 1)) {
    let file: Buffer;
    try {
      file = gunzipSync(binary.subarray(at, at + 400_000), { finishFlush: 2 });
      if (file[0] === 0x0a) readFile(file, messages);
    } catch {
      // most of what looks like gzip is not
    }
  }
  return messages;
}

/** FileDescriptorProto: package = 2, message_type = 4; DescriptorProto: name = 1, field = 2; FieldDescriptorProto: name = 1, number = 3, type_name = 6. */
function readFile(file: Buffer, messages: Map<string, Field[]>): void {
  const top = [...readFields(file)];
  const scope = text(top.find((f) => f.number === 2)?.value.value ?? Buffer.alloc(0));
  for (const { number, value } of top) if (number === 4) readMessage(`.${scope}`, value.value as Buffer, messages);
}

function readMessage(scope: string, bytes: Buffer, messages: Map<string, Field[]>): void {
  const parts = [...readFields(bytes)];
  const name = `${scope}.${text(parts.find((f) => f.number === 1)!.value.value)}`;
  const fields = parts
    .filter((f) => f.number === 2)
    .map((f) => {
      const field = [...readFields(f.value.value as Buffer)];
      const get = (number: number) => field.find((x) => x.number === number)?.value.value;
      return { name: text(get(1)), number: Number(get(3)), messageType: text(get(6) ?? Buffer.alloc(0)) };
    });
  messages.set(name, fields);
  for (const nested of parts.filter((f) => f.number === 3)) readMessage(name, nested.value.value as Buffer, messages);
}

const GO_PACKAGES: Readonly<Record<string, string>> = { '': 'core', 'rbac.authorization.k8s.io': 'rbac' };
const messages = readDescriptors(readFileSync(process.argv[2]!));
const numbers: Record<string, FieldNumbers> = {};

function structureOf(type: FieldType): string | undefined {
  if (type.form === 'structure') return type.schema;
  return type.form === 'scalar' ? undefined : structureOf(type.of);
}

function numbersOf(schema: string, message: string): FieldNumbers {
  const fields = fieldsOfSchema(schema);
  const table: FieldNumbers = {};
  // Go's generator spells some names otherwise than JSON does: uID, aPIGroup, Webhooks.
  const spelling = new Map([...fields.keys()].map((name) => [name.toLowerCase(), name]));
  for (const { name: written, number, messageType } of messages.get(message) ?? []) {
    const name = spelling.get(written.toLowerCase());
    const field = name === undefined ? undefined : fields.get(name);
    if (name === undefined || !field) {
      // A structure that Go embeds: its fields are the outer one's own in JSON.
      if (messageType && messages.has(messageType)) table[number] = numbersOf(schema, messageType);
      continue;
    }
    table[number] = name;
    const inner = structureOf(field.type);
    if (inner) add(inner, valueMessage(field.type, messageType));
  }
  return table;
}

/** The message of a map's values stands in the entry that the compiler made for it. */
function valueMessage(type: FieldType, messageType: string): string {
  return type.form === 'map' ? (messages.get(messageType)?.find((f) => f.number === 2)?.messageType ?? messageType) : messageType;
}

function add(schema: string, message: string): void {
  if (schema in numbers || !messages.has(message)) return;
  numbers[schema] = {};
  numbers[schema] = numbersOf(schema, message);
}

for (const kind of allKinds) {
  const folder = GO_PACKAGES[kind.group] ?? kind.group.split('.')[0];
  add(kind.schema, `.k8s.io.api.${folder}.${kind.version}.${kind.kind}`);
}
for (const [schema, message] of [
  ['V1DeleteOptions', '.k8s.io.apimachinery.pkg.apis.meta.v1.DeleteOptions'],
  ['V1Scale', '.k8s.io.api.autoscaling.v1.Scale'],
  ['V1Eviction', '.k8s.io.api.policy.v1.Eviction'],
  ['V1Binding', '.k8s.io.api.core.v1.Binding'],
  ['AuthenticationV1TokenRequest', '.k8s.io.api.authentication.v1.TokenRequest'],
] as const)
  add(schema, message);
const lines = Object.entries(numbers).map(([schema, table]) => `${JSON.stringify(schema)}:${JSON.stringify(table)}`);
writeFileSync(new URL('field-numbers.json', import.meta.url), `{\n${lines.sort().join(',\n')}\n}\n`);
