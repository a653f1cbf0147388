import { persistentVolumeKind } from '../../api/core/v1/persistent-volume.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import { MIRROR_POD, referencesOf, volumeSecretKeys } from '../../api/core/v1/pod-references.ts';
import type { V1PersistentVolume, V1Pod, V1ResourceSlice, V1VolumeAttachment } from '../../api/gen/types.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { resourceSliceKind } from '../../api/resource/v1/resource-slice.ts';
import { volumeAttachmentKind } from '../../api/storage/v1/volume-attachment.ts';
import type { ObjectReader } from '../contracts.ts';

export type RelatedKind =
  | 'secrets'
  | 'configmaps'
  | 'persistentvolumeclaims'
  | 'persistentvolumes'
  | 'resourceclaims'
  | 'serviceaccounts'
  | 'volumeattachments'
  | 'resourceslices'
  | 'pods';

interface Filed {
  readonly node: string;
  readonly keys: readonly string[];
}

/**
 * What a node has to do with, through the pods bound to it:
 *
 *     node ← pod ← secret, configmap, serviceaccount, resourceclaim
 *            pod ← claim ← volume ← secret
 *     node ← volumeattachment, resourceslice
 *
 * The first line is a counter for each object of each node, kept by subscription; the other two are looked up.
 */
export class NodeGraph {
  /** node → `secrets/ns/name` → how many pods of the node refer to it. */
  #related = new Map<string, Map<string, number>>();
  #pods = new Map<string, Filed>();
  /** `ns/secret` → volumes that need it. */
  #volumesOfSecret = new Map<string, Set<string>>();
  #secretsOfVolume = new Map<string, readonly string[]>();
  #reader: ObjectReader;
  #loaded = false;
  #unsubscribe: readonly (() => void)[];

  constructor(reader: ObjectReader) {
    this.#reader = reader;
    this.#unsubscribe = [
      reader.subscribe(podKind, (change) => {
        // Pods that no node has yet, which come in great numbers, need not be parsed: they open nothing.
        if (change.mayHave?.('nodeName') === false) return;
        const { object, previous } = change;
        if (object) this.#putPod(object);
        else if (previous) this.#removePod(previous);
      }),
      reader.subscribe(persistentVolumeKind, ({ object, previous }) => {
        if (object) this.#putVolume(object);
        else if (previous) this.#removeVolume(previous);
      }),
    ];
  }

  /** Whether an object is there for one of the node's pods, or is one. */
  isRelated(node: string, kind: RelatedKind, namespace: string, name: string): boolean {
    this.#load();
    switch (kind) {
      case 'persistentvolumes':
        return this.#hasVolume(node, name);
      case 'volumeattachments': {
        const attachment = this.#reader.get(volumeAttachmentKind, '', name) as unknown as V1VolumeAttachment | undefined;
        return attachment?.spec.nodeName === node;
      }
      case 'resourceslices': {
        const slice = this.#reader.get(resourceSliceKind, '', name) as unknown as V1ResourceSlice | undefined;
        return slice?.spec?.nodeName === node;
      }
      case 'pods':
        return this.#pods.get(`${namespace}/${name}`)?.node === node;
      case 'secrets':
        return (
          this.#has(node, `secrets/${namespace}/${name}`) ||
          [...(this.#volumesOfSecret.get(`${namespace}/${name}`) ?? [])].some((volume) => this.#hasVolume(node, volume))
        );
      default:
        return this.#has(node, `${kind}/${namespace}/${name}`);
    }
  }

  close(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  #has(node: string, key: string): boolean {
    return this.#related.get(node)?.has(key) ?? false;
  }

  #hasVolume(node: string, name: string): boolean {
    const volume = this.#reader.get(persistentVolumeKind, '', name) as unknown as V1PersistentVolume | undefined;
    const claim = volume?.spec?.claimRef;
    return claim !== undefined && this.#has(node, `persistentvolumeclaims/${claim.namespace}/${claim.name}`);
  }

  /** What was there before the subscriptions; the cache may be filled only after this was made, so not in the constructor. */
  #load(): void {
    if (this.#loaded) return;
    this.#loaded = true;
    for (const pod of this.#reader.list(podKind)) this.#putPod(pod);
    for (const volume of this.#reader.list(persistentVolumeKind)) this.#putVolume(volume);
  }

  #putPod(object: DynamicObject): void {
    const pod = object as unknown as V1Pod;
    const node = pod.spec?.nodeName;
    const known = this.#pods.get(podKeyOf(object));
    const keys = node ? relatedKeys(pod) : [];
    // Status updates, by far the most, change nothing here.
    if (known && known.node === node && known.keys.length === keys.length && keys.every((key, i) => key === known.keys[i]))
      return;
    this.#removePod(object);
    if (!node) return;
    const counts = this.#related.get(node) ?? new Map<string, number>();
    this.#related.set(node, counts);
    for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
    this.#pods.set(podKeyOf(object), { node, keys });
  }

  #removePod(object: DynamicObject): void {
    const filed = this.#pods.get(podKeyOf(object));
    if (!filed) return;
    this.#pods.delete(podKeyOf(object));
    const counts = this.#related.get(filed.node);
    for (const key of filed.keys) {
      const left = (counts?.get(key) ?? 1) - 1;
      if (left) counts?.set(key, left);
      else counts?.delete(key);
    }
    if (counts?.size === 0) this.#related.delete(filed.node);
  }

  #putVolume(object: DynamicObject): void {
    this.#removeVolume(object);
    const secrets = volumeSecretKeys(object as unknown as V1PersistentVolume);
    const name = object.metadata.name ?? '';
    if (!secrets.length) return;
    this.#secretsOfVolume.set(name, secrets);
    for (const secret of secrets) {
      const volumes = this.#volumesOfSecret.get(secret) ?? new Set<string>();
      this.#volumesOfSecret.set(secret, volumes.add(name));
    }
  }

  #removeVolume({ metadata: { name = '' } }: DynamicObject): void {
    for (const secret of this.#secretsOfVolume.get(name) ?? []) {
      const volumes = this.#volumesOfSecret.get(secret);
      volumes?.delete(name);
      if (volumes?.size === 0) this.#volumesOfSecret.delete(secret);
    }
    this.#secretsOfVolume.delete(name);
  }
}

const podKeyOf = ({ metadata }: DynamicObject) => `${metadata.namespace}/${metadata.name}`;

/** What a bound pod opens to its node. A mirror pod, made by the node itself, opens nothing. */
function relatedKeys(pod: V1Pod): string[] {
  if (pod.metadata?.annotations?.[MIRROR_POD] !== undefined) return [];
  const references = referencesOf(pod);
  const at = (kind: RelatedKind, names: Iterable<string>) =>
    [...names].map((name) => `${kind}/${pod.metadata?.namespace}/${name}`);
  return [
    ...at('secrets', references.secrets),
    ...at('configmaps', references.configMaps),
    ...at('persistentvolumeclaims', references.claims),
    ...at('resourceclaims', references.resourceClaims),
    ...at('serviceaccounts', references.serviceAccount ? [references.serviceAccount] : []),
  ];
}
