import type { ResourceKind } from '../../api/machinery/kind.ts';
import type { Client } from '../../client/client.ts';
import type { Clock } from '../../std/clock.ts';

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

/** apidiscovery.k8s.io/v2 APIGroupDiscoveryList: versions come with the preferred one first. */
interface AggregatedList {
  kind?: string;
  items?: {
    metadata?: { name?: string };
    versions?: {
      version: string;
      freshness?: string;
      resources?: {
        resource: string;
        responseKind?: { group?: string; version?: string; kind?: string };
        scope: string;
        verbs: string[];
      }[];
    }[];
  }[];
}

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';

/**
 * Asks an API server for all its kinds (https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api): in two requests
 * where it can say all at once, else group by group. Rejects when the list of groups cannot be had; a group that fails by itself is in
 * `failures`.
 */
export async function discoverKinds(client: Client, signal?: AbortSignal): Promise<Discovery> {
  const read = async <T>(path: string, accept?: string): Promise<T> =>
    JSON.parse((await client.raw({ path, signal, ...(accept && { accept }) })).text) as T;
  const named = await read<AggregatedList & { groups?: ApiGroup[] }>('/apis', AGGREGATED);
  if (named.kind === 'APIGroupDiscoveryList') return fromAggregated([await read('/api', AGGREGATED), named]);
  return byGroup(named.groups ?? [], read, signal);
}

function fromAggregated(lists: readonly AggregatedList[]): Discovery {
  const failures = new Map<string, Error>();
  const kinds = lists.flatMap(({ items = [] }) =>
    items.flatMap(({ metadata, versions = [] }) => {
      const group = metadata?.name ?? '';
      const found = versions.map(({ version, freshness, resources = [] }) => {
        const groupVersion = group ? `${group}/${version}` : version;
        if (freshness === 'Stale') failures.set(groupVersion, new Error(`stale GroupVersion discovery: ${groupVersion}`));
        return resources.map(
          ({ resource, responseKind, scope, verbs }): DiscoveredKind => ({
            group,
            version,
            kind: responseKind?.kind ?? '',
            resource,
            namespaced: scope === 'Namespaced',
            verbs,
          }),
        );
      });
      return onceEach(found.flat());
    }),
  );
  return { kinds, failures };
}

/** Every resource in the first version that has it. */
function onceEach(kinds: readonly DiscoveredKind[]): DiscoveredKind[] {
  const byResource = new Map<string, DiscoveredKind>();
  for (const kind of kinds) if (!byResource.has(kind.resource)) byResource.set(kind.resource, kind);
  return [...byResource.values()];
}

async function byGroup(
  groups: readonly ApiGroup[],
  read: <T>(path: string) => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<Discovery> {
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
      return onceEach((await Promise.all(ordered.map((version) => kindsOf(group, version)))).flat());
    }),
  );
  return { kinds: found.flat(), failures };
}

/** Kinds are asked for again when one is not known, but not more often than this. */
const ASKED_AGAIN_MS = 30_000;
/** And sometimes in any case: definitions go and come back in other versions. */
const RENEWED_MS = 600_000;

/** Finds kinds among those that the server had when it was last asked; it is asked once for all who look at the same time. */
export class KnownKinds {
  readonly #client: Client;
  readonly #clock: Pick<Clock, 'now'>;
  #kinds: readonly DiscoveredKind[] = [];
  #askedMs = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;

  constructor(client: Client, clock: Pick<Clock, 'now'>) {
    this.#client = client;
    this.#clock = clock;
  }

  /** Undefined for one that is not served. Rejects when the server cannot be asked. */
  async find(group: string, kind: string, signal: AbortSignal): Promise<DiscoveredKind | undefined> {
    const find = () => this.#kinds.find((one) => one.group === group && one.kind === kind);
    if (this.#clock.now() - this.#askedMs >= (find() ? RENEWED_MS : ASKED_AGAIN_MS)) {
      this.#asking ??= this.#ask(signal).finally(() => {
        this.#asking = undefined;
      });
      await this.#asking;
    }
    return find();
  }

  async #ask(signal: AbortSignal): Promise<void> {
    this.#kinds = (await discoverKinds(this.#client, signal)).kinds;
    this.#askedMs = this.#clock.now();
  }
}
