import type { ResourceKind } from '../../api/machinery/kind.ts';
import type { Client } from '../../client/client.ts';

/** A kind as an API server offers it. */
export interface DiscoveredKind extends ResourceKind {
  readonly verbs: readonly string[];
}

export interface Discovery {
  /** Each resource once, in its group's preferred version where it has it. No subresources. */
  readonly kinds: readonly DiscoveredKind[];
  /** Group versions that could not be asked (an aggregated API server that is away), with the reason. What they hold is unknown. */
  readonly failures: ReadonlyMap<string, Error>;
}

interface ApiGroup {
  name: string;
  versions: { groupVersion: string; version: string }[];
  preferredVersion?: { groupVersion: string; version: string };
}

interface ApiResource {
  name: string;
  kind: string;
  namespaced: boolean;
  verbs: string[];
}

/**
 * Asks an API server for all its kinds (https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api). Rejects when the list
 * of groups cannot be had; a group that fails by itself is in `failures`.
 */
export async function discoverKinds(client: Client, signal?: AbortSignal): Promise<Discovery> {
  const read = async <T>(path: string): Promise<T> => JSON.parse((await client.raw({ path, signal })).text) as T;
  const { groups } = await read<{ groups: ApiGroup[] }>('/apis');
  const core: ApiGroup = { name: '', versions: [{ groupVersion: 'v1', version: 'v1' }] };
  const failures = new Map<string, Error>();
  const kindsOf = async (group: ApiGroup, { groupVersion, version }: ApiGroup['versions'][number]): Promise<DiscoveredKind[]> => {
    try {
      const { resources } = await read<{ resources: ApiResource[] }>(group.name ? `/apis/${groupVersion}` : '/api/v1');
      return resources
        .filter((resource) => !resource.name.includes('/'))
        .map(({ name, kind, namespaced, verbs }) => ({ group: group.name, version, kind, resource: name, namespaced, verbs }));
    } catch (error) {
      signal?.throwIfAborted();
      failures.set(groupVersion, error as Error);
      return [];
    }
  };
  const found = await Promise.all(
    [core, ...groups].map(async (group) => {
      const preferred = group.preferredVersion?.version ?? group.versions[0]?.version;
      const ordered = group.versions.toSorted((a, b) => Number(b.version === preferred) - Number(a.version === preferred));
      const lists = await Promise.all(ordered.map((version) => kindsOf(group, version)));
      const byResource = new Map<string, DiscoveredKind>();
      for (const kind of lists.flat()) if (!byResource.has(kind.resource)) byResource.set(kind.resource, kind);
      return [...byResource.values()];
    }),
  );
  return { kinds: found.flat(), failures };
}
