import { configMapKind } from '../../api/core/v1/config-map.ts';
import { isStatus } from '../../api/machinery/status-error.ts';
import { dayOf } from '../authentication/legacy-token-uses.ts';
import type { KeptObjectsDeps } from './keep-objects.ts';

const NAMESPACE = 'kube-system';
const NAME = 'kube-apiserver-legacy-service-account-token-tracking';

/** Says since when the use of tokens in Secrets is noted, for whoever wants to take unused ones away (upstream's legacytokentracking). */
export async function ensureLegacyTokenTracking({ kinds, reader, writer, clock }: KeptObjectsDeps): Promise<void> {
  if (!kinds.includes(configMapKind) || reader.get(configMapKind, NAMESPACE, NAME)) return;
  const metadata = { name: NAME, namespace: NAMESPACE };
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { since: dayOf(clock.now()) } };
  await writer.create(configMapKind, object).catch((error) => {
    if (!isStatus(error, 'AlreadyExists')) throw error;
  });
}
