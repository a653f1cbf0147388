import { createHash } from 'node:crypto';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { StatusError } from '../../api/machinery/status-error.ts';
import type { Clock } from '../../std/clock.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../contracts.ts';

export type EventLimitType = 'Server' | 'Namespace' | 'User' | 'SourceAndObject';

/** eventratelimit.admission.k8s.io/v1alpha1 Limit. */
export interface EventLimit {
  readonly type: EventLimitType;
  readonly qps: number;
  readonly burst: number;
  /** How many namespaces, users or objects are remembered. Default 4096. */
  readonly cacheSize: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

/** Keeps a flood of events out of the store (plugin/pkg/admission/eventratelimit). */
export function createEventRateLimit(limits: readonly EventLimit[], clock: Clock): AdmissionPlugin {
  const enforcers = limits.map((limit) => ({ limit, buckets: new Map<string, Bucket>() }));
  return {
    name: 'EventRateLimit',
    handles: ({ kind, operation, dryRun }) =>
      (operation === 'CREATE' || operation === 'UPDATE') && !dryRun && kind.kind === 'Event' && kind.resource === 'events',
    async validate(attributes) {
      const reached = new Set<string>();
      // Every limit counts the event, whichever refuses it.
      for (const { limit, buckets } of enforcers) {
        const key = keyOf(limit.type, attributes);
        if (!take(buckets, key, limit, clock.now())) reached.add(`limit reached on type ${limit.type} for key ${key}`);
      }
      if (reached.size) throw limitReached(reached.size === 1 ? [...reached][0]! : `[${[...reached].join(', ')}]`);
    },
  };
}

/** A token bucket; those that nobody used for longest are forgotten. */
function take(buckets: Map<string, Bucket>, key: string, { qps, burst, cacheSize }: EventLimit, nowMs: number): boolean {
  const name = nameOf(key);
  const known = buckets.get(name);
  const tokens = known ? Math.min(burst, known.tokens + ((nowMs - known.atMs) / 1000) * qps) : burst;
  const allowed = tokens >= 1;
  buckets.delete(name);
  buckets.set(name, { tokens: allowed ? tokens - 1 : tokens, atMs: nowMs });
  if (buckets.size > cacheSize) buckets.delete(buckets.keys().next().value!);
  return allowed;
}

const LONGEST_NAME = 256;

/** What a bucket is remembered by: thousands of keys that hold whatever an event says would fill the memory. */
const nameOf = (key: string) => (key.length > LONGEST_NAME ? createHash('sha256').update(key).digest('hex') : key);

function keyOf(type: EventLimitType, { namespace, user, object }: AdmissionAttributes): string {
  switch (type) {
    case 'Server':
      return '';
    case 'Namespace':
      return namespace;
    case 'User':
      return user.name;
    case 'SourceAndObject':
      return object ? sourceAndObject(object) : '';
  }
}

type Texts = Readonly<Record<string, string | undefined>>;

function sourceAndObject(event: DynamicObject): string {
  const source = (event['source'] ?? event['deprecatedSource'] ?? {}) as Texts;
  const about = (event['involvedObject'] ?? event['regarding'] ?? {}) as Texts;
  const { kind, namespace, name, uid, apiVersion } = about;
  return [source['component'], source['host'], kind, namespace, name, uid, apiVersion].map((text) => text ?? '').join('');
}

function limitReached(message: string): StatusError {
  return new StatusError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `Too many requests: ${message}`,
    reason: 'TooManyRequests',
    code: 429,
  });
}
