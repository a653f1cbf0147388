import type { PrinterColumn } from '../../api/apiextensions/v1/definition.ts';
import { parseTimestamp } from '../../api/cel/time-values.ts';
import { isJsonMap } from '../../api/machinery/clone.ts';
import { nameColumn } from '../../api/machinery/columns.ts';
import { goJson } from '../../api/machinery/go-format.ts';
import { ageOf } from '../../api/machinery/human-duration.ts';
import { type JsonPath, parseJsonPath } from '../../api/machinery/json-path.ts';
import type { Column } from '../../api/machinery/kind.ts';

const AGE: PrinterColumn = {
  name: 'Age',
  type: 'date',
  description:
    'CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata',
  jsonPath: '.metadata.creationTimestamp',
};

/**
 * The columns of a custom resource's table (apiextensions-apiserver/pkg/registry/customresource/tableconvertor). Definitions may say
 * anything after the first dot of a path: with the first that cannot be read the columns end.
 */
export function columnsOf(columns: readonly PrinterColumn[] | undefined): Column[] {
  const made: Column[] = [nameColumn];
  for (const column of columns?.length ? columns : [AGE]) {
    const path = readPath(column.jsonPath);
    if (!path) break;
    made.push(columnOf(column, path));
  }
  return made;
}

function columnOf({ name, type, format, description, priority = 0, jsonPath }: PrinterColumn, path: JsonPath): Column {
  return {
    name,
    type: type as Column['type'],
    ...(format && { format }),
    description: description || `Custom resource definition column (in JSONPath format): ${jsonPath}`,
    priority,
    cell: (object, nowMs) => {
      const found = path(object);
      // Of several, the first: upstream takes paths to lead to one.
      return found.length ? cellOf(type, found[0], nowMs) : null;
    },
  };
}

function readPath(text: string): JsonPath | undefined {
  try {
    return parseJsonPath(text);
  } catch {
    return undefined; // Said in no answer: upstream logs it.
  }
}

const SMALLEST_INT64 = -(2n ** 63n);

function cellOf(type: string, value: unknown, nowMs: number): string | number | bigint | boolean | null {
  if (type === 'string') return textOf(value);
  switch (type) {
    case 'integer':
      return typeof value === 'bigint' ? value : typeof value === 'number' ? wholeOf(value) : null;
    case 'number':
      return typeof value === 'number' || typeof value === 'bigint' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date':
      return typeof value === 'string' ? dateOf(value, nowMs) : null;
    default:
      return null;
  }
}

/** As Go makes whole numbers: of what is too large, the smallest. */
const wholeOf = (value: number) => (Math.abs(value) < 2 ** 63 ? Math.trunc(value) : SMALLEST_INT64);

function dateOf(text: string, nowMs: number): string {
  if (text === '' || text === 'null') return '<unknown>';
  return parseTimestamp(text) === undefined ? '<invalid>' : ageOf(text, nowMs);
}

/** As Go prints them: maps and lists as JSON. */
function textOf(value: unknown): string {
  if (value === null || value === undefined) return '<no value>';
  if (isJsonMap(value) || Array.isArray(value)) return goJson(value);
  return typeof value === 'number' ? numberText(value) : String(value);
}

function numberText(value: number): string {
  const size = Math.abs(value);
  const isPlain = size === 0 || (size >= 1e-4 && size < 1e21);
  return isPlain ? String(value) : value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
}
