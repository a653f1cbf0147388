import type { V1CSIDriver } from '../../gen/types.ts';
import { ageColumn, booleanColumn, NONE, nameColumn, orElse, textColumn, UNSET } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { validateCsiDriver, validateCsiDriverUpdate } from './csi-validation.ts';

/** What the release has behind a switch that is off. */
function dropUnserved(object: DynamicObject): void {
  delete (object as unknown as V1CSIDriver).spec.preventPodSchedulingIfMissing;
}

export const csiDriverKind = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIDriver',
  resource: 'csidrivers',
  namespaced: false,
  hasGeneration: true,
  columns: [
    nameColumn,
    booleanColumn<V1CSIDriver>(
      'AttachRequired',
      'Whether volumes are attached first.',
      ({ spec }) => spec.attachRequired ?? true,
    ),
    booleanColumn<V1CSIDriver>('PodInfoOnMount', 'Whether it is told about the pod.', ({ spec }) => spec.podInfoOnMount ?? false),
    booleanColumn<V1CSIDriver>('StorageCapacity', 'Whether capacity is looked at.', ({ spec }) => spec.storageCapacity ?? false),
    textColumn<V1CSIDriver>('TokenRequests', 'Audiences of tokens it wants.', ({ spec }) =>
      spec.tokenRequests ? spec.tokenRequests.map(({ audience }) => audience).join(',') : UNSET,
    ),
    booleanColumn<V1CSIDriver>(
      'RequiresRepublish',
      'Whether it is called again and again.',
      ({ spec }) => spec.requiresRepublish ?? false,
    ),
    textColumn<V1CSIDriver>('Modes', 'Kinds of volumes it serves.', ({ spec }) =>
      orElse(spec.volumeLifecycleModes?.join(','), NONE),
    ),
    ageColumn,
  ],
  setDefaults: (object) => {
    const { spec } = object as unknown as V1CSIDriver;
    spec.attachRequired ??= true;
    spec.podInfoOnMount ??= false;
    spec.storageCapacity ??= false;
    spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType';
    spec.requiresRepublish ??= false;
    spec.seLinuxMount ??= false;
    if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ['Persistent'];
  },
  prepareForCreate: (object) => {
    dropUnserved(object);
    // The first change of it makes its first generation.
    delete object.metadata.generation;
  },
  prepareForUpdate: dropUnserved,
  validate: validateCsiDriver,
  validateUpdate: validateCsiDriverUpdate,
});
