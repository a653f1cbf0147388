import { TYPE_FIELDS } from '../../api/apiextensions/schema/open-api.ts';
import { definitionKey, type FieldNotes } from '../../api/gen/descriptions.ts';
import { type KindDefinition, listKindOf } from '../../api/machinery/kind.ts';
import type { Steps } from '../../std/pauses.ts';
import { ACTION_SCHEMAS } from './action-paths.ts';
import { applyExtensions } from './apply-extensions.ts';
import { defaultOfField, defaultOfItem } from './default-values.ts';
import type { DefinitionNames, SchemaTable } from './definition-names.ts';
import type { GroupVersionKind, SchemaObject } from './openapi-document.ts';
import { valueDefinition, valueSchema } from './shared-definitions.ts';

/** How a list or map field is merged by strategic patches; undefined for fields that are replaced. */
export type MergeRule = (schemaName: string, field: string) => { mergeKey?: string; strategy?: string } | undefined;

/** What is known of the generated types besides their names. */
export interface DefinitionSources {
  readonly schemas: SchemaTable;
  readonly mergeRule: MergeRule;
  /** What types and fields are for and which values they may have, for `kubectl explain`. */
  readonly notes?: FieldNotes;
  /** For which version of OpenAPI: version 3 says more of defaults and of custom resources. */
  readonly form?: 'v2' | 'v3';
}

const NO_NOTES: FieldNotes = { descriptions: {}, choices: {} };
const PATCH = 'io.k8s.apimachinery.pkg.apis.meta.v1.Patch';
/** Of no group, whatever refers to them. */
const META_KINDS = ['APIGroup', 'APIGroupList', 'APIResourceList', 'APIVersions', 'Status'];
/** Of every group and version. */
const EVERY_GROUPS_KINDS = ['DeleteOptions', 'WatchEvent'];

/** Writes the definitions that it is asked for, and those that they refer to. */
export class DefinitionWriter {
  readonly definitions: Record<string, SchemaObject> = {};
  readonly #names: DefinitionNames;
  readonly #sources: DefinitionSources;
  readonly #notes: FieldNotes;

  constructor(names: DefinitionNames, sources: DefinitionSources) {
    this.#names = names;
    this.#sources = sources;
    this.#notes = sources.notes ?? NO_NOTES;
  }

