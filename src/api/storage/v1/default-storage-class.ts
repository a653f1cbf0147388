import { OLD_CLASS } from '../../core/v1/volume-binding.ts';
import type { V1PersistentVolumeClaim, V1StorageClass } from '../../gen/types.ts';
import { newestOf } from '../../machinery/newest-default.ts';

const DEFAULT = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'];

/** The class of claims that name none. */
export function defaultStorageClass(classes: readonly V1StorageClass[]): V1StorageClass | undefined {
  return newestOf(classes.filter(({ metadata }) => DEFAULT.some((name) => metadata?.annotations?.[name] === 'true')));
}

/** Whether a claim leaves its class to others. An empty name is a wish, too: no class. */
export function wantsDefaultClass({ metadata, spec }: V1PersistentVolumeClaim): boolean {
  return spec?.storageClassName === undefined && metadata?.annotations?.[OLD_CLASS] === undefined;
}
