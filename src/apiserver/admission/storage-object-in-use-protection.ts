import type { AdmissionPlugin } from '../contracts.ts';
import { isAbout } from './refusal.ts';

const FINALIZERS: Readonly<Record<string, string>> = {
  persistentvolumes: 'kubernetes.io/pv-protection',
  persistentvolumeclaims: 'kubernetes.io/pvc-protection',
  'volumeattributesclasses.storage.k8s.io': 'kubernetes.io/vac-protection',
};

/**
 * Storage stays while it is used: a controller takes the finalizer off when it is not
 * (plugin/pkg/admission/storage/storageobjectinuseprotection).
 */
export function createStorageObjectInUseProtection(): AdmissionPlugin {
  return {
    name: 'StorageObjectInUseProtection',
    handles: (attributes) =>
      attributes.operation === 'CREATE' && Object.keys(FINALIZERS).some((resource) => isAbout(attributes, resource)),
    async admit({ kind, object }) {
      const { metadata } = object!;
      const finalizer = FINALIZERS[kind.group ? `${kind.resource}.${kind.group}` : kind.resource]!;
      if (!metadata.finalizers?.includes(finalizer)) metadata.finalizers = [...(metadata.finalizers ?? []), finalizer];
    },
  };
}
