import { definitionKey, type FieldNotes } from '../../api/gen/descriptions.ts';
import { type KindDefinition, listKindOf } from '../../api/machinery/kind.ts';
import { applyExtensions } from './apply-extensions.ts';
import type { GroupVersionKind, SchemaObject } from './openapi-document.ts';

/** The generated schemas: type name → field → type, as in `api/gen/schema.json` (`"[]V1Container!"`: required list). */
export type SchemaTable = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** How a list or map field is merged by strategic patches; undefined for fields that are replaced. */
export type MergeRule = (schemaName: string, field: string) => { mergeKey?: string; strategy?: string } | undefined;

const SCALARS: Readonly<Record<string, SchemaObject>> = {
  string: { type: 'string' },
  boolean: { type: 'boolean' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  double: { type: 'number', format: 'double' },
  bytes: { type: 'string', format: 'byte' },
  time: { type: 'string', format: 'date-time' },
  'micro-time': { type: 'string', format: 'date-time' },
  // kubectl takes a number for these only where the definition has this format.
  quantity: { $ref: '#/definitions/io.k8s.apimachinery.pkg.api.resource.Quantity' },
  'int-or-string': { $ref: '#/definitions/io.k8s.apimachinery.pkg.util.intstr.IntOrString' },
  any: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
};

const MACHINERY: Readonly<Record<string, SchemaObject>> = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': { type: 'string' },
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': { type: 'string', format: 'int-or-string' },
};

/** Types of meta/v1, which upstream names after their Go package. */
const META_TYPES = new Set(
  [
    'APIResource APIResourceList Condition DeleteOptions FieldSelectorRequirement LabelSelector LabelSelectorRequirement',
    'ListMeta ManagedFieldsEntry ObjectMeta OwnerReference Preconditions Status StatusCause StatusDetails WatchEvent',
  ].flatMap((line) => line.split(' ').map((name) => `V1${name}`)),
);

/** Gives every generated type the name under which upstream's documents know it, `io.k8s.api.core.v1.Pod`. */
export class DefinitionNames {
  #names = new Map<string, string>();

  /**
   * Kinds name themselves; what only they refer to takes their group, in the order given, so that the core group's kinds
   * should come first.
   */
  constructor(kinds: readonly KindDefinition[], schemas: SchemaTable) {
    for (const kind of kinds) this.#names.set(kind.schema, `${packageOf(kind)}.${kind.kind}`);
    for (const kind of kinds) this.#nameReferences(kind.schema, packageOf(kind), schemas);
  }

  of(schemaName: string): string {
    return this.#names.get(schemaName) ?? `io.k8s.api.core.v1.${withoutVersion(schemaName)}`;
  }

  /** The definition of a list of the kind's objects. */
  ofList(kind: KindDefinition): string {
    return `${this.of(kind.schema).slice(0, -kind.kind.length)}${listKindOf(kind)}`;
  }

  #nameReferences(schemaName: string, goPackage: string, schemas: SchemaTable): void {
    for (const type of Object.values(schemas[schemaName] ?? {})) {
      const name = typeName(type);
      if (!(name in schemas) || this.#names.has(name)) continue;
      const owner = META_TYPES.has(name) ? 'io.k8s.apimachinery.pkg.apis.meta.v1' : goPackage;
      this.#names.set(name, `${owner}.${withoutVersion(name)}`);
      this.#nameReferences(name, goPackage, schemas);
    }
  }
}

function packageOf(kind: KindDefinition): string {
  if (kind.ownSchema) return `${kind.group.split('.').reverse().join('.')}.${kind.version}`;
  return `io.k8s.api.${kind.group ? kind.group.split('.')[0] : 'core'}.${kind.version}`;
}

function withoutVersion(schemaName: string): string {
  return schemaName.replace(/^[A-Z]?[a-z]*V\d+((alpha|beta)\d+)?(?=[A-Z])/, '');
}

/** `"[]V1Container!"` → `V1Container`. */
function typeName(type: string): string {
  return type.replace(/^(\[\]|\{\})+/, '').replace(/!$/, '');
}

/** What is known of the generated types besides their names. */
export interface DefinitionSources {
  readonly schemas: SchemaTable;
  readonly mergeRule: MergeRule;
  /** What types and fields are for and which values they may have, for `kubectl explain`. */
  readonly notes?: FieldNotes;
  /** For which version of OpenAPI, as far as schemas of custom resources say more in version 3. */
  readonly form?: 'v2' | 'v3';
}

const NO_NOTES: FieldNotes = { descriptions: {}, choices: {} };

