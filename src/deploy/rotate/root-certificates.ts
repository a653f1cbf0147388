import { configMapKind } from '../../api/core/v1/config-map.ts';
import type { V1ConfigMap } from '../../api/gen/types.ts';
import type { Client } from '../../client/client.ts';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';

const NAME = 'kube-root-ca.crt';
const PUBLISHED_MS = 120_000;
const POLL_MS = 1_000;

/**
 * Resolves when every namespace's pods are given these certificates.
 *
 * @throws CodedError TRUST_NOT_PUBLISHED naming the namespaces that have others
 */
export async function awaitRootCertificates(
  client: Client,
  trust: string,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  const maps = client.resource<V1ConfigMap>(configMapKind);
  const endMs = clock.now() + PUBLISHED_MS;
  for (;;) {
    const { items } = await maps.list({ fieldSelector: `metadata.name=${NAME}`, signal });
    const behind = items.filter(({ data }) => data?.['ca.crt']?.trim() !== trust.trim());
    if (behind.length === 0) return;
    if (clock.now() > endMs)
      throw new CodedError(
        `pods are given other certificates in namespaces ${behind.map(({ metadata }) => metadata?.namespace).join(', ')}: the controller manager publishes them`,
        { code: 'TRUST_NOT_PUBLISHED', retryable: true },
      );
    await clock.sleep(POLL_MS, signal);
  }
}
