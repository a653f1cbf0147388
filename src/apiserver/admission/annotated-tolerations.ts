import type { V1Toleration } from '../../api/gen/types.ts';
import { decodeScalar, describeValue } from '../../api/machinery/decode-scalar.ts';
import { goJsonType, jsonSyntaxError } from '../../api/machinery/json-syntax.ts';
import type { ScalarName } from '../../api/machinery/schema.ts';
import { unnamedFailure } from '../../api/machinery/status-error.ts';
import { parseExactJson } from '../../std/exact-json.ts';

interface Field {
  readonly name: string;
  readonly scalar: ScalarName;
  readonly goType: string;
}

const FIELDS: readonly Field[] = [
  { name: 'key', scalar: 'string', goType: 'string' },
  { name: 'operator', scalar: 'string', goType: 'v1.TolerationOperator' },
  { name: 'value', scalar: 'string', goType: 'string' },
  { name: 'effect', scalar: 'string', goType: 'v1.TaintEffect' },
  { name: 'tolerationSeconds', scalar: 'int64', goType: 'int64' },
];
const BY_LOWER_CASE: ReadonlyMap<string, Field> = new Map(FIELDS.map((field) => [field.name.toLowerCase(), field]));

/**
 * The tolerations in an annotation, as Go's encoding/json reads them: fields in whatever case, null for nothing. Throws a failure
 * in its words.
 */
export function parseTolerations(text: string): readonly V1Toleration[] {
  if (!text) return [];
  let found: unknown;
  try {
    found = parseExactJson(text);
  } catch (error) {
    throw unnamedFailure(jsonSyntaxError(text) ?? (error as Error).message);
  }
  if (found === null) return [];
  if (!Array.isArray(found)) throw notInto(goJsonType(found), 'value of type []v1.Toleration');
  return found.map(toleration);
}

const notInto = (what: string, where: string) => unnamedFailure(`json: cannot unmarshal ${what} into Go ${where}`);

function toleration(given: unknown): V1Toleration {
  const read: Record<string, unknown> = {};
  if (given === null) return read;
  if (typeof given !== 'object' || Array.isArray(given)) throw notInto(goJsonType(given), 'value of type v1.Toleration');
  for (const [key, value] of Object.entries(given)) {
    const field = BY_LOWER_CASE.get(key.toLowerCase());
    if (!field || value === null) continue;
    const { name, scalar, goType } = field;
    const decoded = decodeScalar(scalar, value);
    if (decoded === undefined) throw notInto(describeValue(value, goType), `struct field Toleration.${name} of type ${goType}`);
    if (decoded === '') delete read[name];
    else read[name] = decoded;
  }
  return read;
}
