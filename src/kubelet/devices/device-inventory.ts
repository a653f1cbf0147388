import type { Clock } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import type { Device, DevicePlugin, DevicePluginAbilities } from './device-plugin.ts';

export interface DeviceInventoryOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called when the node has more or fewer devices than before. */
  readonly changed: () => void;
}

/** For `Node.status`: how many devices there are of each resource. */
export interface DeviceAmounts {
  readonly capacity: Readonly<Record<string, string>>;
  /** Those that are healthy. */
  readonly allocatable: Readonly<Record<string, string>>;
}

interface Resource {
  plugin?: DevicePlugin;
  abilities: DevicePluginAbilities;
  devices: ReadonlyMap<string, Device>;
  /** When its plugin was last lost. */
  lostAtMs: number;
  end?: AbortController;
}

/** A plugin that is away for longer (an update of it) has left for good. Upstream's endpointStopGracePeriod. */
const GRACE_MS = 5 * 60_000;
const NO_ABILITIES: DevicePluginAbilities = { preStart: false, preferred: false };

/** The device plugins of a node, and what each says that there is. */
export class DeviceInventory {
  readonly #resources = new Map<string, Resource>();
  /** Their plugins have been away for too long; the node goes on to say that it has none. */
  readonly #gone = new Set<string>();
  readonly #options: DeviceInventoryOptions;

  constructor(options: DeviceInventoryOptions) {
    this.#options = options;
  }

  /** A resource of before a restart: the node has none of it until its plugin comes back. */
  expect(resource: string): void {
    const lostAtMs = this.#options.clock.now();
    if (!this.#resources.has(resource)) this.#resources.set(resource, { abilities: NO_ABILITIES, devices: new Map(), lostAtMs });
  }

  /** Takes a plugin in, in place of one of the same resource, whose devices stay until it has told of its own. */
  connect(resource: string, plugin: DevicePlugin, abilities: DevicePluginAbilities): void {
    const before = this.#resources.get(resource);
    before?.end?.abort();
    before?.plugin?.close();
    const end = new AbortController();
    const entry: Resource = { plugin, abilities, devices: before?.devices ?? new Map(), lostAtMs: 0, end };
    this.#resources.set(resource, entry);
    this.#gone.delete(resource);
    void this.#follow(resource, entry, plugin, end.signal);
  }

  async #follow(resource: string, entry: Resource, plugin: DevicePlugin, signal: AbortSignal): Promise<void> {
    const { logger } = this.#options;
    try {
      for await (const devices of plugin.devices(signal)) {
        if (signal.aborted) return;
        entry.devices = devices;
        logger.info('Device plugin told of its devices', { resource, devices: devices.size });
        this.#options.changed();
      }
      logger.warn('ListAndWatch of a device plugin ended', { resource });
    } catch (error) {
      if (!signal.aborted) logger.error('ListAndWatch of a device plugin ended unexpectedly', { resource, err: error });
    }
    if (signal.aborted) return; // whoever ended it has seen to what follows
    this.#lose(resource, entry);
  }

  #lose(resource: string, entry: Resource): void {
    // Another one has taken its place.
    if (this.#resources.get(resource) !== entry || !entry.plugin) return;
    entry.plugin.close();
    delete entry.plugin;
    entry.abilities = NO_ABILITIES;
    entry.lostAtMs = this.#options.clock.now();
    entry.devices = new Map([...entry.devices].map(([id, device]) => [id, { ...device, healthy: false }]));
    this.#options.changed();
  }

  /** Ends a plugin that has said that it goes. */
  disconnect(resource: string): void {
    const entry = this.#resources.get(resource);
    if (!entry) return;
    entry.end?.abort();
    this.#lose(resource, entry);
  }

  /** Undefined: no plugin's resource. */
  devicesOf(resource: string): ReadonlyMap<string, Device> | undefined {
    return this.#resources.get(resource)?.devices;
  }

  /** Undefined while the plugin is away. */
  pluginOf(resource: string): (DevicePluginAbilities & { readonly plugin: DevicePlugin }) | undefined {
    const { plugin, abilities } = this.#resources.get(resource) ?? {};
    return plugin && abilities && { plugin, ...abilities };
  }

  names(): readonly string[] {
    return [...this.#resources.keys()];
  }

  /** Also forgets the resources whose plugins have been away for too long: the node says once and again that it has none. */
  amounts(): DeviceAmounts {
    const capacity: Record<string, string> = {};
    const allocatable: Record<string, string> = {};
    const nowMs = this.#options.clock.now();
    for (const [resource, { plugin, devices, lostAtMs }] of this.#resources) {
      if (!plugin && nowMs - lostAtMs > GRACE_MS) {
        this.#resources.delete(resource);
        this.#gone.add(resource);
        continue;
      }
      capacity[resource] = String(devices.size);
      allocatable[resource] = String([...devices.values()].filter(({ healthy }) => healthy).length);
    }
    for (const resource of this.#gone) {
      capacity[resource] = '0';
      allocatable[resource] = '0';
    }
    return { capacity, allocatable };
  }

  close(): void {
    for (const { plugin, end } of this.#resources.values()) {
      end?.abort();
      plugin?.close();
    }
  }
}
