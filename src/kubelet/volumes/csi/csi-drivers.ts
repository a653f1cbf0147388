/** The CSI drivers that run on this node. */
import { type CsiClient, createCsiClient } from './csi-client.ts';
import type { CsiNodeObject } from './csi-node-object.ts';
import type { PluginHandler, PluginInfo } from './plugin-watcher.ts';

export interface CsiDrivers extends PluginHandler {
  /** @throws Error in upstream's words for a driver that is not registered */
  get(name: string): CsiClient;
  close(): void;
}

export function createCsiDrivers(object: CsiNodeObject): CsiDrivers {
  const drivers = new Map<string, { readonly endpoint: string; readonly client: CsiClient }>();

  function forget(name: string): void {
    drivers.get(name)?.client.close();
    drivers.delete(name);
  }

  return {
    get(name) {
      const driver = drivers.get(name);
      if (!driver) throw new Error(`kubernetes.io/csi: driver name ${name} not found in the list of registered CSI drivers`);
      return driver.client;
    },
    async register({ name, endpoint, versions }: PluginInfo) {
      checkDriver(name, versions);
      forget(name);
      const client = createCsiClient(endpoint);
      drivers.set(name, { endpoint, client });
      try {
        const info = await client.call('NodeGetInfo', {});
        if (info.node_id === '') throw new Error(`kubernetes.io/csi: driver ${name} tells no node_id`);
        await object.add({
          name,
          nodeId: info.node_id,
          maxVolumes: info.max_volumes_per_node,
          topology: info.accessible_topology?.segments ?? {},
        });
      } catch (error) {
        forget(name);
        throw error;
      }
    },
    async deregister({ name, endpoint }) {
      // A newer one of the same name has another socket.
      if (drivers.get(name)?.endpoint !== endpoint) return;
      forget(name);
      await object.remove(name);
    },
    close() {
      for (const name of [...drivers.keys()]) forget(name);
    },
  };
}

/** The name becomes a directory; of the versions one must be csi.v1. */
function checkDriver(name: string, versions: readonly string[]): void {
  if (!/^[a-zA-Z0-9]([-a-zA-Z0-9.]{0,61}[a-zA-Z0-9])?$/.test(name))
    throw new Error(`kubernetes.io/csi: ${JSON.stringify(name)} is no name of a CSI driver`);
  if (versions.length === 0) throw new Error('rpc error: one or more CSI driver versions must be registered');
  if (!versions.some((version) => /^v?1(\.|$)/.test(version)))
    throw new Error(`kubernetes.io/csi: driver ${name} supports no version of csi.v1: ${versions.join(', ')}`);
}
