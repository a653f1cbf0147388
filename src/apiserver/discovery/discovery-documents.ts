import { createHash } from 'node:crypto';
import { compareVersions } from '../../api/apiextensions/v1/version-order.ts';
import { apiVersionOf, type KindDefinition, type Verb } from '../../api/machinery/kind.ts';
import { byGroupPriority, ownGroupPriority } from './group-priorities.ts';

/** What discovery tells of the kinds (meta/v1 and apidiscovery.k8s.io): made once, from the kinds' records alone. */

export interface ApiVersion {
  readonly group: string;
  readonly version: string;
  readonly kinds: readonly KindDefinition[];
}

export interface ApiGroup {
  readonly name: string;
  /** The preferred one first. */
  readonly versions: readonly ApiVersion[];
}

/** Groups as upstream prefers them, versions as the kinds name them; the core group has the name ''. */
export function groupKinds(kinds: readonly KindDefinition[]): ApiGroup[] {
  const groups = new Map<string, Map<string, KindDefinition[]>>();
  for (const kind of kinds) {
    const versions = groups.get(kind.group) ?? new Map<string, KindDefinition[]>();
    groups.set(kind.group, versions);
    const list = versions.get(kind.version);
    if (list) list.push(kind);
    else versions.set(kind.version, [kind]);
  }
  const made = [...groups].map(([name, versions]) => ({
    name,
    versions: [...versions]
      .sort(([a, [kind]], [b]) => (kind?.ownSchema ? compareVersions(a, b) : 0))
      .map(([version, list]) => ({ group: name, version, kinds: inOrder(list) })),
  }));
  return byGroupPriority(made, ({ name }) => ({ name, priority: ownGroupPriority(name) }));
}

/** Built-in ones are installed by the names of their paths. */
function inOrder(kinds: readonly KindDefinition[]): readonly KindDefinition[] {
  return kinds.some(({ ownSchema }) => ownSchema) ? kinds : kinds.toSorted((a, b) => (a.resource < b.resource ? -1 : 1));
}

/** The paths at which groups and their versions are described. */
export function discoveryPaths(kinds: readonly KindDefinition[]): string[] {
  return groupKinds(kinds).flatMap(({ name, versions }) => {
    const root = name ? `/apis/${name}` : '/api';
    return [...(name ? [root] : []), ...versions.map((v) => `${root}/${v.version}`)];
  });
}

export function apiVersionsDocument(core: ApiGroup | undefined, serverAddress: string): object {
  return {
    kind: 'APIVersions',
    versions: core?.versions.map((v) => v.version) ?? [],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
  };
}

export function apiGroupListDocument(groups: readonly ApiGroup[]): object {
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map(groupEntry) };
}

export function apiGroupDocument(group: ApiGroup): object {
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupEntry(group) };
}

function groupEntry({ name, versions }: ApiGroup) {
  const entries = versions.map((v) => ({ groupVersion: apiVersionOf(v), version: v.version }));
  return { name, versions: entries, preferredVersion: entries[0] };
}

export function apiResourceListDocument(version: ApiVersion): object {
  return {
    kind: 'APIResourceList',
    ...(version.group && { apiVersion: 'v1' }),
    groupVersion: apiVersionOf(version),
    resources: version.kinds.flatMap(resourceEntries),
  };
}

function resourceEntries(kind: KindDefinition): object[] {
  const { resource, singular, namespaced, shortNames, categories } = kind;
  return [
    {
      name: resource,
      singularName: singular,
      namespaced,
      kind: kind.kind,
      verbs: verbsOf(kind),
      ...(shortNames.length && { shortNames }),
      ...(categories.length && { categories }),
      ...(kind.storage === 'stored' && { storageVersionHash: storageVersionHash(kind.storedAs ?? kind) }),
    },
    ...subresources(kind).map(({ name, responseKind, verbs }) => ({
      name: `${resource}/${name}`,
      singularName: '',
      namespaced,
      ...(responseKind.group !== kind.group || responseKind.version !== kind.version
        ? { group: responseKind.group, version: responseKind.version }
        : {}),
      kind: responseKind.kind,
      verbs: sorted(verbs),
    })),
  ];
}

/** By which clients see that objects are kept in another version than before (apiserver/pkg/endpoints/discovery/storageversionhash.go). */
function storageVersionHash({ group, version, kind }: { group: string; version: string; kind: string }): string {
  return createHash('sha256').update(`${group}/${version}/${kind}`).digest().subarray(0, 8).toString('base64');
}

interface Subresource {
  readonly name: string;
  readonly responseKind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly verbs: readonly Verb[];
}

/** In which order upstream names the verbs of custom resources. */
const CUSTOM_VERBS: readonly Verb[] = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];

const verbsOf = ({ verbs, ownSchema }: KindDefinition): readonly Verb[] =>
  ownSchema ? CUSTOM_VERBS.filter((verb) => verbs.includes(verb)) : sorted(verbs);

/** By name; of custom resources the status comes first. */
function subresources(kind: KindDefinition): Subresource[] {
  const own = { group: kind.group, version: kind.version, kind: kind.kind };
  return [
    ...kind.parts.map(({ name, verbs }) => ({ name, responseKind: own, verbs })),
    ...kind.actions.map((action) => ({
      name: action.name,
      responseKind: { group: action.group ?? kind.group, version: action.version ?? kind.version, kind: action.kind },
      verbs: action.verbs,
    })),
  ].sort((a, b) => (!kind.ownSchema && a.name < b.name ? -1 : kind.ownSchema ? 0 : 1));
}

export type AggregatedVersion = 'v2' | 'v2beta1';

/** Everything about some groups in one document (apidiscovery.k8s.io). */
export function aggregatedDocument(groups: readonly ApiGroup[], version: AggregatedVersion): object {
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map(({ name, versions }) => ({
      metadata: name ? { name } : {},
      versions: versions.map((v) => ({ version: v.version, resources: v.kinds.map(aggregatedResource), freshness: 'Current' })),
    })),
  };
}

function aggregatedResource(kind: KindDefinition): object {
  const { group, version, resource, singular, shortNames, categories } = kind;
  const subs = subresources(kind);
  // Of built-in kinds upstream says only what is not that of the resource's own path.
  const shown = (answer: Subresource['responseKind']) =>
    kind.ownSchema || answer.group !== group || answer.version !== version
      ? answer
      : { group: '', version: '', kind: answer.kind };
  return {
    resource,
    responseKind: shown({ group, version, kind: kind.kind }),
    scope: kind.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: singular,
    verbs: sorted(kind.verbs),
    ...(shortNames.length && { shortNames }),
    ...(categories.length && { categories }),
    ...(subs.length && {
      subresources: subs.map(({ name, responseKind, verbs }) => ({
        subresource: name,
        responseKind: shown(responseKind),
        verbs: sorted(verbs),
      })),
    }),
  };
}

const sorted = (verbs: readonly Verb[]) => [...verbs].sort();
