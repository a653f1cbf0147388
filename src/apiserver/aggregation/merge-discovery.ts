import { compareVersions } from '../../api/apiextensions/v1/version-order.ts';
import type { V1APIService } from '../../api/gen/types.ts';
import { setField } from '../../api/machinery/clone.ts';
import { exactJsonText, parseExactJson } from '../../std/exact-json.ts';
import { byGroupPriority, ownGroupPriority } from '../discovery/group-priorities.ts';
import type { ResourceListDocument } from './availability.ts';

/** A group version of an extension server, with what it was last heard to serve. */
export interface ExtensionVersion {
  readonly service: V1APIService;
  readonly document: ResourceListDocument | undefined;
  readonly available: boolean;
}

interface GroupVersionEntry {
  readonly groupVersion: string;
  readonly version: string;
}

interface GroupEntry {
  readonly name: string;
  readonly versions: readonly GroupVersionEntry[];
  readonly preferredVersion?: GroupVersionEntry;
}

const groupOf = ({ service }: ExtensionVersion) => service.spec?.group ?? '';
const versionOf = ({ service }: ExtensionVersion) => service.spec?.version ?? '';

/** The more important group first; in it the more important version, then the newer one. */
function byPriority(a: ExtensionVersion, b: ExtensionVersion): number {
  const [x, y] = [a.service.spec!, b.service.spec!];
  return (
    y.groupPriorityMinimum - x.groupPriorityMinimum ||
    groupOf(a).localeCompare(groupOf(b)) ||
    y.versionPriority - x.versionPriority ||
    compareVersions(versionOf(a), versionOf(b))
  );
}

function byGroup(extensions: readonly ExtensionVersion[]): Map<string, ExtensionVersion[]> {
  const groups = new Map<string, ExtensionVersion[]>();
  for (const extension of [...extensions].sort(byPriority)) {
    const group = groupOf(extension);
    groups.set(group, [...(groups.get(group) ?? []), extension]);
  }
  return groups;
}

const entryOf = (extension: ExtensionVersion): GroupVersionEntry => ({
  groupVersion: `${groupOf(extension)}/${versionOf(extension)}`,
  version: versionOf(extension),
});

function mergeGroup<G extends GroupEntry>(own: G, added: readonly ExtensionVersion[]): G {
  const versions = [...own.versions];
  for (const entry of added.map(entryOf)) if (!versions.some((v) => v.version === entry.version)) versions.push(entry);
  return { ...own, versions };
}

function newGroup(name: string, extensions: readonly ExtensionVersion[]): GroupEntry {
  const versions = extensions.map(entryOf);
  return { name, versions, preferredVersion: versions[0]! };
}

function rankOf(name: string, own: readonly { name: string }[], added: ReadonlyMap<string, readonly ExtensionVersion[]>) {
  const theirs = added.get(name)?.[0]?.service.spec?.groupPriorityMinimum ?? 0;
  const ours = own.some((group) => group.name === name) ? ownGroupPriority(name) : 0;
  return { name, priority: Math.max(ours, theirs) };
}

/** `/apis` with the extension servers' groups. */
export function mergeGroupList(own: { groups: readonly GroupEntry[] }, extensions: readonly ExtensionVersion[]): object {
  const added = byGroup(extensions);
  const groups = own.groups.map((group) => mergeGroup(group, added.get(group.name) ?? []));
  for (const [name, versions] of added)
    if (!own.groups.some((group) => group.name === name)) groups.push(newGroup(name, versions));
  return { ...own, groups: byGroupPriority(groups, ({ name }) => rankOf(name, own.groups, added)) };
}

/** `/apis/{group}`; undefined when no extension server has it. */
export function mergeGroupDocument(
  own: GroupEntry | undefined,
  name: string,
  extensions: readonly ExtensionVersion[],
): object | undefined {
  const added = byGroup(extensions).get(name);
  if (!added) return undefined;
  return own ? mergeGroup(own, added) : { kind: 'APIGroup', apiVersion: 'v1', ...newGroup(name, added) };
}

interface AggregatedGroup {
  readonly metadata: { readonly name?: string };
  readonly versions: readonly { readonly version: string }[];
}

