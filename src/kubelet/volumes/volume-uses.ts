import type { V1Container, V1PersistentVolumeSpec, V1Pod, V1Volume } from '../../api/gen/types.ts';

type AnyContainer = Pick<V1Container, 'volumeMounts' | 'volumeDevices'>;

/** Which of the pod's volumes its containers mount, and which they want as devices. */
export function volumeUses({ spec }: V1Pod): { readonly mounted: ReadonlySet<string>; readonly devices: ReadonlySet<string> } {
  const containers: AnyContainer[] = [
    ...(spec?.initContainers ?? []),
    ...(spec?.containers ?? []),
    ...(spec?.ephemeralContainers ?? []),
  ];
  return {
    mounted: new Set(containers.flatMap(({ volumeMounts = [] }) => volumeMounts.map(({ name }) => name))),
    devices: new Set(containers.flatMap(({ volumeDevices = [] }) => volumeDevices.map(({ name }) => name))),
  };
}

/** The volumes that some container uses, in the order of the spec: others are never made. */
export function usedVolumes(pod: V1Pod): V1Volume[] {
  const { mounted, devices } = volumeUses(pod);
  return (pod.spec?.volumes ?? []).filter(({ name }) => mounted.has(name) || devices.has(name));
}

export type KindName =
  | 'emptyDir'
  | 'configMap'
  | 'secret'
  | 'downwardAPI'
  | 'projected'
  | 'hostPath'
  | 'image'
  | 'nfs'
  | 'csi'
  | 'local';

const OF_PODS: readonly KindName[] = [
  'emptyDir',
  'configMap',
  'secret',
  'downwardAPI',
  'projected',
  'hostPath',
  'image',
  'nfs',
  'csi',
];
const PERSISTENT: readonly KindName[] = ['hostPath', 'local', 'nfs', 'csi'];

/** What kind a volume is of. @throws Error naming a kind that is not supported */
export function kindOfVolume(volume: V1Volume): KindName | 'claim' {
  if (volume.persistentVolumeClaim || volume.ephemeral) return 'claim';
  return supported(volume, OF_PODS, ['name']);
}

export function kindOfPersistentVolume(spec: V1PersistentVolumeSpec): KindName {
  return supported(spec, PERSISTENT, NO_SOURCE);
}

/** Fields of a PersistentVolume's spec that say nothing of where it is. */
const NO_SOURCE = [
  'accessModes',
  'capacity',
  'claimRef',
  'mountOptions',
  'nodeAffinity',
  'persistentVolumeReclaimPolicy',
  'storageClassName',
  'volumeAttributesClassName',
  'volumeMode',
];

function supported(object: object, kinds: readonly KindName[], others: readonly string[]): KindName {
  const given = Object.entries(object).flatMap(([field, value]) =>
    value === undefined || others.includes(field) ? [] : [field],
  );
  const kind = kinds.find((name) => given.includes(name));
  if (kind) return kind;
  // A volume that says nothing is an emptyDir (the API server's default).
  if (given.length === 0 && kinds.includes('emptyDir')) return 'emptyDir';
  throw new Error(`no volume plugin matched: this kubelet does not support volumes of kind ${given.join(', ') || '(none)'}`);
}
