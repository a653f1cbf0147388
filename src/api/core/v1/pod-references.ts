import type { V1Container, V1PersistentVolume, V1Pod, V1Volume, V1VolumeProjection } from '../../gen/types.ts';

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
  // Of several of one name the first one counts.
  const made = new Map(pod.status?.resourceClaimStatuses?.toReversed().map((status) => [status.name, status.resourceClaimName]));
  for (const claim of pod.spec?.resourceClaims ?? []) add(names, claim.resourceClaimName ?? made.get(claim.name));
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

const VOLUME_REFERENCES: readonly (readonly [source: keyof V1Volume, what: string])[] = [
  ['configMap', 'configmaps (via configmap volumes)'],
  ['secret', 'secrets (via secret volumes)'],
  ['csi', 'csidrivers (via CSI volumes)'],
  ['glusterfs', 'endpoints (via glusterFS volumes)'],
  ['persistentVolumeClaim', 'persistentvolumeclaims'],
  ['ephemeral', 'persistentvolumeclaims (via ephemeral volumes)'],
  ['azureFile', 'secrets (via azureFile volumes)'],
];
const PROJECTED_REFERENCES: readonly (readonly [source: keyof V1VolumeProjection, what: string])[] = [
  ['configMap', 'configmaps (via projected volumes)'],
  ['secret', 'secrets (via projected volumes)'],
  ['serviceAccountToken', 'serviceaccounts (via projected volumes)'],
  ['clusterTrustBundle', 'clustertrustbundles'],
  ['podCertificate', 'podcertificates'],
];

/**
 * What of the API a pod needs, in the plural; undefined: nothing. Nodes may not get at objects by pods that they make, and pods that
 * run without an API server can have none (pkg/api/pod HasAPIObjectReference).
 */
export function apiReferenceOf(pod: V1Pod): string | undefined {
  const { secrets, configMaps, serviceAccount } = referencesOf(pod);
  if (serviceAccount) return 'serviceaccounts';
  if (secrets.size) return 'secrets';
  if (configMaps.size) return 'configmaps';
  if (pod.spec?.resourceClaims?.length) return 'resourceclaims';
  for (const volume of pod.spec?.volumes ?? []) {
    const what = volumeReference(volume);
    if (what) return what;
  }
  return undefined;
}

/** Also what names no object needs the API: drivers are looked up there, and tokens are asked for. */
function volumeReference(volume: V1Volume): string | undefined {
  const found = VOLUME_REFERENCES.find(([source]) => volume[source] !== undefined);
  if (found) return found[1];
  for (const source of volume.projected?.sources ?? []) {
    const projected = PROJECTED_REFERENCES.find(([name]) => source[name] !== undefined);
    if (projected) return projected[1];
  }
  return undefined;
}
