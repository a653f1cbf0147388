import { cloneJson, equalJson, isJsonMap } from '../../machinery/clone.ts';
import { coerceEmbedded } from './embedded-resources.ts';
import { type JsonSchema, someSchema } from './json-schema.ts';
import { prune } from './prune.ts';
import { foundAt, objectAround, type Place } from './surrounding-object.ts';

/**
 * The schema with defaults that hold nothing which their place in an object does not take, above all nothing of which an embedded
 * resource's metadata knows nothing: such fields are taken when a definition is made, and never shown (…/schema/defaulting/prune.go).
 * The same schema, where nothing had to go.
 */
export function withPrunedDefaults(schema: JsonSchema): JsonSchema {
  if (!someSchema(schema, (each) => each.default !== undefined)) return schema;
  return pruned(schema, [], { ...schema, 'x-kubernetes-embedded-resource': true });
}

function pruned(schema: JsonSchema, place: Place, root: JsonSchema): JsonSchema {
  let made: Record<string, unknown> | undefined;
  const put = (name: string, value: unknown, before: unknown) => {
    if (value !== before) made = { ...(made ?? schema), [name]: value };
  };
  if (schema.default !== undefined) {
    const kept = keptOf(schema.default, place, root);
    if (!equalJson(kept, schema.default)) put('default', kept, schema.default);
  }
  const { items, additionalProperties, properties } = schema;
  if (isJsonMap(items)) put('items', pruned(items as JsonSchema, [...place, null], root), items);
  if (isJsonMap(additionalProperties))
    put('additionalProperties', pruned(additionalProperties as JsonSchema, [...place, '*'], root), additionalProperties);
  if (properties) {
    const entries = Object.entries(properties).map(([name, each]) => [name, pruned(each, [...place, name], root)] as const);
    if (entries.some(([name, each]) => each !== properties[name])) put('properties', Object.fromEntries(entries), properties);
  }
  return made ?? schema;
}

/** What is left of a default in an object that holds nothing else; undefined when nothing is. */
function keptOf(value: unknown, place: Place, root: JsonSchema): unknown {
  const object = objectAround(cloneJson(value), place);
  if (!isJsonMap(object)) return value;
  coerceEmbedded(object, root, undefined, true);
  prune(object, root);
  return foundAt(object, place);
}
