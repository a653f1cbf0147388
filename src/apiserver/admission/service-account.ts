import { MIRROR_POD, referencesOf } from '../../api/core/v1/pod-references.ts';
import { secretKind } from '../../api/core/v1/secret.ts';
import { serviceAccountKind } from '../../api/core/v1/service-account.ts';
import type { V1Container, V1Pod, V1Secret, V1ServiceAccount, V1Volume } from '../../api/gen/types.ts';
import { generateName } from '../../api/machinery/names.ts';
import type { Clock } from '../../std/clock.ts';
import type { AdmissionAttributes, AdmissionPlugin, ObjectReader } from '../contracts.ts';
import { enforcesMountableSecrets, forbiddenSecret } from './mountable-secrets.ts';
import { isAbout, refuse } from './refusal.ts';

const DEFAULT = 'default';
/** Upstream asks ten times, 100 to 200 ms apart. */
const WAIT_MS = 1_500;
/** How long a controller may take to make a new account's token. */
const TOKEN_IS_MADE_MS = 10_000;
const TOKEN_MOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const TOKEN_VOLUME_PREFIX = 'kube-api-access-';
/** An hour and seven seconds, by which upstream tells the volumes it made itself from others. */
const TOKEN_SECONDS = 3607;
const TOKEN_SECRET_TYPE = 'kubernetes.io/service-account-token';

export interface ServiceAccountAdmissionDeps {
  readonly reader: ObjectReader;
  readonly random: () => number;
  readonly clock: Clock;
  /** The API server gives no tokens on request: pods get those in their account's Secrets, as before 1.20. Default false. */
  readonly tokensInSecrets?: boolean;
}

/** Gives each pod an account, its token and its pull secrets (plugin/pkg/admission/serviceaccount). */
export function createServiceAccountAdmission(deps: ServiceAccountAdmissionDeps): AdmissionPlugin {
  const { reader, random, clock, tokensInSecrets = false } = deps;
  /** The first Secret that the account refers to and that holds a token of its own. */
  const tokenSecret = ({ metadata, secrets = [] }: V1ServiceAccount): string | undefined =>
    secrets.find(({ name = '' }) => {
      const secret = reader.get(secretKind, metadata?.namespace ?? '', name) as unknown as V1Secret | undefined;
      const annotations = secret?.metadata?.annotations ?? {};
      return (
        secret?.type === TOKEN_SECRET_TYPE &&
        annotations['kubernetes.io/service-account.name'] === metadata?.name &&
        annotations['kubernetes.io/service-account.uid'] === metadata?.uid
      );
    })?.name;
  /** Of the token that the account has; without any the kubelet is to ask for one, as everywhere else. */
  const volumeOf = async (pod: V1Pod, account: V1ServiceAccount): Promise<V1Volume> => {
    if (!tokensInSecrets) return requestedToken(pod, random);
    const { namespace = '', name = '', creationTimestamp = '' } = account.metadata ?? {};
    const findToken = () => {
      const now = reader.get(serviceAccountKind, namespace, name) as unknown as V1ServiceAccount | undefined;
      return now && tokenSecret(now);
    };
    // A new account's token is being made; one that is older has none because nobody makes any.
    if (findToken() === undefined && clock.now() - Date.parse(String(creationTimestamp)) < TOKEN_IS_MADE_MS)
      await appears(reader, clock, { namespace, isThere: () => findToken() !== undefined });
    const secretName = findToken();
    return secretName === undefined ? requestedToken(pod, random) : secretToken(pod, secretName, random);
  };
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
      if (pod.spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true)
        mountToken(pod, await volumeOf(pod, account));
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
function mountToken(pod: V1Pod, volume: V1Volume): void {
  const spec = pod.spec!;
  let mounted = false;
  for (const container of [...(spec.initContainers ?? []), ...spec.containers] as V1Container[]) {
    if (container.volumeMounts?.some(({ mountPath }) => mountPath === TOKEN_MOUNT)) continue;
    const mount = { name: volume.name, readOnly: true, mountPath: TOKEN_MOUNT };
    container.volumeMounts = [...(container.volumeMounts ?? []), mount];
    mounted = true;
  }
  if (mounted && !spec.volumes?.includes(volume)) spec.volumes = [...(spec.volumes ?? []), volume];
}

/** The pod's volume with a token that the kubelet asks for. */
function requestedToken({ spec }: V1Pod, random: () => number): V1Volume {
  const existing = spec?.volumes?.find(({ name }) => name.startsWith(TOKEN_VOLUME_PREFIX));
  return existing ?? tokenVolume(freeName(spec?.volumes, TOKEN_VOLUME_PREFIX, random));
}

/** The pod's volume with the token of a Secret, called as the Secret is where that is free. */
function secretToken({ spec }: V1Pod, secretName: string, random: () => number): V1Volume {
  const existing = spec?.volumes?.find(({ secret }) => secret?.secretName === secretName);
  const name = secretName.replaceAll('.', '-');
  const taken = spec?.volumes?.some((volume) => volume.name === name);
  return (
    existing ?? { name: taken ? freeName(spec?.volumes, `${name}-`, random) : name, secret: { secretName, defaultMode: 0o644 } }
  );
}

function freeName(volumes: readonly V1Volume[] = [], prefix: string, random: () => number): string {
  const taken = new Set(volumes.map(({ name }) => name));
  for (;;) {
    const name = generateName(prefix, random);
    if (!taken.has(name)) return name;
  }
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
