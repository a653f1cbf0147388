import { MIRROR_POD, referencesOf } from '../../api/core/v1/pod-references.ts';
import { serviceAccountKind } from '../../api/core/v1/service-account.ts';
import type { V1Container, V1Pod, V1ServiceAccount, V1Volume } from '../../api/gen/types.ts';
import { generateName } from '../../api/machinery/names.ts';
import type { Clock } from '../../std/clock.ts';
import type { AdmissionAttributes, AdmissionPlugin, ObjectReader } from '../contracts.ts';
import { enforcesMountableSecrets, forbiddenSecret } from './mountable-secrets.ts';
import { isAbout, refuse } from './refusal.ts';

const DEFAULT = 'default';
/** Upstream asks ten times, 100 to 200 ms apart. */
const WAIT_MS = 1_500;
const TOKEN_MOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const TOKEN_VOLUME_PREFIX = 'kube-api-access-';
/** An hour and seven seconds, by which upstream tells the volumes it made itself from others. */
const TOKEN_SECONDS = 3607;

export interface ServiceAccountAdmissionDeps {
  readonly reader: ObjectReader;
  readonly random: () => number;
  readonly clock: Clock;
}

/** Gives each pod an account, its token and its pull secrets (plugin/pkg/admission/serviceaccount). */
export function createServiceAccountAdmission({ reader, random, clock }: ServiceAccountAdmissionDeps): AdmissionPlugin {
  const find = async (attributes: AdmissionAttributes, name: string): Promise<V1ServiceAccount> => {
    const { namespace } = attributes;
    const get = () => reader.get(serviceAccountKind, namespace, name) as unknown as V1ServiceAccount | undefined;
    let account = get();
    if (!account) {
      await reader.waitFresh(serviceAccountKind);
      account = get();
    }
    // A controller makes it for every new namespace, whose first pods come at the same time.
    if (!account && name === DEFAULT) {
      await appears(reader, clock, { namespace, isThere: () => get() !== undefined });
      account = get();
    }
    if (account) return account;
    throw refuse(attributes, `error looking up service account ${namespace}/${name}: serviceaccount "${name}" not found`);
  };
  return {
    name: 'ServiceAccount',
    handles: (attributes) =>
      attributes.operation === 'CREATE'
        ? isAbout(attributes, 'pods')
        : attributes.operation === 'UPDATE' && isAbout(attributes, 'pods', 'ephemeralcontainers'),
    async admit(attributes) {
      if (attributes.operation !== 'CREATE') return;
      const pod = attributes.object as unknown as V1Pod;
      // A mirror pod stays as the kubelet made it; `validate` sees to it that it refers to nothing.
      if (isMirrorPod(pod) || !pod.spec) return;
      pod.spec.serviceAccountName ||= pod.spec.serviceAccount || DEFAULT;
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
        const why = attributes.operation === 'CREATE' ? mirrorPodFault(pod) : undefined;
        if (why) throw refuse(attributes, why);
        return;
      }
      const account = await find(attributes, pod.spec?.serviceAccountName ?? '');
      const why = enforcesMountableSecrets(account) ? forbiddenSecret(pod, account) : undefined;
      if (why) throw refuse(attributes, why);
    },
  };
}

/** Waits a moment for an account of a namespace to be there. */
async function appears(
  reader: ObjectReader,
  clock: Clock,
  { namespace, isThere }: { readonly namespace: string; readonly isThere: () => boolean },
): Promise<void> {
  const seen = Promise.withResolvers<void>();
  const unsubscribe = reader.subscribe(serviceAccountKind, ({ object }) => {
    if (object?.metadata.namespace === namespace && isThere()) seen.resolve();
  });
  const timer = clock.setTimer(WAIT_MS, () => seen.resolve());
  await seen.promise;
  timer.cancel();
  unsubscribe();
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
