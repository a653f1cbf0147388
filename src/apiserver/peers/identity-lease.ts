import { createHash, randomUUID } from 'node:crypto';
import { leaseKind } from '../../api/coordination/v1/lease.ts';
import type { V1Lease } from '../../api/gen/types.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import { type DynamicObject, formatMicroTime } from '../../api/machinery/object.ts';
import { isStatus } from '../../api/machinery/status-error.ts';
import type { Clock, Timer } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import type { ObjectReader, ObjectWriter } from '../contracts.ts';

/** Which component a Lease is the identity of, as opposed to one that is elected by. */
export const IDENTITY_LABEL = 'apiserver.kubernetes.io/identity';
const NAMESPACE = 'kube-system';
const DURATION_SECONDS = 3600;
const RENEW_MS = 10_000;
const COLLECT_MS = 3_600_000;

export interface IdentityOptions {
  readonly kinds: readonly KindDefinition[];
  readonly reader: ObjectReader;
  readonly writer: ObjectWriter;
  readonly hostname: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** `apiserver-` and 26 letters that stand for the host, so that it is the same after a restart. */
export function identityName(hostname: string): string {
  const hash = createHash('sha256').update(hostname).digest().subarray(0, 16);
  let bits = '';
  for (const byte of hash) bits += byte.toString(2).padStart(8, '0');
  const letters = bits.match(/.{1,5}/g)!.map((five) => BASE32[Number.parseInt(five.padEnd(5, '0'), 2)]);
  return `apiserver-${letters.join('')}`;
}

/** Whether a Lease has not been renewed for as long as it lasts. */
export function isExpired({ spec }: Pick<V1Lease, 'spec'>, nowMs: number): boolean {
  const renewedMs = Date.parse(String(spec?.renewTime ?? ''));
  return Number.isNaN(renewedMs) || nowMs > renewedMs + (spec?.leaseDurationSeconds ?? 0) * 1000;
}

/**
 * Keeps a Lease that says that this server is there, and deletes those of servers that are gone for long (upstream's APIServerIdentity).
 * Failures are logged, and tried again at the next turn.
 */
export function keepIdentity(options: IdentityOptions): { stop(): void } {
  const { kinds, reader, writer, hostname, clock, logger } = options;
  if (!kinds.includes(leaseKind)) return { stop: () => undefined };
  const name = identityName(hostname);
  const holderIdentity = `${name}_${randomUUID()}`;
  const timers = new Set<Timer>();
  let stopped = false;

  const renew = async () => {
    const renewTime = formatMicroTime(clock.now());
    const labels = { [IDENTITY_LABEL]: 'kube-apiserver', 'kubernetes.io/hostname': hostname };
    const spec = { holderIdentity, leaseDurationSeconds: DURATION_SECONDS, renewTime };
    if (!reader.get(leaseKind, NAMESPACE, name)) {
      const lease = { metadata: { name, namespace: NAMESPACE, labels }, spec };
      try {
        await writer.create(leaseKind, lease as unknown as DynamicObject);
        return;
      } catch (error) {
        if (!isStatus(error, 'AlreadyExists')) throw error;
      }
    }
    await writer.modify(leaseKind, NAMESPACE, name, (existing) => {
      const { metadata } = existing;
      return {
        ...existing,
        metadata: { ...metadata, labels: { ...metadata.labels, ...labels } },
        spec: { ...(existing['spec'] as object), ...spec },
      };
    });
  };
  const collect = async () => {
    for (const lease of reader.list(leaseKind, NAMESPACE)) {
      if (lease.metadata.labels?.[IDENTITY_LABEL] !== 'kube-apiserver' || !isExpired(lease as V1Lease, clock.now())) continue;
      await writer.delete(leaseKind, NAMESPACE, lease.metadata.name!).catch((error) => {
        if (!isStatus(error, 'NotFound')) throw error;
      });
    }
  };
  const repeat = (delayMs: number, everyMs: number, what: string, work: () => Promise<void>) => {
    if (stopped) return;
    const timer = clock.setTimer(delayMs, () => {
      timers.delete(timer);
      work()
        .catch((error: unknown) => {
          if (!stopped) logger.error(what, { name, error });
        })
        .finally(() => repeat(everyMs, everyMs, what, work));
    });
    timers.add(timer);
  };
  repeat(0, RENEW_MS, 'Failed to update lease', renew);
  repeat(COLLECT_MS, COLLECT_MS, 'Failed to delete the leases of servers that are gone', collect);
  return {
    stop() {
      stopped = true;
      for (const timer of timers) timer.cancel();
    },
  };
}