/** All definitions that the kinds reach, with lists of the kinds themselves. */
export function buildDefinitions(
  kinds: readonly KindDefinition[],
  names: DefinitionNames,
  { schemas, mergeRule, notes = NO_NOTES, form = 'v2' }: DefinitionSources,
): Record<string, SchemaObject> {
  const describe = (schemaName: string, field = ''): { description?: string } => {
    const key = definitionKey(names.of(schemaName));
    const description = notes.descriptions[key]?.[field] ?? notes.descriptions[schemaName]?.[field];
    return description === undefined ? {} : { description };
  };
  const choicesOf = (schemaName: string, field: string) => notes.choices[definitionKey(names.of(schemaName))]?.[field];
  const definitions: Record<string, SchemaObject> = { ...MACHINERY };
  const add = (schemaName: string): void => {
    const name = names.of(schemaName);
    if (name in definitions || !(schemaName in schemas)) return;
    const definition: SchemaObject = { ...describe(schemaName), type: 'object', properties: {} };
    definitions[name] = definition;
    const required: string[] = [];
    for (const [field, type] of Object.entries(schemas[schemaName]!)) {
      if (type.endsWith('!')) required.push(field);
      definition.properties![field] = {
        ...describe(schemaName, field),
        ...withChoices(fieldSchema(type.replace(/!$/, ''), names, add, schemaName), choicesOf(schemaName, field)),
        ...applyExtensions(schemaName, field, type),
        ...mergeExtensions(mergeRule(schemaName, field)),
      };
    }
    if (required.length) definition.required = required;
    Object.assign(definition, applyExtensions(schemaName));
  };
  for (const kind of kinds) {
    if (kind.ownSchema) {
      add('V1ObjectMeta');
      definitions[names.of(kind.schema)] = { ...(kind.ownSchema.openApi(form) as SchemaObject) };
    } else add(kind.schema);
    markKind(definitions[names.of(kind.schema)], kind, kind.kind);
    addList(definitions, kind, names, add, describe);
  }
  for (const name of ['V1DeleteOptions', 'V1Status']) add(name);
  return definitions;
}

function addList(
  definitions: Record<string, SchemaObject>,
  kind: KindDefinition,
  names: DefinitionNames,
  add: (schemaName: string) => void,
  describe: (schemaName: string, field?: string) => { description?: string },
): void {
  if (!kind.verbs.includes('list')) return;
  add('V1ListMeta');
  const schemaName = `${kind.schema}List`;
  const list: SchemaObject = {
    ...describe(schemaName),
    type: 'object',
    required: ['items'],
    properties: {
      apiVersion: { ...describe(schemaName, 'apiVersion'), type: 'string' },
      kind: { ...describe(schemaName, 'kind'), type: 'string' },
      metadata: { ...describe(schemaName, 'metadata'), $ref: `#/definitions/${names.of('V1ListMeta')}` },
      items: { ...describe(schemaName, 'items'), type: 'array', items: { $ref: `#/definitions/${names.of(kind.schema)}` } },
    },
  };
  definitions[names.ofList(kind)] = list;
  markKind(list, kind, listKindOf(kind));
}

function markKind(definition: SchemaObject | undefined, { group, version }: KindDefinition, kind: string): void {
  if (!definition) return;
  const mark: GroupVersionKind = { group, version, kind };
  const marks = definition['x-kubernetes-group-version-kind'] ?? [];
  definition['x-kubernetes-group-version-kind'] = [...marks, mark];
}

/** In schemas `any` is a value of any type; elsewhere it is an object. */
const HOLDS_SCHEMAS = /JSONSchemaProps$/;

function fieldSchema(type: string, names: DefinitionNames, add: (schemaName: string) => void, owner: string): SchemaObject {
  if (type.startsWith('[]')) return { type: 'array', items: fieldSchema(type.slice(2), names, add, owner) };
  if (type.startsWith('{}')) return { type: 'object', additionalProperties: fieldSchema(type.slice(2), names, add, owner) };
  if (type === 'any' && HOLDS_SCHEMAS.test(owner)) return {};
  const scalar = SCALARS[type];
  if (scalar) return { ...scalar };
  add(type);
  return { $ref: `#/definitions/${names.of(type)}` };
}

/** Choices are those of a text, or of each item of a list of texts. */
function withChoices(schema: SchemaObject, choices: readonly string[] | undefined): SchemaObject {
  if (!choices) return schema;
  if (schema.type === 'string') return { ...schema, enum: choices };
  if (schema.items?.type === 'string') return { ...schema, items: { ...schema.items, enum: choices } };
  return schema;
}

function mergeExtensions(rule: ReturnType<MergeRule>): Partial<SchemaObject> {
  if (!rule) return {};
  return {
    ...(rule.mergeKey && { 'x-kubernetes-patch-merge-key': rule.mergeKey }),
    ...(rule.strategy && { 'x-kubernetes-patch-strategy': rule.strategy }),
  };
}
