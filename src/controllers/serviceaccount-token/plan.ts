import type { V1Secret, V1ServiceAccount } from '../../api/gen/types.ts';

export const TOKEN_SECRET_TYPE = 'kubernetes.io/service-account-token';
const NAME_ANNOTATION = 'kubernetes.io/service-account.name';
export const UID_ANNOTATION = 'kubernetes.io/service-account.uid';

/** The account that a token Secret is for, as its annotations say. */
export function accountNameOf(secret: V1Secret): string {
  return secret.metadata?.annotations?.[NAME_ANNOTATION] ?? '';
}

/** Whether the Secret is for this very account and not for a deleted one of the same name. */
export function belongsTo(secret: V1Secret, account: V1ServiceAccount): boolean {
  const uid = secret.metadata?.annotations?.[UID_ANNOTATION];
  return (
    secret.type === TOKEN_SECRET_TYPE &&
    secret.metadata?.namespace === account.metadata?.namespace &&
    accountNameOf(secret) === account.metadata?.name &&
    (!uid || uid === account.metadata?.uid)
  );
}

export interface FillInput {
  account: V1ServiceAccount;
  rootCaPem?: string;
  /** Makes the account's token for a Secret of that name. */
  mint: (secretName: string) => string;
}

/**
 * The Secret with what it lacks: token, namespace, certificate of the cluster, and which account it is for; undefined when it lacks
 * nothing. A token that is there already stays, whoever put it there.
 */
export function planTokenSecret(secret: V1Secret, input: FillInput): V1Secret | undefined {
  const { account, rootCaPem, mint } = input;
  const data: Record<string, string> = { ...secret.data };
  const wanted: Record<string, string> = { namespace: encode(secret.metadata?.namespace ?? '') };
  if (rootCaPem) wanted['ca.crt'] = encode(rootCaPem);
  if (!data['token']) wanted['token'] = encode(mint(secret.metadata?.name ?? ''));
  // Another certificate is replaced; another namespace is the user's own affair once there.
  if (data['namespace']) delete wanted['namespace'];
  const annotations = { [NAME_ANNOTATION]: account.metadata?.name ?? '', [UID_ANNOTATION]: account.metadata?.uid ?? '' };
  const isRight =
    Object.entries(wanted).every(([key, value]) => data[key] === value) &&
    Object.entries(annotations).every(([key, value]) => secret.metadata?.annotations?.[key] === value);
  if (isRight) return undefined;
  return {
    ...secret,
    metadata: { ...secret.metadata, annotations: { ...secret.metadata?.annotations, ...annotations } },
    data: { ...data, ...wanted },
  };
}

/** An empty Secret for an account's token, to be filled by `planTokenSecret`. */
export function newTokenSecret(account: V1ServiceAccount, name: string): V1Secret {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: TOKEN_SECRET_TYPE,
    metadata: { name, namespace: account.metadata?.namespace },
  };
}

/** Whether the account is to be given a token of its own accord: it refers to no token Secret that exists. */
export function needsToken(account: V1ServiceAccount, tokenSecrets: readonly V1Secret[]): boolean {
  const names = new Set(tokenSecrets.filter((secret) => belongsTo(secret, account)).map((secret) => secret.metadata?.name));
  return (
    !account.metadata?.deletionTimestamp && !(account.secrets ?? []).some(({ name }) => name !== undefined && names.has(name))
  );
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64');
}
