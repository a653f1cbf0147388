import { type KindDefinition, listKindOf } from '../../api/machinery/kind.ts';

/** The generated schemas: type name → field → type, as in `api/gen/schema.json` (`"[]V1Container!"`: required list). */
export type SchemaTable = Readonly<Record<string, Readonly<Record<string, string>>>>;

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';

/** Types of meta/v1, which upstream names after their Go package. */
const META_TYPES = new Set(
  [
    'APIGroup APIGroupList APIResource APIResourceList APIVersions Condition DeleteOptions FieldSelectorRequirement',
    'GroupVersionForDiscovery LabelSelector LabelSelectorRequirement ListMeta ManagedFieldsEntry ObjectMeta OwnerReference',
    'Preconditions ServerAddressByClientCIDR ShardInfo Status StatusCause StatusDetails WatchEvent',
  ].flatMap((line) => line.split(' ').map((name) => `V1${name}`)),
);

/** Types that lie elsewhere than what refers to them first. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  AuthenticationV1TokenRequest: 'io.k8s.api.authentication.v1',
  V1Binding: 'io.k8s.api.core.v1',
  V1Eviction: 'io.k8s.api.policy.v1',
  V1Scale: 'io.k8s.api.autoscaling.v1',
  V1TopologySelectorTerm: 'io.k8s.api.core.v1',
  V1TopologySelectorLabelRequirement: 'io.k8s.api.core.v1',
  VersionInfo: 'io.k8s.apimachinery.pkg.version',
};

/** Groups whose types lie with the server that serves them. */
const PACKAGES: Readonly<Record<string, string>> = {
  'apiextensions.k8s.io': 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions',
  'apiregistration.k8s.io': 'io.k8s.kube-aggregator.pkg.apis.apiregistration',
  'internal.apiserver.k8s.io': 'io.k8s.api.apiserverinternal',
};

/** Gives every generated type the name under which upstream's documents know it, `io.k8s.api.core.v1.Pod`. */
export class DefinitionNames {
  readonly #names = new Map<string, string>();

  /**
   * Kinds name themselves; what only they refer to takes their group, in the order given, so that the core group's kinds
   * should come first.
   */
  constructor(kinds: readonly KindDefinition[], schemas: SchemaTable) {
    for (const kind of kinds) this.#names.set(kind.schema, `${packageOf(kind)}.${kind.kind}`);
    for (const schemaName of Object.keys(ELSEWHERE)) this.#nameAll(schemaName, ELSEWHERE[schemaName]!, schemas);
    for (const schemaName of META_TYPES) this.#nameAll(schemaName, META, schemas);
    for (const kind of kinds) this.#nameReferences(kind.schema, packageOf(kind), schemas);
  }

  /** The definition of a generated type; throws for one that nothing served refers to. */
  of(schemaName: string): string {
    const name = this.#names.get(schemaName);
    if (name === undefined) throw new Error(`no kind that is served refers to ${schemaName}`);
    return name;
  }

  /** The definition of a list of the kind's objects. */
  ofList(kind: KindDefinition): string {
    return `${this.of(kind.schema).slice(0, -kind.kind.length)}${listKindOf(kind)}`;
  }

  #nameAll(schemaName: string, goPackage: string, schemas: SchemaTable): void {
    if (!this.#names.has(schemaName)) this.#names.set(schemaName, `${goPackage}.${withoutVersion(schemaName)}`);
    this.#nameReferences(schemaName, goPackage, schemas);
  }

  #nameReferences(schemaName: string, goPackage: string, schemas: SchemaTable): void {
    for (const type of Object.values(schemas[schemaName] ?? {})) {
      const name = typeName(type);
      if (!Object.hasOwn(schemas, name) || this.#names.has(name)) continue;
      const owner = META_TYPES.has(name) ? META : (ELSEWHERE[name] ?? goPackage);
      this.#names.set(name, `${owner}.${withoutVersion(name)}`);
      this.#nameReferences(name, goPackage, schemas);
    }
  }
}

function packageOf({ group, version, ownSchema }: KindDefinition): string {
  if (ownSchema) return `${group.split('.').reverse().join('.')}.${version}`;
  return `${PACKAGES[group] ?? `io.k8s.api.${group ? group.split('.')[0] : 'core'}`}.${version}`;
}

function withoutVersion(schemaName: string): string {
  return schemaName.replace(/^(?:[A-Z]?[a-z]*V\d+((alpha|beta)\d+)?|Version)(?=[A-Z])/, '');
}

/** `"[]V1Container!"` → `V1Container`. */
function typeName(type: string): string {
  return type.replace(/^(\[\]|\{\})+/, '').replace(/!$/, '');
}
