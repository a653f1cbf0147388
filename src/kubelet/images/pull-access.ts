import type { TrackedCredentials } from './pull-credentials.ts';
import { isSameSecret, type PulledWith } from './pull-records.ts';

export interface VerificationPolicy {
  /** `imagePullCredentialsVerificationPolicy`. */
  readonly policy: string;
  /** `preloadedImagesVerificationAllowlist`: names without tag, with `/*` at the end for all below. */
  readonly allowlist: readonly string[];
}

/** Whether pods have to show that they may use an image that is on the node. */
export function needsVerification(
  { policy, allowlist }: VerificationPolicy,
  repository: string,
  isPulledByKubelet: boolean,
): boolean {
  switch (policy) {
    case 'NeverVerify':
      return false;
    case 'NeverVerifyPreloadedImages':
      return isPulledByKubelet;
    case 'NeverVerifyAllowlistedImages':
      return !allowlist.some((name) => (name.endsWith('/*') ? repository.startsWith(name.slice(0, -1)) : repository === name));
    default:
      return true;
  }
}

export type Access = 'granted' | 'denied' | { readonly remember: PulledWith };

/**
 * Whether a pod's credentials open an image pulled with others: the same ones under any name, or the same Secret whatever it holds
 * by now. What was learnt is to be remembered, so that a rotated secret or password keeps its access.
 */
export function accessTo(pulledWith: PulledWith | undefined, own: readonly TrackedCredentials[]): Access {
  if (!pulledWith) return 'denied';
  if (pulledWith.nodePodsAccessible) return 'granted';
  for (const { secret, hash } of own) {
    if (!secret) continue;
    for (const known of pulledWith.kubernetesSecrets ?? []) {
      const isSame = isSameSecret(known, secret);
      const hasSame = hash !== '' && known.credentialHash === hash;
      if (isSame && hasSame) return 'granted';
      if (isSame || hasSame) return { remember: { kubernetesSecrets: [{ ...secret, credentialHash: hash }] } };
    }
  }
  return 'denied';
}
