import { configMapKind } from '../../api/core/v1/config-map.ts';
import type { Clock } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import type { Client } from '../client.ts';

const NAMESPACE = 'kube-system';
const NAME = 'extension-apiserver-authentication';
const AGAIN_MS = 10_000;

/**
 * The authority of client certificates that the API server believes, as it tells components (apiserver/pkg/server/options/authentication.go).
 * Asks again until the API server is there and tells; undefined when it has none.
 *
 * @throws the signal's reason when it is aborted first
 */
export async function findClientCa(
  client: Client,
  { clock, logger, signal }: { clock: Clock; logger: Logger; signal: AbortSignal },
): Promise<string | undefined> {
  for (let told = false; ; told = true) {
    try {
      const found = await client.resource(configMapKind, NAMESPACE).get(NAME, { signal });
      return (found as { data?: Record<string, string> }).data?.['client-ca-file'];
    } catch (error) {
      signal.throwIfAborted();
      if (!told) logger.warn('Unable to look up the authority of client certificates; asking again', { error });
      await clock.sleep(AGAIN_MS, signal);
    }
  }
}
