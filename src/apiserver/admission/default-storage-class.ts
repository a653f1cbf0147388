import type { V1PersistentVolumeClaim } from '../../api/gen/types.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { storageClassKind } from '../../api/storage/v1/storage-class.ts';
import type { AdmissionPlugin, ObjectReader } from '../contracts.ts';
import { newestOf } from './newest-default.ts';
import { isAbout } from './refusal.ts';

const DEFAULT = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'];
const BETA_CLASS = 'volume.beta.kubernetes.io/storage-class';

/** A claim that names no class gets the default one (plugin/pkg/admission/storage/storageclass/setdefault). */
export function createDefaultStorageClass(reader: ObjectReader): AdmissionPlugin {
  return {
    name: 'DefaultStorageClass',
    handles: (attributes) => attributes.operation === 'CREATE' && isAbout(attributes, 'persistentvolumeclaims'),
    async admit({ object }) {
      const { metadata, spec } = object as unknown as V1PersistentVolumeClaim;
      // An empty name is a wish, too: no class.
      if (!spec || spec.storageClassName !== undefined || metadata?.annotations?.[BETA_CLASS] !== undefined) return;
      const chosen = newestOf(reader.list(storageClassKind).filter(isDefault));
      if (chosen?.metadata.name) spec.storageClassName = chosen.metadata.name;
    },
  };
}

const isDefault = ({ metadata }: DynamicObject) => DEFAULT.some((annotation) => metadata.annotations?.[annotation] === 'true');
