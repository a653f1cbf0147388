import { cloneJson } from '../../machinery/clone.ts';
import { coerceEmbedded } from './embedded-resources.ts';
import { isEmbedded, type JsonSchema } from './json-schema.ts';

/**
 * The schema with defaults that hold nothing of which an embedded resource's metadata knows nothing: such fields are taken when a
 * definition is made, and never shown (…/schema/defaulting/prune.go). The same schema, where nothing had to go.
 */
export function withPrunedDefaults(schema: JsonSchema): JsonSchema {
  let made: Record<string, unknown> | undefined;
  const put = (name: string, value: unknown, before: unknown) => {
    if (value !== before) made = { ...(made ?? schema), [name]: value };
  };
  if (schema.default !== undefined) {
    const pruned = cloneJson(schema.default);
    const unknown: string[] = [];
    coerceEmbedded(pruned, schema, unknown, true);
    if (unknown.length) put('default', pruned, schema.default);
  }
  const { items, additionalProperties } = schema;
  const properties = isEmbedded(schema) ? withPrunedMetadata(schema) : schema.properties;
  put('properties', properties, schema.properties);
  if (typeof items === 'object' && !Array.isArray(items)) put('items', withPrunedDefaults(items as JsonSchema), items);
  if (typeof additionalProperties === 'object')
    put('additionalProperties', withPrunedDefaults(additionalProperties), additionalProperties);
  if (properties) {
    const entries = Object.entries(properties).map(([name, each]) => [name, withPrunedDefaults(each)] as const);
    if (entries.some(([name, each]) => each !== properties[name]))
      put('properties', Object.fromEntries(entries), schema.properties);
  }
  return made ?? schema;
}

/** The properties of an embedded resource; a default of its metadata itself is metadata too. */
function withPrunedMetadata(schema: JsonSchema): JsonSchema['properties'] {
  const { properties } = schema;
  const given = properties?.['metadata']?.default;
  if (given === undefined) return properties;
  const resource = { metadata: cloneJson(given) };
  const unknown: string[] = [];
  coerceEmbedded(resource, { ...schema, properties: {} }, unknown, true);
  return unknown.length ? { ...properties, metadata: { ...properties!['metadata'], default: resource.metadata } } : properties;
}
