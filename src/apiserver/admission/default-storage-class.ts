import type { V1PersistentVolumeClaim, V1StorageClass } from '../../api/gen/types.ts';
import { defaultStorageClass, wantsDefaultClass } from '../../api/storage/v1/default-storage-class.ts';
import { storageClassKind } from '../../api/storage/v1/storage-class.ts';
import type { AdmissionPlugin, ObjectReader } from '../contracts.ts';
import { isAbout } from './refusal.ts';

/** A claim that names no class gets the default one (plugin/pkg/admission/storage/storageclass/setdefault). */
export function createDefaultStorageClass(reader: ObjectReader): AdmissionPlugin {
  return {
    name: 'DefaultStorageClass',
    handles: (attributes) => attributes.operation === 'CREATE' && isAbout(attributes, 'persistentvolumeclaims'),
    async admit({ object }) {
      const claim = object as unknown as V1PersistentVolumeClaim;
      if (!claim.spec || !wantsDefaultClass(claim)) return;
      const chosen = defaultStorageClass(reader.list(storageClassKind) as unknown as V1StorageClass[]);
      if (chosen?.metadata?.name) claim.spec.storageClassName = chosen.metadata.name;
    },
  };
}
