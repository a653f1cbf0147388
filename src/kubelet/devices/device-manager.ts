import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { V1Container, V1Node, V1Pod } from '../../api/gen/types.ts';
import { writeFileAtomic } from '../../std/atomic-file.ts';
import type { Clock } from '../../std/clock.ts';
import type { Component } from '../../std/lifecycle.ts';
import type { Logger } from '../../std/logger.ts';
import { Turns } from '../../std/turns.ts';
import { unexpected } from '../cpus/allocate-cpus.ts';
import type { CpuManager } from '../cpus/cpu-manager.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { AdmissionRefusal } from '../pods/pod-parts.ts';
import type { PluginHandler } from '../volumes/csi/plugin-watcher.ts';
import { decodeDeviceCheckpoint, encodeDeviceCheckpoint, type Given, type GivenDevices } from './device-checkpoint.ts';
import { type DeviceAmounts, DeviceInventory } from './device-inventory.ts';
import { createDevicePlugin, type Device } from './device-plugin.ts';
import { checkResourceName, checkVersion, createDeviceRegistration } from './device-registration.ts';
import { allGiven, type DeviceSettings, deviceSettings, idsOf, placed, withGiven, withoutPod } from './given-devices.ts';
import { planDevices, type TakenDevices } from './plan-devices.ts';

export interface DeviceManagerOptions {
  /** `<root>/device-plugins`. */
  readonly directory: string;
  readonly cpus: Pick<CpuManager, 'allocate' | 'release'>;
  readonly metrics?: KubeletMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called when the node has more or fewer devices than before. */
  readonly changed: () => void;
}

/** Devices of device plugins, and who has them (k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1). */
export interface DeviceManager {
  /** Finds what an earlier kubelet left; every other call comes after it. */
  prepare(): Promise<void>;
  /**
   * Gives an admitted pod its devices, and its CPUs, from NUMA nodes that suit both: at once, so that nobody else is given them meanwhile.
   * Resolves when the plugins agree and it is kept on disk, with what stands against it, and then the pod has none.
   */
  allocate(pod: V1Pod): Promise<AdmissionRefusal | undefined>;
  /** What a container that is to be started has to be told for its devices; undefined: it has none. Rejects when a plugin refuses. */
  settingsOf(pod: V1Pod, container: V1Container): Promise<DeviceSettings | undefined>;
  givenTo(podUid: string, container: string): ReadonlyMap<string, GivenDevices>;
  /** Healthy devices by resource. */
  healthy(): ReadonlyMap<string, ReadonlyMap<string, Device>>;
  /** Pods that have devices. */
  known(): readonly string[];
  release(podUid: string): Promise<void>;
  /** Of the node's status. */
  amounts(): DeviceAmounts;
  /** The node as pods are judged by it: with all devices that there are now, or that were given, though their plugin is away. */
  withDevices(node: V1Node): V1Node;
  /** Plugins that make themselves known in `<root>/plugins_registry`, of type `DevicePlugin`. */
  readonly handler: PluginHandler;
  /** Serves plugins that register by themselves. */
  readonly component: Component;
}

const FILE = 'kubelet_internal_checkpoint';
const NOTHING: ReadonlyMap<string, GivenDevices> = new Map();

