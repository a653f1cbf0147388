import type { V1Container, V1PersistentVolume, V1Pod, V1Volume } from '../../api/gen/types.ts';

export const MIRROR_POD = 'kubernetes.io/config.mirror';

/** Names of other objects, all in the pod's namespace, that a pod makes its kubelet read. */
export interface PodReferences {
  readonly secrets: ReadonlySet<string>;
  readonly configMaps: ReadonlySet<string>;
  readonly claims: ReadonlySet<string>;
  readonly resourceClaims: ReadonlySet<string>;
  readonly serviceAccount: string;
}

/** Collects them (pkg/api/v1/pod: VisitPodSecretNames, VisitPodConfigmapNames). */
export function referencesOf(pod: V1Pod): PodReferences {
  const secrets = new Set<string>();
  const configMaps = new Set<string>();
  const claims = new Set<string>();
  const spec = pod.spec;
  for (const { name } of spec?.imagePullSecrets ?? []) add(secrets, name);
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? []), ...(spec?.ephemeralContainers ?? [])];
  for (const container of containers as V1Container[]) {
    for (const source of container.envFrom ?? []) {
      add(secrets, source.secretRef?.name);
      add(configMaps, source.configMapRef?.name);
    }
    for (const { valueFrom } of container.env ?? []) {
      add(secrets, valueFrom?.secretKeyRef?.name);
      add(configMaps, valueFrom?.configMapKeyRef?.name);
    }
  }
  for (const volume of spec?.volumes ?? []) {
    for (const name of volumeSecrets(volume)) add(secrets, name);
    add(configMaps, volume.configMap?.name);
    for (const source of volume.projected?.sources ?? []) add(configMaps, source.configMap?.name);
    add(claims, volume.persistentVolumeClaim?.claimName);
    if (volume.ephemeral) add(claims, `${pod.metadata?.name}-${volume.name}`);
  }
  return { secrets, configMaps, claims, resourceClaims: resourceClaimsOf(pod), serviceAccount: spec?.serviceAccountName ?? '' };
}

function add(names: Set<string>, name: string | undefined): void {
  if (name) names.add(name);
}

function volumeSecrets(volume: V1Volume): (string | undefined)[] {
  return [
    volume.secret?.secretName,
    volume.azureFile?.secretName,
    volume.cephfs?.secretRef?.name,
    volume.cinder?.secretRef?.name,
    volume.flexVolume?.secretRef?.name,
    volume.rbd?.secretRef?.name,
    volume.scaleIO?.secretRef?.name,
    volume.iscsi?.secretRef?.name,
    volume.storageos?.secretRef?.name,
    volume.csi?.nodePublishSecretRef?.name,
    ...(volume.projected?.sources ?? []).map((source) => source.secret?.name),
  ];
}

function resourceClaimsOf(pod: V1Pod): Set<string> {
  const names = new Set<string>();
  for (const claim of pod.spec?.resourceClaims ?? []) {
    const made = pod.status?.resourceClaimStatuses?.find((status) => status.name === claim.name)?.resourceClaimName;
    add(names, claim.resourceClaimName ?? made);
  }
  add(names, pod.status?.extendedResourceClaimStatus?.resourceClaimName);
  return names;
}

/** Secrets (as `namespace/name`) that a kubelet needs for a bound volume (pkg/api/v1/persistentvolume: VisitPVSecretNames). */
export function volumeSecretKeys({ spec }: V1PersistentVolume): string[] {
  const home = spec?.claimRef?.namespace ?? '';
  const references = [
    spec?.cephfs?.secretRef,
    spec?.cinder?.secretRef,
    spec?.flexVolume?.secretRef,
    spec?.rbd?.secretRef,
    spec?.scaleIO?.secretRef,
    spec?.iscsi?.secretRef,
    spec?.storageos?.secretRef,
    spec?.csi?.nodePublishSecretRef,
    spec?.csi?.nodeStageSecretRef,
    spec?.csi?.nodeExpandSecretRef,
    spec?.azureFile && { name: spec.azureFile.secretName, namespace: spec.azureFile.secretNamespace },
  ];
  return references.flatMap((ref) => (ref?.name ? [`${ref.namespace || home}/${ref.name}`] : []));
}
