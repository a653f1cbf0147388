import { type FieldType, fieldsOfSchema, type ScalarName } from '../../api/machinery/schema.ts';
import { badRequest } from '../../api/machinery/status-error.ts';
import table from './field-numbers.json' with { type: 'json' };
import type { FieldNumbers } from './field-numbers.ts';
import { readFields, WireError, type WireField, type WireValue } from './wire.ts';

/**
 * Turns a body of `application/vnd.kubernetes.protobuf` into the JSON that would say the same: kubectl from 1.31 on sends what it makes
 * itself (`create configmap`, `certificate approve`) in this form. The envelope is four bytes and a runtime.Unknown
 * (apimachinery/pkg/runtime/serializer/protobuf): typeMeta = 1 { apiVersion = 1, kind = 2 }, raw = 2.
 */

const MAGIC = Buffer.from('k8s\0');
const NUMBERS: Readonly<Record<string, FieldNumbers>> = table as Readonly<Record<string, FieldNumbers>>;
const DEEPEST = 100;

/**
 * The body as JSON. `schemaFor` says what the body is expected to be.
 *
 * @throws StatusError 400 for bytes that are no such message, or hold fields that this server does not know
 */
export function decodeProtobuf(bytes: Buffer, schema: string): Record<string, unknown> {
  if (!bytes.subarray(0, 4).equals(MAGIC))
    throw badRequest('provided data does not appear to be a protobuf message, expected prefix "k8s\\x00"');
  try {
    let raw: Buffer = Buffer.alloc(0);
    const type: Record<string, string> = {};
    for (const { number, value } of readFields(bytes.subarray(4))) {
      if (number === 2) raw = bytesOf(value);
      if (number === 1) for (const f of readFields(bytesOf(value))) type[f.number] = bytesOf(f.value).toString('utf8');
    }
    return { apiVersion: type['1'] ?? '', kind: type['2'] ?? '', ...readMessage(raw, schema, 0) };
  } catch (error) {
    if (error instanceof WireError) throw badRequest(`the protobuf body cannot be read: proto: ${error.message}`);
    throw error;
  }
}

function readMessage(bytes: Buffer, schema: string, depth: number): Record<string, unknown> {
  const numbers = NUMBERS[schema];
  if (!numbers) throw new WireError(`no field numbers are known for ${schema}; send JSON`);
  if (depth > DEEPEST) throw new WireError('exceeded max depth');
  const object: Record<string, unknown> = {};
  fill(object, bytes, numbers, schema, depth);
  return object;
}

function fill(object: Record<string, unknown>, bytes: Buffer, numbers: FieldNumbers, schema: string, depth: number): void {
  const fields = fieldsOfSchema(schema);
  for (const field of readFields(bytes)) {
    const name = numbers[field.number];
    if (name === undefined) throw new WireError(`field ${field.number} of ${schema} is not known in protobuf form; send JSON`);
    if (typeof name === 'object') fill(object, bytesOf(field.value), name, schema, depth);
    else put(object, name, field, fields.get(name)!, depth);
  }
}

function put(
  object: Record<string, unknown>,
  name: string,
  { value }: WireField,
  { type, required }: { type: FieldType; required: boolean },
  depth: number,
): void {
  if (type.form === 'list') {
    object[name] ??= [];
    (object[name] as unknown[]).push(readValue(value, type.of, depth));
    return;
  }
  if (type.form === 'map') {
    const entry = [...readFields(bytesOf(value))];
    const key = entry.find((f) => f.number === 1);
    const item = entry.find((f) => f.number === 2);
    object[name] ??= {};
    const map = object[name] as Record<string, unknown>;
    const decoded = item ? readValue(item.value, type.of, depth) : type.of.form === 'structure' ? {} : '';
    Object.defineProperty(map, key ? bytesOf(key.value).toString('utf8') : '', {
      value: decoded,
      writable: true,
      enumerable: true,
      configurable: true,
    });
    return;
  }
  const decoded = readValue(value, type, depth);
  if (required || !isZero(decoded) || TELLING_ZEROS.has(name)) object[name] = decoded;
}

/**
 * The wire holds every field that is no pointer in Go, also where JSON leaves it out because it is empty. These are pointers: when one
 * of them is zero, somebody said so.
 */
