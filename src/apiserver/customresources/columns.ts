import type { PrinterColumn } from '../../api/apiextensions/v1/definition.ts';
import { isJsonMap } from '../../api/machinery/clone.ts';
import { nameColumn } from '../../api/machinery/columns.ts';
import { ageOf } from '../../api/machinery/human-duration.ts';
import { type JsonPath, parseJsonPath } from '../../api/machinery/json-path.ts';
import type { Column } from '../../api/machinery/kind.ts';
import { exactJsonText } from '../../std/exact-json.ts';

const AGE: PrinterColumn = {
  name: 'Age',
  type: 'date',
  description:
    'CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata',
  jsonPath: '.metadata.creationTimestamp',
};

/** The columns of a custom resource's table (apiextensions-apiserver/pkg/registry/customresource/tableconvertor). */
export function columnsOf(columns: readonly PrinterColumn[] | undefined): Column[] {
  return [nameColumn, ...(columns?.length ? columns : [AGE]).map(columnOf)];
}

function columnOf({ name, type, format, description, priority = 0, jsonPath }: PrinterColumn): Column {
  const path = readPath(jsonPath);
  return {
    name,
    type: type as Column['type'],
    ...(format && { format }),
    description: description || `Custom resource definition column (in JSONPath format): ${jsonPath}`,
    priority,
    cell: (object, nowMs) => {
      const found = path?.(object) ?? [];
      // Of several, the first: upstream takes paths to lead to one.
      return found.length ? cellOf(type, found[0], nowMs) : null;
    },
  };
}

/** A path that cannot be understood finds nothing; definitions may say anything after the first dot. */
function readPath(text: string): JsonPath | undefined {
  try {
    return parseJsonPath(text);
  } catch {
    return undefined;
  }
}

function cellOf(type: string, value: unknown, nowMs: number): string | number | bigint | boolean | null {
  if (type === 'string') return textOf(value);
  switch (type) {
    case 'integer':
      return typeof value === 'bigint' ? value : typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' || typeof value === 'bigint' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date':
      if (typeof value !== 'string') return null;
      return Number.isNaN(Date.parse(value)) ? '<invalid>' : ageOf(value, nowMs);
    default:
      return null;
  }
}

const textOf = (value: unknown) => (isJsonMap(value) || Array.isArray(value) ? exactJsonText(value) : String(value));
