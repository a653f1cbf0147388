import { isJsonMap, type JsonMap } from '../../machinery/clone.ts';
import { isEmbedded, itemsOf, type JsonSchema, META_FIELDS, preservesUnknown, propertyOf, valuesOf } from './json-schema.ts';

/** More are dropped too, but not named. */
const MOST_NAMED = 100;

interface Pruning {
  readonly path: (string | number)[];
  /** Undefined: nobody wants to know. */
  readonly unknown: string[] | undefined;
}

/**
 * Drops what the schema does not know, in place (apiextensions-apiserver/pkg/apiserver/schema/pruning). At the root and in embedded
 * resources apiVersion, kind and metadata stay.
 *
 * @param unknown gets the paths of what was dropped: `spec.containers[0].imagee`
 */
export function prune(root: JsonMap, schema: JsonSchema, unknown?: string[]): void {
  const asResource = isEmbedded(schema) ? schema : { ...schema, 'x-kubernetes-embedded-resource': true };
  pruneValue(root, asResource, { path: [], unknown });
}

/** The same for a value that is no resource: a default. */
export function pruneInner(value: unknown, schema: JsonSchema, unknown?: string[]): void {
  pruneValue(value, schema, { path: [], unknown });
}

function pruneValue(value: unknown, schema: JsonSchema | undefined, pruning: Pruning): void {
  const preserve = schema !== undefined && preservesUnknown(schema);
  if (Array.isArray(value)) {
    const items = schema && itemsOf(schema);
    if (preserve && !items) return;
    for (let i = 0; i < value.length; i++) within(pruning, i, () => pruneValue(value[i], items, pruning));
    return;
  }
  if (!isJsonMap(value)) return;
  for (const name of Object.keys(value)) {
    if (schema && isEmbedded(schema) && META_FIELDS.has(name)) continue;
    const property = schema && propertyOf(schema, name);
    const open = schema?.additionalProperties !== undefined && schema.additionalProperties !== false;
    if (property) within(pruning, name, () => pruneValue(value[name], property, pruning));
    else if (open) {
      const values = valuesOf(schema!);
      if (values || !preserve) within(pruning, name, () => pruneValue(value[name], values, pruning));
    } else if (!preserve) {
      note(pruning, name);
      delete value[name];
    }
  }
}

function within({ path }: Pruning, segment: string | number, work: () => void): void {
  path.push(segment);
  work();
  path.pop();
}

function note({ path, unknown }: Pruning, name: string): void {
  if (unknown && unknown.length < MOST_NAMED) unknown.push(formatSegments([...path, name]));
}

export function formatSegments(path: readonly (string | number)[]): string {
  let text = '';
  for (const segment of path) text += typeof segment === 'number' ? `[${segment}]` : (text && '.') + segment;
  return text;
}
