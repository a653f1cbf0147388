import type { V1Container, V1Pod, V1ServiceAccount } from '../../api/gen/types.ts';

const ENFORCE = 'kubernetes.io/enforce-mountable-secrets';
const TRUE: ReadonlySet<string> = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);

/** Whether pods of the account may use only the Secrets that it names. */
export function enforcesMountableSecrets({ metadata }: V1ServiceAccount): boolean {
  return TRUE.has(metadata?.annotations?.[ENFORCE] ?? '');
}

/** Which Secret a pod uses though its account does not name it, in upstream's words; undefined when there is none. */
export function forbiddenSecret(pod: V1Pod, account: V1ServiceAccount): string | undefined {
  const mountable = new Set(account.secrets?.map(({ name }) => name));
  const named = (name: string | undefined) => `service account ${account.metadata?.name} does not reference that ${name}`;
  for (const { secret } of pod.spec?.volumes ?? [])
    if (secret && !mountable.has(secret.secretName))
      return `volume with secret.secretName="${secret.secretName}" is not allowed because ${named('secret')}`;
  const containers = [
    ...(pod.spec?.initContainers ?? []).map((each) => ['init container', each] as const),
    ...(pod.spec?.containers ?? []).map((each) => ['container', each] as const),
    ...(pod.spec?.ephemeralContainers ?? []).map((each) => ['ephemeral container', each as V1Container] as const),
  ];
  for (const [what, { name, env }] of containers)
    for (const variable of env ?? []) {
      const secret = variable.valueFrom?.secretKeyRef;
      if (secret && !mountable.has(secret.name))
        return `${what} ${name} with envVar ${variable.name} referencing secret.secretName="${secret.name}" is not allowed because ${named('secret')}`;
    }
  const pullSecrets = new Set(account.imagePullSecrets?.map(({ name }) => name));
  for (const [i, { name }] of (pod.spec?.imagePullSecrets ?? []).entries())
    if (!pullSecrets.has(name))
      return `imagePullSecrets[${i}].name="${name ?? ''}" is not allowed because ${named('imagePullSecret')}`;
  return undefined;
}