/** The APIGroupDiscoveryList with the extension servers' groups; versions of servers that do not answer are stale. */
export function mergeAggregated(own: { items: readonly AggregatedGroup[] }, extensions: readonly ExtensionVersion[]): object {
  const added = byGroup(extensions);
  const items = own.items.map((group) => {
    const more = (added.get(group.metadata.name ?? '') ?? []).map(aggregatedVersion);
    return {
      ...group,
      versions: [...group.versions, ...more.filter((m) => !group.versions.some((v) => v.version === m.version))],
    };
  });
  for (const [name, versions] of added)
    if (!own.items.some((group) => group.metadata.name === name))
      items.push({ metadata: { name }, versions: versions.map(aggregatedVersion) });
  const names = own.items.map(({ metadata }) => ({ name: metadata.name ?? '' }));
  return { ...own, items: byGroupPriority(items, ({ metadata }) => rankOf(metadata.name ?? '', names, added)) };
}

function aggregatedVersion(extension: ExtensionVersion): { version: string; resources: object[]; freshness: string } {
  const { document, available } = extension;
  const resources = document?.resources ?? [];
  const main = resources.filter(({ name }) => !name.includes('/'));
  const parts = Map.groupBy(
    resources.filter(({ name }) => name.includes('/')),
    ({ name }) => name.slice(0, name.indexOf('/')),
  );
  const kindOf = (resource: Readonly<Record<string, unknown>>) => ({
    group: resource['group'] ?? '',
    version: resource['version'] ?? '',
    kind: resource['kind'],
  });
  return {
    version: versionOf(extension),
    resources: main.map((resource) => {
      const subresources = parts.get(resource.name) ?? [];
      return {
        resource: resource.name,
        responseKind: kindOf(resource),
        scope: resource['namespaced'] ? 'Namespaced' : 'Cluster',
        singularResource: resource['singularName'] ?? '',
        verbs: resource['verbs'] ?? [],
        ...(resource['shortNames'] !== undefined && { shortNames: resource['shortNames'] }),
        ...(resource['categories'] !== undefined && { categories: resource['categories'] }),
        ...(subresources.length && {
          subresources: subresources.map((sub) => ({
            subresource: sub.name.slice(resource.name.length + 1),
            responseKind: kindOf(sub),
            verbs: sub['verbs'] ?? [],
          })),
        }),
      };
    }),
    freshness: available && document ? 'Current' : 'Stale',
  };
}

export interface Swagger {
  readonly paths?: Readonly<Record<string, unknown>>;
  readonly definitions?: Readonly<Record<string, unknown>>;
}

/** One OpenAPI v2 document of several; a type that two servers describe differently gets a name of its own. */
export function mergeSwagger(own: Swagger, added: Swagger, prefix: string): Swagger {
  const definitions: Record<string, unknown> = { ...own.definitions };
  const renamed = new Map<string, string>();
  for (const [name, schema] of Object.entries(added.definitions ?? {})) {
    if (!Object.hasOwn(definitions, name)) setField(definitions, name, schema);
    else if (exactJsonText(definitions[name]) !== exactJsonText(schema) && !isShared(name)) {
      let number = 2;
      while (Object.hasOwn(definitions, `${name}_v${number}`)) number++;
      renamed.set(name, `${name}_v${number}`);
      definitions[`${name}_v${number}`] = schema;
    }
  }
  const follow = (value: unknown): unknown => (renamed.size ? renameReferences(value, renamed) : value);
  for (const name of Object.keys(added.definitions ?? {})) {
    const kept = renamed.get(name) ?? name;
    if (!Object.hasOwn(own.definitions ?? {}, name) || renamed.has(name)) setField(definitions, kept, follow(definitions[kept]));
  }
  const paths: Record<string, unknown> = { ...own.paths };
  for (const [path, item] of Object.entries(added.paths ?? {}))
    if (path.startsWith(prefix) && !Object.hasOwn(paths, path)) setField(paths, path, follow(item));
  return { ...own, paths, definitions };
}

/** Types of Kubernetes itself are this server's to describe. */
const isShared = (name: string) => name.startsWith('io.k8s.apimachinery.');

function renameReferences(value: unknown, renamed: ReadonlyMap<string, string>): unknown {
  return parseExactJson(
    exactJsonText(value).replace(/"#\/definitions\/([^"]+)"/g, (whole, name: string) => {
      const to = renamed.get(name);
      return to ? `"#/definitions/${to}"` : whole;
    }),
  );
}
