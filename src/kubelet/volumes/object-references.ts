import type { V1Pod, V1Volume } from '../../api/gen/types.ts';

export interface ObjectReference {
  readonly kind: 'configMap' | 'secret';
  readonly name: string;
}

/** The ConfigMaps and Secrets that a pod names, each once: all that its kubelet may read for it. */
export function objectReferences({ spec }: V1Pod): ObjectReference[] {
  const found = new Map<string, ObjectReference>();
  const add = (kind: ObjectReference['kind'], name: string | undefined) => {
    if (name) found.set(`${kind}/${name}`, { kind, name });
  };
  for (const { name } of spec?.imagePullSecrets ?? []) add('secret', name);
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? []), ...(spec?.ephemeralContainers ?? [])];
  for (const { env = [], envFrom = [] } of containers) {
    for (const { valueFrom } of env) {
      add('configMap', valueFrom?.configMapKeyRef?.name);
      add('secret', valueFrom?.secretKeyRef?.name);
    }
    for (const { configMapRef, secretRef } of envFrom) {
      add('configMap', configMapRef?.name);
      add('secret', secretRef?.name);
    }
  }
  for (const volume of spec?.volumes ?? []) addOfVolume(volume, add);
  return [...found.values()];
}

function addOfVolume(volume: V1Volume, add: (kind: ObjectReference['kind'], name: string | undefined) => void): void {
  add('configMap', volume.configMap?.name);
  add('secret', volume.secret?.secretName);
  add('secret', volume.csi?.nodePublishSecretRef?.name);
  for (const { configMap, secret } of volume.projected?.sources ?? []) {
    add('configMap', configMap?.name);
    add('secret', secret?.name);
  }
}
