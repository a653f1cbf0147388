import type { V1PersistentVolumeClaim, V1StorageClass } from '../../api/gen/types.ts';
import { compareQuantities, parseQuantity } from '../../api/machinery/quantity.ts';
import { storageClassKind } from '../../api/storage/v1/storage-class.ts';
import type { AdmissionPlugin, ObjectReader } from '../contracts.ts';
import { isAbout, refuse } from './refusal.ts';

const BETA_CLASS = 'volume.beta.kubernetes.io/storage-class';

/** Claims grow only where their class says that volumes can (plugin/pkg/admission/storage/persistentvolume/resize). */
export function createPersistentVolumeClaimResize(reader: ObjectReader): AdmissionPlugin {
  return {
    name: 'PersistentVolumeClaimResize',
    handles: (attributes) => attributes.operation === 'UPDATE' && isAbout(attributes, 'persistentvolumeclaims'),
    async validate(attributes) {
      const claim = attributes.object as unknown as V1PersistentVolumeClaim;
      const before = attributes.oldObject as unknown as V1PersistentVolumeClaim;
      if (compareQuantities(sizeOf(claim), sizeOf(before)) <= 0) return;
      if (before.status?.phase !== 'Bound') throw refuse(attributes, 'Only bound persistent volume claims can be expanded');
      const name = classOf(claim);
      const found = name && name === classOf(before) ? reader.get(storageClassKind, '', name) : undefined;
      if ((found as unknown as V1StorageClass | undefined)?.allowVolumeExpansion) return;
      throw refuse(
        attributes,
        'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
      );
    },
  };
}

const sizeOf = ({ spec }: V1PersistentVolumeClaim) => parseQuantity(spec?.resources?.requests?.['storage'] ?? '0');
const classOf = ({ metadata, spec }: V1PersistentVolumeClaim) =>
  metadata?.annotations?.[BETA_CLASS] ?? spec?.storageClassName ?? '';
