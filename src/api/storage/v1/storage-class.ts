import type { V1StorageClass } from '../../gen/types.ts';
import { ageColumn, booleanColumn, nameColumn, textColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { storageClassWarnings, validateStorageClass, validateStorageClassUpdate } from './storage-class-validation.ts';

export const storageClassKind = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'StorageClass',
  resource: 'storageclasses',
  namespaced: false,
  shortNames: ['sc'],
  columns: [
    {
      ...nameColumn,
      cell: ({ metadata }) =>
        metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true' ||
        metadata.annotations?.['storageclass.beta.kubernetes.io/is-default-class'] === 'true'
          ? `${metadata.name} (default)`
          : (metadata.name ?? ''),
    },
    textColumn<V1StorageClass>('Provisioner', 'Who makes its volumes.', ({ provisioner }) => provisioner),
    textColumn<V1StorageClass>(
      'ReclaimPolicy',
      'What becomes of volumes without claim.',
      ({ reclaimPolicy }) => reclaimPolicy ?? 'Delete',
    ),
    textColumn<V1StorageClass>(
      'VolumeBindingMode',
      'When volumes are made.',
      ({ volumeBindingMode }) => volumeBindingMode ?? 'Immediate',
    ),
    {
      ...booleanColumn<V1StorageClass>(
        'AllowVolumeExpansion',
        'Whether volumes can grow.',
        ({ allowVolumeExpansion }) => allowVolumeExpansion ?? false,
      ),
      type: 'string',
    },
    ageColumn,
  ],
  setDefaults: (object) => {
    object['reclaimPolicy'] ??= 'Delete';
    object['volumeBindingMode'] ??= 'Immediate';
  },
  validate: validateStorageClass,
  warnings: storageClassWarnings,
  validateUpdate: validateStorageClassUpdate,
});
