import type { KindDefinition, Verb } from './kind.ts';

const STORED_VERBS: readonly Verb[] = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

type Required = 'group' | 'version' | 'kind' | 'resource' | 'namespaced';

/** What a kind's file says of it; `defineKind` fills in the rest. */
export type KindOptions = Pick<KindDefinition, Required> & Partial<Omit<KindDefinition, Required>>;

/**
 * Completes a kind: the schema is `V1<Kind>`, objects are stored under the plural, named like DNS subdomains and have every verb
 * (reviews: create only), unless said otherwise.
 */
export function defineKind(options: KindOptions): KindDefinition {
  const { kind, version, resource, storage = 'stored' } = options;
  return {
    singular: kind.toLowerCase(),
    shortNames: [],
    categories: [],
    schema: `${version[0]!.toUpperCase()}${version.slice(1)}${kind}`,
    storage,
    verbs: storage === 'review' ? ['create'] : STORED_VERBS,
    storagePath: resource,
    nameRule: 'dns-subdomain',
    hasGeneration: false,
    parts: [],
    actions: [],
    selectableFields: {},
    columns: [],
    ...options,
  };
}
