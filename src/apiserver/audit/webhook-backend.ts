import type { Dial } from '../../client/transport/https.ts';
import type { Clock } from '../../std/clock.ts';
import { openWebhookClient, withBackoff } from '../outgoing/webhook-client.ts';
import type { AuditBackend, PluginFailures } from './audit-backend.ts';
import { formatEvent } from './audit-event.ts';

export interface WebhookBackendOptions {
  readonly kubeconfigPath: string;
  readonly initialBackoffMs: number;
}

interface WebhookBackendDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly dial?: Dial | undefined;
  readonly failures: PluginFailures;
}

/** Go's client has no limit of its own here; without one a receiver that hangs would keep events for ever. */
const TIMEOUT_MS = 30_000;

/** Posts events as an EventList (plugin/pkg/audit/webhook), again after failures of any kind. */
export async function openWebhookBackend(
  { kubeconfigPath, initialBackoffMs }: WebhookBackendOptions,
  { clock, random, dial, failures }: WebhookBackendDeps,
): Promise<AuditBackend> {
  const client = await openWebhookClient(kubeconfigPath, { clock, dial, timeoutMs: TIMEOUT_MS });
  const closing = new AbortController();
  return {
    async process(events) {
      const items = events.map((event) => formatEvent(event, { named: false })).join(',');
      const body = `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[${items}]}`;
      try {
        await withBackoff(
          { clock, random, initialMs: initialBackoffMs, signal: closing.signal },
          () => true,
          () => client.post(body),
        );
        return true;
      } catch (error) {
        failures('webhook', (error as Error).message, events);
        return false;
      }
    },
    async close() {
      closing.abort(new DOMException('the server stops', 'AbortError'));
      await client.close();
    },
  };
}