/** Nothing is read before `prepare`. */
export function createDeviceManager(options: DeviceManagerOptions): DeviceManager {
  const { directory, cpus, metrics, clock, logger } = options;
  const path = join(directory, FILE);
  const writes = new Turns<string>();
  let given: Given = new Map();
  /** Chosen, but not yet agreed with the plugins: by pod and resource. */
  const reserved = new Map<string, ReadonlyMap<string, ReadonlySet<string>>>();
  let keepsSoon = false;
  /** However often plugins tell of their devices meanwhile, one write waits: it writes the newest. */
  const keepSoon = () => {
    if (keepsSoon) return;
    keepsSoon = true;
    keep(() => {
      keepsSoon = false;
    }).catch((error: unknown) => logger.error('Failed to write the checkpoint of devices', { path, err: error }));
  };
  const inventory = new DeviceInventory({
    clock,
    logger,
    changed() {
      keepSoon();
      options.changed();
    },
  });

  const keep = (begun?: () => void) =>
    writes.take(path, async () => {
      begun?.();
      const registered = [...healthy()].map(([name, devices]): [string, string[]] => [name, [...devices.keys()]]);
      await writeFileAtomic(path, encodeDeviceCheckpoint({ given, registered: new Map(registered) }), { mode: 0o600 });
    });

  function healthy(): ReadonlyMap<string, ReadonlyMap<string, Device>> {
    const all = inventory.names().map((name): [string, ReadonlyMap<string, Device>] => {
      const devices = inventory.devicesOf(name) ?? new Map<string, Device>();
      return [name, new Map([...devices].filter(([, device]) => device.healthy))];
    });
    return new Map(all);
  }

  const takenOf = (resource: string) =>
    [...reserved.values()].reduce((all, ids) => all.union(ids.get(resource) ?? new Set()), allGiven(given, resource));

  function reserve(uid: string, taken: readonly TakenDevices[]): void {
    const ids = new Map<string, ReadonlySet<string>>();
    for (const one of taken) ids.set(one.resource, new Set([...(ids.get(one.resource) ?? []), ...one.ids]));
    if (ids.size > 0) reserved.set(uid, ids);
    else reserved.delete(uid);
  }

  /** Asks the plugin which devices it would rather give, and for them. */
  async function agree(uid: string, taken: TakenDevices[], index: number): Promise<void> {
    const { container, resource, ids, reused, choice } = taken[index]!;
    const found = inventory.pluginOf(resource);
    if (!found) throw new Error(`endpoint ${resource} has been stopped`);
    const { plugin } = found;
    let chosen = ids;
    if (found.preferred && reused.size < ids.length) {
      const others = takenOf(resource).difference(new Set(ids));
      const available = choice.difference(others.difference(reused));
      const wish = { available: [...available], mustInclude: [...reused], size: ids.length };
      const preferred = await plugin.preferred(wish).catch((error: unknown) => {
        throw new Error(`device plugin GetPreferredAllocation rpc failed with err: ${(error as Error).message}`, {
          cause: error,
        });
      });
      // Others may have been given some of them meanwhile.
      const free = choice.difference(takenOf(resource).difference(new Set(ids)).difference(reused));
      const wanted = preferred.filter((id) => free.has(id));
      chosen = [...new Set([...reused, ...wanted, ...ids])].slice(0, ids.length);
      exchange(taken, index, chosen);
      reserve(uid, taken);
    }
    const startedAtMs = clock.now();
    const response = await plugin.allocate(chosen);
    metrics?.observe('kubelet_device_plugin_alloc_duration_seconds', (clock.now() - startedAtMs) / 1000, [resource]);
    if (!response) throw new Error('no containers return in allocation response');
    const devices = placed(chosen, inventory.devicesOf(resource) ?? new Map(), response);
    given = withGiven(given, uid, container, resource, devices);
  }

  async function allocate(pod: V1Pod): Promise<AdmissionRefusal | undefined> {
    const uid = pod.metadata?.uid ?? '';
    const before = given.get(uid);
    const isGiven = (resource: string) => allGiven(given, resource).size > 0;
    const plan = planDevices(pod, {
      devicesOf: (resource) => inventory.devicesOf(resource) ?? (isGiven(resource) ? new Map() : undefined),
      takenOf,
      hasOf(container, resource) {
        const devices = before?.get(container)?.get(resource);
        return devices && idsOf(devices);
      },
    });
    const cpusGiven = cpus.allocate(pod, plan);
    // At once, as the plan was made: `allocate` has asked for all of it by now.
    const taken = [...plan.taken];
    reserve(uid, taken);
    try {
      const refusal = await cpusGiven;
      if (refusal) return refusal;
      for (let i = 0; i < taken.length; i++) await agree(uid, taken, i);
      if (taken.length > 0) await keep();
      return undefined;
    } catch (error) {
      given = before ? new Map(given).set(uid, before) : withoutPod(given, uid);
      await cpus.release(uid);
      return unexpected(error);
    } finally {
      reserved.delete(uid);
    }
  }

  function connect(resource: string, socketPath: string, abilities: Parameters<DeviceInventory['connect']>[2]): void {
    metrics?.add('kubelet_device_plugin_registration_total', [resource]);
    inventory.connect(resource, createDevicePlugin(socketPath), abilities);
  }

  /** Of plugins of the registry: where each is. */
  const endpoints = new Map<string, string>();
  const registration = createDeviceRegistration({ directory, logger, registered: connect });
  return {
    async prepare() {
      await mkdir(directory, { recursive: true, mode: 0o750 });
      try {
        const found = decodeDeviceCheckpoint(await readFile(path, 'utf8'));
        given = found.given;
        for (const resource of found.registered.keys()) inventory.expect(resource);
      } catch (error) {
        // As upstream: a node goes on without knowing who has which device rather than not at all.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
          logger.warn('Continue after failing to read checkpoint file. Device allocation info may NOT be up-to-date', {
            path,
            err: error,
          });
      }
    },
    allocate,
    async settingsOf(pod, container) {
      const resources = given.get(pod.metadata?.uid ?? '')?.get(container.name);
      if (!resources) return undefined;
      for (const [resource, devices] of resources) {
        const found = inventory.pluginOf(resource);
        if (!found?.preStart) continue;
        await found.plugin.preStart(idsOf(devices)).catch((error: unknown) => {
          throw new Error(`device plugin PreStartContainer rpc failed with err: ${(error as Error).message}`, { cause: error });
        });
      }
      return deviceSettings(
        [...resources.values()].map(({ response }) => response),
        (what, name) => logger.error(`Device plugins want the same ${what} to be different`, { name, container: container.name }),
      );
    },
    givenTo: (podUid, container) => given.get(podUid)?.get(container) ?? NOTHING,
    healthy,
    known: () => [...given.keys()],
    async release(podUid) {
      if (!given.has(podUid)) return;
      given = withoutPod(given, podUid);
      await keep();
    },
    amounts: () => inventory.amounts(),
    withDevices(node) {
      const resources = new Set([
        ...inventory.names(),
        ...[...given.values()].flatMap((pod) => [...pod.values()].flatMap((of) => [...of.keys()])),
      ]);
      if (resources.size === 0) return node;
      const all = healthy();
      const counts = [...resources].map((name): [string, string] => [
        name,
        String(Math.max(all.get(name)?.size ?? 0, allGiven(given, name).size)),
      ]);
      const status = node.status ?? {};
      return { ...node, status: { ...status, allocatable: { ...status.allocatable, ...Object.fromEntries(counts) } } };
    },
    handler: {
      async register({ name, endpoint, versions }) {
        if (!versions.some((version) => version === 'v1beta1')) checkVersion(versions.join(', '));
        checkResourceName(name);
        const plugin = createDevicePlugin(endpoint);
        try {
          connect(name, endpoint, await plugin.abilities());
          endpoints.set(name, endpoint);
        } finally {
          plugin.close();
        }
      },
      async deregister({ name, endpoint }) {
        // A newer one of the same name has another socket.
        if (endpoints.get(name) !== endpoint) return;
        endpoints.delete(name);
        inventory.disconnect(name);
      },
    },
    component: {
      ...registration,
      start(signal) {
        signal.addEventListener('abort', () => inventory.close(), { once: true });
        return registration.start(signal);
      },
    },
  };
}

/** Puts others in the place of what was planned, for those too that are to have them afterwards. */
function exchange(taken: TakenDevices[], index: number, chosen: readonly string[]): void {
  const { ids, resource } = taken[index]!;
  const added = chosen.filter((id) => !ids.includes(id));
  const swap = new Map(ids.filter((id) => !chosen.includes(id)).map((id, i) => [id, added[i]!]));
  taken[index] = { ...taken[index]!, ids: chosen };
  for (let i = index + 1; i < taken.length; i++) {
    const later = taken[i]!;
    if (later.resource !== resource) continue;
    const swapped = (all: Iterable<string>) => [...all].map((id) => (later.reused.has(id) ? (swap.get(id) ?? id) : id));
    taken[i] = {
      ...later,
      ids: swapped(later.ids),
      choice: new Set(swapped(later.choice)),
      reused: new Set(swapped(later.reused)),
    };
  }
}