  /** The kind, its list, and what is sent and answered by its operations. */
  *addKind(kind: KindDefinition): Steps<void> {
    const name = this.#names.of(kind.schema);
    if (kind.ownSchema) {
      this.add('V1ObjectMeta');
      this.definitions[name] = { ...((yield* kind.ownSchema.openApi(this.#sources.form ?? 'v2')) as SchemaObject) };
    } else this.add(kind.schema);
    this.mark(name, [{ group: kind.group, kind: kind.kind, version: kind.version }]);
    this.#addList(kind);
    for (const action of kind.actions) {
      const schema = ACTION_SCHEMAS[action.kind];
      if (!schema) continue;
      this.add(schema);
      const { group = kind.group, version = kind.version } = action;
      this.mark(this.#names.of(schema), [{ group, kind: action.kind, version }]);
    }
    const isWritten = [...kind.verbs, ...kind.parts.flatMap(({ verbs }) => verbs)];
    if (isWritten.includes('delete') || isWritten.includes('deletecollection')) {
      this.add('V1DeleteOptions');
      this.add('V1Status');
    }
    if (isWritten.includes('patch')) this.#addValue(PATCH);
    if (kind.verbs.includes('watch') && !kind.ownSchema) this.add('V1WatchEvent');
  }

  /** What there is so far of custom resources and their lists, which nothing else adds to. They are not kept. */
  takeCustom(kind: KindDefinition): Record<string, SchemaObject> {
    const taken: Record<string, SchemaObject> = {};
    if (!kind.ownSchema) return taken;
    for (const name of [this.#names.of(kind.schema), this.#names.ofList(kind)]) {
      const definition = this.definitions[name];
      if (definition) taken[name] = definition;
      delete this.definitions[name];
    }
    return taken;
  }

  /** One of the generated types. */
  add(schemaName: string): void {
    const name = this.#names.of(schemaName);
    const fields = this.#sources.schemas[schemaName];
    if (Object.hasOwn(this.definitions, name) || !fields) return;
    const properties: Record<string, SchemaObject> = {};
    const definition: SchemaObject = { ...this.#describe(schemaName), type: 'object', properties };
    this.definitions[name] = definition;
    const required: string[] = [];
    for (const [field, type] of Object.entries(fields)) {
      if (type.endsWith('!')) required.push(field);
      properties[field] = this.#property(schemaName, field, type);
    }
    if (required.length) definition.required = required;
    Object.assign(definition, applyExtensions(schemaName));
  }

  /** Says of a definition which kinds it is. */
  mark(name: string, kinds: readonly GroupVersionKind[]): void {
    const definition = this.definitions[name];
    if (!definition) return;
    const marks = definition['x-kubernetes-group-version-kind'] ?? [];
    const news = kinds.filter(
      ({ group, version, kind }) => !marks.some((mark) => mark.group === group && mark.version === version && mark.kind === kind),
    );
    definition['x-kubernetes-group-version-kind'] = [...marks, ...news];
  }

  /** Marks the types that belong to the API itself: `served` are all groups and versions. */
  markMeta(served: readonly Pick<KindDefinition, 'group' | 'version'>[]): void {
    const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';
    for (const kind of META_KINDS) this.mark(`${meta}.${kind}`, [{ group: '', kind, version: 'v1' }]);
    for (const kind of EVERY_GROUPS_KINDS) {
      const everywhere = served.map(({ group, version }) => ({ group, kind, version }));
      this.mark(`${meta}.${kind}`, [{ group: '', kind, version: 'v1' }, ...everywhere]);
    }
  }

  #describe(schemaName: string, field = ''): { description?: string } {
    const key = definitionKey(this.#names.of(schemaName));
    const { descriptions } = this.#notes;
    const description = descriptions[key]?.[field] ?? descriptions[schemaName]?.[field];
    return description === undefined ? {} : { description };
  }

  #property(schemaName: string, field: string, text: string): SchemaObject {
    const type = text.replace(/!$/, '');
    const choices = this.#notes.choices[definitionKey(this.#names.of(schemaName))]?.[field];
    return {
      ...this.#describe(schemaName, field),
      ...withChoices(this.#fieldSchema(type, schemaName, field), choices),
      ...(this.#sources.form === 'v3' && defaultOfField(schemaName, field, type, this.#isStructure(type))),
      ...applyExtensions(schemaName, field, text),
      ...mergeExtensions(this.#sources.mergeRule(schemaName, field)),
    };
  }

  #isStructure(type: string): boolean {
    return Object.hasOwn(this.#sources.schemas, type);
  }

  #fieldSchema(type: string, owner: string, field: string): SchemaObject {
    const inner = (of: string): SchemaObject => ({
      ...this.#fieldSchema(of, owner, field),
      ...(this.#sources.form === 'v3' && defaultOfItem(of, this.#isStructure(of))),
    });
    if (type.startsWith('[]')) return { type: 'array', items: inner(type.slice(2)) };
    if (type.startsWith('{}')) return { type: 'object', additionalProperties: inner(type.slice(2)) };
    if (this.#isStructure(type)) {
      this.add(type);
      return { $ref: `#/definitions/${this.#names.of(type)}` };
    }
    const value = valueSchema(type, owner, field);
    if (typeof value === 'string') return this.#addValue(value);
    if (!value) throw new Error(`${owner}.${field} has a type that is not known: ${type}`);
    return { ...value };
  }

  #addValue(name: string): SchemaObject {
    const description = this.#notes.descriptions[definitionKey(name)]?.[''];
    this.definitions[name] ??= {
      ...(description !== undefined && { description }),
      ...valueDefinition(name, this.#sources.form ?? 'v2'),
    };
    return { $ref: `#/definitions/${name}` };
  }

  #addList(kind: KindDefinition): void {
    if (!kind.verbs.includes('list')) return;
    this.add('V1ListMeta');
    if (kind.ownSchema) {
      const name = this.#names.ofList(kind);
      const of = (schema: string) => `#/definitions/${this.#names.of(schema)}`;
      this.definitions[name] = customListDefinition(kind, { item: of(kind.schema), meta: of('V1ListMeta') });
      const selectable = this.definitions[this.#names.of(kind.schema)]![SELECTABLE];
      if (selectable) this.definitions[name][SELECTABLE] = selectable;
      this.mark(name, [{ group: kind.group, kind: listKindOf(kind), version: kind.version }]);
      return;
    }
    const schemaName = `${kind.schema}List`;
    const described = (field: string) =>
      this.#notes.descriptions[definitionKey(this.#names.ofList(kind))]?.[field] ?? this.#notes.descriptions[schemaName]?.[field];
    const of = (field: string) => {
      const description = described(field);
      return description === undefined ? {} : { description };
    };
    const isV3 = this.#sources.form === 'v3';
    const name = this.#names.ofList(kind);
    const reference = (schema: string): SchemaObject => ({
      $ref: `#/definitions/${this.#names.of(schema)}`,
      ...(isV3 && { default: {} }),
    });
    this.definitions[name] = {
      ...of(''),
      type: 'object',
      required: ['items'],
      properties: {
        apiVersion: { ...of('apiVersion'), type: 'string' },
        items: { ...of('items'), type: 'array', items: reference(kind.schema) },
        kind: { ...of('kind'), type: 'string' },
        metadata: { ...of('metadata'), ...reference('V1ListMeta') },
      },
    };
    this.mark(name, [{ group: kind.group, kind: listKindOf(kind), version: kind.version }]);
  }
}

const SELECTABLE = 'x-kubernetes-selectable-fields';
const CONVENTIONS = 'https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md';

/** The list of a custom resource, in upstream's words (apiextensions-apiserver/pkg/controller/openapi/builder). */
function customListDefinition(kind: KindDefinition, refs: { readonly item: string; readonly meta: string }): SchemaObject {
  return {
    description: `${listKindOf(kind)} is a list of ${kind.kind}`,
    type: 'object',
    required: ['items'],
    properties: {
      apiVersion: TYPE_FIELDS['apiVersion'] as SchemaObject,
      items: {
        description: `List of ${kind.resource}. More info: ${CONVENTIONS}`,
        type: 'array',
        items: { $ref: refs.item },
      },
      kind: TYPE_FIELDS['kind'] as SchemaObject,
      metadata: { description: `Standard list metadata. More info: ${CONVENTIONS}#types-kinds`, $ref: refs.meta },
    },
  };
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
