import { serviceAccountKind } from '../../api/core/v1/service-account.ts';
import type { V1Container, V1Pod, V1ServiceAccount, V1Volume } from '../../api/gen/types.ts';
import { generateName } from '../../api/machinery/names.ts';
import { MIRROR_POD, referencesOf } from '../authorization/pod-references.ts';
import type { AdmissionAttributes, AdmissionPlugin, ObjectReader } from '../contracts.ts';
import { isAbout, refuse } from './refusal.ts';

const TOKEN_MOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const TOKEN_VOLUME_PREFIX = 'kube-api-access-';
/** An hour and seven seconds, by which upstream tells the volumes it made itself from others. */
const TOKEN_SECONDS = 3607;

export interface ServiceAccountAdmissionDeps {
  readonly reader: ObjectReader;
  readonly random: () => number;
}

/** Gives each pod an account, its token and its pull secrets (plugin/pkg/admission/serviceaccount). */
export function createServiceAccountAdmission({ reader, random }: ServiceAccountAdmissionDeps): AdmissionPlugin {
  const find = async (attributes: AdmissionAttributes, name: string): Promise<V1ServiceAccount> => {
    const { namespace } = attributes;
    const get = () => reader.get(serviceAccountKind, namespace, name) as unknown as V1ServiceAccount | undefined;
    let account = get();
    if (!account) {
      await reader.waitFresh(serviceAccountKind);
      account = get();
    }
    if (account) return account;
    throw refuse(attributes, `error looking up service account ${namespace}/${name}: serviceaccount "${name}" not found`);
  };
  return {
    name: 'ServiceAccount',
    handles: (attributes) => attributes.operation === 'CREATE' && isAbout(attributes, 'pods'),
    async admit(attributes) {
      const pod = attributes.object as unknown as V1Pod;
      // A mirror pod stays as the kubelet made it; `validate` sees to it that it refers to nothing.
      if (isMirrorPod(pod) || !pod.spec) return;
      pod.spec.serviceAccountName ||= pod.spec.serviceAccount || 'default';
      pod.spec.serviceAccount = pod.spec.serviceAccountName;
      const account = await find(attributes, pod.spec.serviceAccountName);
      if (pod.spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) mountToken(pod, random);
      if (!pod.spec.imagePullSecrets?.length && account.imagePullSecrets?.length) {
        pod.spec.imagePullSecrets = account.imagePullSecrets.map(({ name }) => ({ name }));
      }
    },
    async validate(attributes) {
      const pod = attributes.object as unknown as V1Pod;
      if (isMirrorPod(pod)) {
        const why = mirrorPodFault(pod);
        if (why) throw refuse(attributes, why);
      } else await find(attributes, pod.spec?.serviceAccountName ?? '');
    },
  };
}

const isMirrorPod = (pod: V1Pod) => pod.metadata?.annotations?.[MIRROR_POD] !== undefined;

function mirrorPodFault(pod: V1Pod): string | undefined {
  if (pod.spec?.serviceAccountName) return 'a mirror pod may not reference service accounts';
  if (referencesOf(pod).secrets.size) return 'a mirror pod may not reference secrets';
  const projectsToken = pod.spec?.volumes?.some(({ projected }) => projected?.sources?.some((s) => s.serviceAccountToken));
  return projectsToken ? 'a mirror pod may not use ServiceAccountToken volume projections' : undefined;
}

/** Mounts token, CA and namespace into every container that has nothing of its own at that path; in place. */
function mountToken(pod: V1Pod, random: () => number): void {
  const spec = pod.spec!;
  const existing = spec.volumes?.find(({ name }) => name.startsWith(TOKEN_VOLUME_PREFIX));
  const taken = new Set(spec.volumes?.map(({ name }) => name));
  let volumeName = existing?.name ?? generateName(TOKEN_VOLUME_PREFIX, random);
  while (!existing && taken.has(volumeName)) volumeName = generateName(TOKEN_VOLUME_PREFIX, random);
  let mounted = false;
  for (const container of [...(spec.initContainers ?? []), ...spec.containers] as V1Container[]) {
    if (container.volumeMounts?.some(({ mountPath }) => mountPath === TOKEN_MOUNT)) continue;
    container.volumeMounts = [...(container.volumeMounts ?? []), { name: volumeName, readOnly: true, mountPath: TOKEN_MOUNT }];
    mounted = true;
  }
  if (mounted && !existing) spec.volumes = [...(spec.volumes ?? []), tokenVolume(volumeName)];
}

function tokenVolume(name: string): V1Volume {
  return {
    name,
    projected: {
      defaultMode: 0o644,
      sources: [
        { serviceAccountToken: { expirationSeconds: TOKEN_SECONDS, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
      ],
    },
  };
}
