import { apiVersionOf } from '../../api/machinery/kind.ts';
import type { KubeObject } from '../../api/machinery/object.ts';
import type { Client } from '../../client/client.ts';
import type { Informer } from '../../client/informer.ts';
import type { Clock } from '../../std/clock.ts';
import { type DiscoveredKind, discoverKinds } from '../framework/discovery.ts';
import type { SharedInformers } from '../framework/shared-informers.ts';
import { groupKind } from './graph.ts';

/** `apps/v1/ReplicaSet`, as owner references put it together. */
export function kindName(kind: Pick<DiscoveredKind, 'group' | 'version' | 'kind'>): string {
  return `${apiVersionOf(kind)}/${kind.kind}`;
}

export interface Monitors {
  /** Asks which kinds there are, and begins and ends watching accordingly; resolves when all that are new have synced. */
  refresh(signal: AbortSignal): Promise<void>;
  /** The kind that a reference speaks of, in whatever version; undefined when it is not served. */
  find(kind: string): DiscoveredKind | undefined;
}

export interface MonitorsOptions {
  client: Client;
  /** The manager's, used where another controller holds the whole kind anyway. */
  shared: SharedInformers;
  /** Those that hold metadata only. */
  metadata: SharedInformers;
  onChange(kind: string, object: KubeObject, type: 'added' | 'updated' | 'deleted'): void;
  onGone(kind: string): void;
  /** Some kinds could not be read in time; the others are not kept waiting. */
  onSlow(): void;
  clock: Clock;
}

/** As upstream's initial sync. */
const SYNC_TIMEOUT_MS = 30_000;
const ignoreAbort = () => undefined;

/** Keeps an informer on every kind that can be listed, watched and deleted. Events own nothing and are owned by nobody: they are left out. */
export function createMonitors(options: MonitorsOptions): Monitors {
  const { client, shared, metadata, onChange, onGone, onSlow, clock } = options;
  const monitors = new Map<string, { kind: DiscoveredKind; own: boolean; end: () => void }>();
  let served = new Map<string, DiscoveredKind>();

  const begin = async (kind: DiscoveredKind): Promise<void> => {
    const name = kindName(kind);
    const existing = shared.existing(kind);
    const informer: Informer<KubeObject> = existing ?? metadata.of(kind);
    const end = informer.onChange(({ type, object }) => onChange(name, object, type));
    monitors.set(name, { kind, own: !existing, end });
    await (existing ? shared : metadata).sync(informer);
  };

  return {
    async refresh(signal) {
      const { kinds, failures } = await discoverKinds(client, signal);
      const deletable = kinds.filter(
        ({ verbs, resource, group }) =>
          ['list', 'watch', 'delete'].every((verb) => verbs.includes(verb)) &&
          !(resource === 'events' && (group === '' || group === 'events.k8s.io')),
      );
      const wanted = new Map(deletable.map((kind) => [kindName(kind), kind]));
      const nextServed = new Map(kinds.map((kind) => [groupKind(kindName(kind)), kind]));
      for (const [name, { kind, own, end }] of monitors) {
        // A group that could not be asked has not gone away.
        if (wanted.has(name)) continue;
        if (failures.has(apiVersionOf(kind))) {
          nextServed.set(groupKind(name), kind);
          continue;
        }
        monitors.delete(name);
        end();
        if (own) await metadata.drop(kind);
        onGone(name);
      }
      served = nextServed;
      const syncing = Promise.all([...wanted].filter(([name]) => !monitors.has(name)).map(([, kind]) => begin(kind)));
      const timeout = new AbortController();
      const stop = AbortSignal.any([signal, timeout.signal]);
      await Promise.race([syncing, clock.sleep(SYNC_TIMEOUT_MS, stop).then(() => onSlow(), ignoreAbort)]);
      timeout.abort();
      // What is late is taken in when it comes; failing to come at all is the informers' owner's to hear of.
      syncing.catch(() => undefined);
    },
    find: (kind) => served.get(groupKind(kind)),
  };
}
