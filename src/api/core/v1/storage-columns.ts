/** Columns of volumes and claims. */
import type { V1PersistentVolume, V1PersistentVolumeClaim } from '../../gen/types.ts';
import { ageColumn, nameColumn, orElse, textColumn, UNSET, wide } from '../../machinery/columns.ts';
import type { Column } from '../../machinery/kind.ts';

const ACCESS_MODES: readonly (readonly [string, string])[] = [
  ['ReadWriteOnce', 'RWO'],
  ['ReadOnlyMany', 'ROX'],
  ['ReadWriteMany', 'RWX'],
  ['ReadWriteOncePod', 'RWOP'],
];

export const formatAccessModes = (modes: readonly string[] = []) =>
  ACCESS_MODES.filter(([mode]) => modes.includes(mode))
    .map(([, short]) => short)
    .join(',');

/** Before it was a field, the class was an annotation. */
const BETA_CLASS = 'volume.beta.kubernetes.io/storage-class';

const storageClassOf = ({ metadata, spec }: V1PersistentVolume | V1PersistentVolumeClaim) =>
  metadata?.annotations?.[BETA_CLASS] ?? spec?.storageClassName ?? '';

const phaseOf = ({ metadata, status }: V1PersistentVolume | V1PersistentVolumeClaim) =>
  metadata?.deletionTimestamp ? 'Terminating' : (status?.phase ?? '');

export const persistentVolumeColumns: readonly Column[] = [
  nameColumn,
  textColumn<V1PersistentVolume>('Capacity', 'How much it holds.', ({ spec }) => spec?.capacity?.['storage'] ?? '0'),
  textColumn<V1PersistentVolume>('Access Modes', 'How it can be mounted.', ({ spec }) => formatAccessModes(spec?.accessModes)),
  textColumn<V1PersistentVolume>('Reclaim Policy', 'What becomes of it when its claim goes.', ({ spec }) =>
    orElse(spec?.persistentVolumeReclaimPolicy, ''),
  ),
  textColumn<V1PersistentVolume>('Status', 'Its phase.', phaseOf),
  textColumn<V1PersistentVolume>('Claim', 'The claim it is bound to.', ({ spec }) =>
    spec?.claimRef ? `${spec.claimRef.namespace ?? ''}/${spec.claimRef.name ?? ''}` : '',
  ),
  textColumn<V1PersistentVolume>('StorageClass', 'Its storage class.', storageClassOf),
  textColumn<V1PersistentVolume>('VolumeAttributesClass', 'Its attributes class.', ({ spec }) =>
    orElse(spec?.volumeAttributesClassName, UNSET),
  ),
  textColumn<V1PersistentVolume>('Reason', 'Why it is in its phase.', ({ status }) => status?.reason ?? ''),
  ageColumn,
  ...wide(textColumn<V1PersistentVolume>('VolumeMode', 'File system or block.', ({ spec }) => orElse(spec?.volumeMode, UNSET))),
];

export const persistentVolumeClaimColumns: readonly Column[] = [
  nameColumn,
  textColumn<V1PersistentVolumeClaim>('Status', 'Its phase.', phaseOf),
  textColumn<V1PersistentVolumeClaim>('Volume', 'The volume it is bound to.', ({ spec }) => spec?.volumeName ?? ''),
  textColumn<V1PersistentVolumeClaim>('Capacity', 'How much that holds.', ({ spec, status }) =>
    spec?.volumeName ? (status?.capacity?.['storage'] ?? '0') : '',
  ),
  textColumn<V1PersistentVolumeClaim>('Access Modes', 'How it can be mounted.', ({ spec, status }) =>
    spec?.volumeName ? formatAccessModes(status?.accessModes) : '',
  ),
  textColumn<V1PersistentVolumeClaim>('StorageClass', 'Its storage class.', storageClassOf),
  textColumn<V1PersistentVolumeClaim>('VolumeAttributesClass', 'Its attributes class.', ({ spec }) =>
    orElse(spec?.volumeAttributesClassName, UNSET),
  ),
  ageColumn,
  ...wide(
    textColumn<V1PersistentVolumeClaim>('VolumeMode', 'File system or block.', ({ spec }) => orElse(spec?.volumeMode, UNSET)),
  ),
];