const TELLING_ZEROS: ReadonlySet<string> = new Set([
  'allowPrivilegeEscalation',
  'automountServiceAccountToken',
  'backoffLimit',
  'backoffLimitPerIndex',
  'blockOwnerDeletion',
  'completions',
  'controller',
  'deletionGracePeriodSeconds',
  'enableServiceLinks',
  'expirationSeconds',
  'failedJobsHistoryLimit',
  'fsGroup',
  'gracePeriodSeconds',
  'hostUsers',
  'immutable',
  'maxSurge',
  'maxUnavailable',
  'minAvailable',
  'optional',
  'orphanDependents',
  'parallelism',
  'partition',
  'priority',
  'privileged',
  'readOnlyRootFilesystem',
  'replicas',
  'revisionHistoryLimit',
  'runAsGroup',
  'runAsNonRoot',
  'runAsUser',
  'setHostnameAsFQDN',
  'shareProcessNamespace',
  'startingDeadlineSeconds',
  'storageClassName',
  'successfulJobsHistoryLimit',
  'suspend',
  'terminationGracePeriodSeconds',
  'tolerationSeconds',
  'ttlSecondsAfterFinished',
  'allocateLoadBalancerNodePorts',
  'defaultMode',
]);

function isZero(value: unknown): boolean {
  if (value === undefined || value === '' || value === 0 || value === false) return true;
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
}

function readValue(value: WireValue, type: FieldType, depth: number): unknown {
  switch (type.form) {
    case 'structure':
      return readMessage(bytesOf(value), type.schema, depth + 1);
    case 'list': // a map of lists: a message whose only field repeats
      return [...readFields(bytesOf(value))].map((f) => readValue(f.value, type.of, depth + 1));
    case 'map':
      throw new WireError('a map of maps is not known in protobuf form; send JSON');
    case 'scalar':
      return readScalar(value, type.name);
  }
}

function readScalar(value: WireValue, name: ScalarName): unknown {
  switch (name) {
    case 'string':
      return bytesOf(value).toString('utf8');
    case 'boolean':
      return varintOf(value) !== 0n;
    case 'int32':
    case 'int64':
      return Number(BigInt.asIntN(64, varintOf(value)));
    case 'double':
      if (value.type !== 'fixed64') throw new WireError('wrong wireType for a double');
      return value.value.readDoubleLE(0);
    case 'bytes':
      return bytesOf(value).toString('base64');
    case 'quantity':
      return stringField(value, 1);
    case 'int-or-string':
      return readIntOrString(value);
    case 'time':
    case 'micro-time':
      return readTime(value, name === 'micro-time');
    case 'any': {
      const text = stringField(value, 1);
      return text === '' ? undefined : parseAny(text);
    }
  }
}

function parseAny(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new WireError('a raw value is no JSON');
  }
}

/** intstr.IntOrString: type = 1 (0: int), intVal = 2, strVal = 3. */
function readIntOrString(value: WireValue): number | string {
  const fields = new Map([...readFields(bytesOf(value))].map((f) => [f.number, f.value]));
  const isText = fields.has(1) && varintOf(fields.get(1)!) === 1n;
  if (isText) return fields.has(3) ? bytesOf(fields.get(3)!).toString('utf8') : '';
  return fields.has(2) ? Number(BigInt.asIntN(64, varintOf(fields.get(2)!))) : 0;
}

/** meta/v1 Time: seconds = 1, nanos = 2. An empty message is no time. */
function readTime(value: WireValue, micro: boolean): string | undefined {
  const fields = new Map([...readFields(bytesOf(value))].map((f) => [f.number, f.value]));
  if (!fields.has(1)) return undefined;
  const seconds = Number(BigInt.asIntN(64, varintOf(fields.get(1)!)));
  const nanos = fields.has(2) ? Number(BigInt.asIntN(32, varintOf(fields.get(2)!))) : 0;
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) throw new WireError('a time is out of range');
  const text = date.toISOString().slice(0, 19);
  return micro ? `${text}.${String(Math.floor(nanos / 1000)).padStart(6, '0')}Z` : `${text}Z`;
}

function stringField(value: WireValue, number: number): string {
  for (const field of readFields(bytesOf(value))) if (field.number === number) return bytesOf(field.value).toString('utf8');
  return '';
}

function bytesOf(value: WireValue): Buffer {
  if (value.type !== 'bytes') throw new WireError(`wrong wireType: ${value.type} where bytes belong`);
  return value.value;
}

function varintOf(value: WireValue): bigint {
  if (value.type !== 'varint') throw new WireError(`wrong wireType: ${value.type} where a number belongs`);
  return value.value;
}
