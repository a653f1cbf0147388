import { join } from 'node:path';
import type { V1Pod } from '../../api/gen/types.ts';
import type { Mounts } from '../../host/mounts.ts';
import { Backoff } from '../../std/backoff.ts';
import { deferred } from '../../std/lifecycle.ts';
import type { ObjectReader } from '../pods/object-reader.ts';
import type { PodImages, PodPartContext } from '../pods/pod-parts.ts';
import { createCsiDrivers } from './csi/csi-drivers.ts';
import { createCsiKind } from './csi/csi-kind.ts';
import { createCsiNodeObject } from './csi/csi-node-object.ts';
import { createPluginWatcher, type PluginHandler } from './csi/plugin-watcher.ts';
import { createEmptyDir } from './empty-dir.ts';
import { createHostPath } from './host-path.ts';
import { createImageVolume, mountsImages } from './image-volume.ts';
import { createLocal, createNfs } from './mounted-kinds.ts';
import { createPayloadVolume } from './payload-volume.ts';
import type { ServiceAccountTokens } from './service-account-tokens.ts';
import type { VolumeCalls } from './volume-calls.ts';
import type { VolumeKind } from './volume-kind.ts';
import type { KindName } from './volume-uses.ts';

export interface VolumeKindsOptions {
  readonly context: PodPartContext;
  readonly mounts: Mounts;
  readonly calls: VolumeCalls;
  readonly images: PodImages | undefined;
  /** Of plugins that are no CSI drivers, by type. */
  readonly plugins: Readonly<Record<string, PluginHandler>>;
  readonly objects: ObjectReader;
  readonly tokens: ServiceAccountTokens;
  readonly onStale: (pod: V1Pod, volumeName: string, error: Error) => void;
}

/** All kinds of volumes that this kubelet knows. */
export interface VolumeKinds {
  get(name: KindName): VolumeKind;
  /** Gives back what umount(8) alone does not, of a pod whose directory this is. */
  release(podDirectory: string): Promise<void>;
  volumesInUse(): readonly string[];
  /** Resolves when the plugins that are there have been asked. */
  start(signal: AbortSignal): Promise<void>;
  readonly done: Promise<void>;
}

export function createVolumeKinds(options: VolumeKindsOptions): VolumeKinds {
  const { context, mounts, calls, images, plugins, objects, tokens, onStale } = options;
  const allocatable = () => context.node()?.status?.allocatable ?? {};
  const csiNode = createCsiNodeObject(context.client, context.nodeName, context.node);
  const drivers = createCsiDrivers(csiNode);
  const csi = createCsiKind({ context, drivers, objects, tokens });
  const payload = { mounts, allocatable, objects, tokens, clock: context.clock, onStale };
  const kinds: Readonly<Record<KindName, VolumeKind>> = {
    emptyDir: createEmptyDir({ mounts, allocatable }),
    configMap: createPayloadVolume('kubernetes.io/configmap', '', payload),
    secret: createPayloadVolume('kubernetes.io/secret', 'Memory', payload),
    downwardAPI: createPayloadVolume('kubernetes.io/downward-api', 'Memory', payload),
    projected: createPayloadVolume('kubernetes.io/projected', 'Memory', payload),
    hostPath: createHostPath(calls),
    image: createImageVolume(images, () => mountsImages(context.runtime.version)),
    nfs: createNfs(mounts),
    local: createLocal(mounts, calls),
    csi,
  };
  const registry = createPluginWatcher({
    directory: join(context.paths.root, 'plugins_registry'),
    handlers: { ...plugins, CSIPlugin: drivers },
    clock: context.clock,
    logger: context.logger,
    random: context.random,
  });
  const done = deferred();

  /** CSINode tells schedulers that this node has no drivers yet. Until it is made, nothing else waits for it. */
  async function announce(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ initialMs: 500, maxMs: 60_000, random: context.random });
    while (!signal.aborted) {
      try {
        await csiNode.ensure();
        return;
      } catch (error) {
        context.logger.warn('Failed to initialize CSINode', { node: context.nodeName, err: error });
      }
      await context.clock.sleep(backoff.next(), signal).catch(() => undefined); // aborted: the loop ends
    }
  }

  return {
    get: (name) => kinds[name],
    release: (podDirectory) => csi.release(podDirectory),
    volumesInUse: () => csi.volumesInUse(),
    async start(signal) {
      await registry.start(signal);
      const announced = announce(signal);
      Promise.all([registry.done, announced])
        .finally(() => drivers.close())
        .then(() => done.resolve(), done.reject);
    },
    done: done.promise,
  };
}
