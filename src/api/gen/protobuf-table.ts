/** Makes the table of field numbers from Go's own types. Not used at run time; `gather-protobuf.ts` runs it. */
import { allKinds } from '../all-kinds.ts';
import { type FieldType, fieldsOfSchema, goTypeName, schemaNames } from '../machinery/schema.ts';
import type { GoField, GoType } from './go-types.ts';

/** Schema → field → text, as `protobuf/wire-schema.ts` reads it. */
export type FieldTable = Record<string, Record<string, string>>;

/** Go's folders whose names are not the first label of their group. */
const GO_FOLDERS: Readonly<Record<string, string>> = {
  '': 'k8s.io/api/core',
  'internal.apiserver.k8s.io': 'k8s.io/api/apiserverinternal',
  'apiextensions.k8s.io': 'k8s.io/apiextensions-apiserver/pkg/apis/apiextensions',
  'apiregistration.k8s.io': 'k8s.io/kube-aggregator/pkg/apis/apiregistration',
};
const META = 'k8s.io/apimachinery/pkg/apis/meta/v1';

/** Messages that requests and answers are made of besides the kinds. */
const OTHER_ROOTS: Readonly<Record<string, string>> = {
  AuthenticationV1TokenRequest: 'k8s.io/api/authentication/v1.TokenRequest',
  V1Binding: 'k8s.io/api/core/v1.Binding',
  V1DeleteOptions: `${META}.DeleteOptions`,
  V1Eviction: 'k8s.io/api/policy/v1.Eviction',
  V1ListMeta: `${META}.ListMeta`,
  V1Scale: 'k8s.io/api/autoscaling/v1.Scale',
  V1Status: `${META}.Status`,
};

/**
 * The table for every kind that is served and for every other one whose Go type is among `structs`; and the fields, as
 * `V1PodSpec.schedulingGroup`, that Go's types do not have. `newer` adds such fields: their Go types are younger than the program.
 */
export function makeTable(structs: ReadonlyMap<string, GoType>, newer: FieldTable): { table: FieldTable; missing: string[] } {
  const table: FieldTable = {};
  const missing: string[] = [];
  const add = (schema: string, type: GoType | undefined): void => {
    if (Object.hasOwn(table, schema)) return;
    const row: Record<string, string> = {};
    table[schema] = row;
    const found = new Map(type ? wireFields(type, '') : []);
    const isKnown = found.size > 0 || newer[schema] !== undefined;
    for (const [name, field] of fieldsOfSchema(schema)) {
      const inner = innerSchema(field.type);
      const text = newer[schema]?.[name];
      const go = found.get(name);
      if (go) row[name] = go.text;
      else if (text !== undefined) row[name] = text;
      else if (!(isKnown && isTypeMeta(schema, name))) missing.push(`${schema}.${name}`);
      if (inner && (go || text !== undefined)) add(inner, go && leafStruct(go.field.type));
    }
  };
  for (const [schema, name] of Object.entries(OTHER_ROOTS)) add(schema, structs.get(name));
  for (const kind of allKinds)
    add(
      kind.schema,
      structs.get(`${GO_FOLDERS[kind.group] ?? `k8s.io/api/${kind.group.split('.')[0]}`}/${kind.version}.${kind.kind}`),
    );
  for (const schema of schemaNames()) {
    const go = onlyStruct(structs, schema);
    if (go) add(schema, go);
  }
  return { table, missing };
}

/** A kind that is not served yet, when just one of Go's packages has it. */
function onlyStruct(structs: ReadonlyMap<string, GoType>, schema: string): GoType | undefined {
  const fields = fieldsOfSchema(schema);
  if (!fields.has('apiVersion') || !fields.has('kind') || !fields.has('metadata')) return undefined;
  const { name, qualified } = goTypeName(schema);
  const version = /V(\d+(?:(?:alpha|beta)\d+)?)/.exec(schema)?.[1];
  const found = [...structs.keys()].filter((go) => go.startsWith('k8s.io/api/') && go.endsWith(`/v${version}.${name}`));
  const wanted = qualified.startsWith('.')
    ? found
    : found.filter((go) => go.includes(`/${schema.split('V')[0]!.toLowerCase()}/`));
  const [first] = wanted.length === 1 ? wanted : found;
  return wanted.length === 1 || found.length === 1 ? structs.get(first!) : undefined;
}

/** `apiVersion` and `kind` of a whole object lie in the envelope. */
function isTypeMeta(schema: string, name: string): boolean {
  const hasTypeMeta = fieldsOfSchema(schema).has('apiVersion') && fieldsOfSchema(schema).has('kind');
  return hasTypeMeta && (name === 'apiVersion' || name === 'kind');
}

function* wireFields(type: GoType, prefix: string): Generator<[string, { text: string; field: GoField }]> {
  for (const field of type.fields()) {
    const number = /\bprotobuf:"\w+,(\d+),/.exec(field.tag)?.[1];
    const [name = '', ...options] = (/\bjson:"([^"]*)"/.exec(field.tag)?.[1] ?? '').split(',');
    if (number === undefined || name === '-') continue;
    const isInline = name === '' && (field.embedded || options.includes('inline'));
    if (isInline) {
      const inner = leafStruct(field.type);
      if (inner) yield* wireFields(inner, `${prefix}${number}${field.type.kind === 'pointer' ? '*' : ''}.`);
      continue;
    }
    const isPointer = field.type.kind === 'pointer';
    const omits = options.includes('omitzero') || (options.includes('omitempty') && field.type.kind !== 'struct');
    yield [name, { text: `${prefix}${number}${isPointer ? '*' : ''}${omits ? '' : '!'}`, field }];
  }
}

function leafStruct(type: GoType): GoType | undefined {
  if (type.kind === 'struct') return type;
  return type.element && leafStruct(type.element);
}

function innerSchema(type: FieldType): string | undefined {
  if (type.form === 'structure') return type.schema;
  return type.form === 'scalar' ? undefined : innerSchema(type.of);
}
