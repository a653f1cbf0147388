import type { Logger } from '../../std/logger.ts';
import { type AuditEvent, formatEvent, formatLegacy } from './audit-event.ts';
import type { AuditMetrics } from './audit-metrics.ts';

/** Where events go. */
export interface AuditBackend {
  /** Resolves when the events are where this backend's mode wants them: true, or false when a strict one could not. */
  process(events: readonly AuditEvent[]): Promise<boolean>;
  /** Writes what waits and lets go of files and connections. */
  close(): Promise<void>;
}

/** Sends to all; false when one of them is. */
export function createUnionBackend(backends: readonly AuditBackend[]): AuditBackend {
  return {
    async process(events) {
      const results = await Promise.all(backends.map((backend) => backend.process(events)));
      return results.every(Boolean);
    },
    async close() {
      await Promise.all(backends.map((backend) => backend.close()));
    },
  };
}

/** The mode `blocking`: waits, and goes on when it fails. */
export function ignoringFailures(inner: AuditBackend): AuditBackend {
  return {
    async process(events) {
      await inner.process(events);
      return true;
    },
    close: () => inner.close(),
  };
}

export interface TruncateOptions {
  readonly maxEventSizeBytes: number;
  readonly maxBatchSizeBytes: number;
}

export type PluginFailures = (plugin: string, problem: string, events: readonly AuditEvent[]) => void;

/** Counts and logs events that were lost: what they were about, never what they held. */
export function reportPluginFailures(metrics: AuditMetrics, logger: Logger): PluginFailures {
  return (plugin, problem, events) => {
    metrics.failed(plugin, events.length);
    const shown = events.slice(0, 10).map(formatLegacy);
    logger.error(`Error in audit plugin '${plugin}' affecting ${events.length} audit events: ${problem}`, {
      impacted: events.length > shown.length ? [...shown, `and ${events.length - shown.length} more`] : shown,
    });
  };
}

/** Takes the objects out of events that are too large, and drops those that still are (plugin/pkg/audit/truncate). */
export function createTruncatingBackend(inner: AuditBackend, options: TruncateOptions, failures: PluginFailures): AuditBackend {
  const sizeOf = (event: AuditEvent) => Buffer.byteLength(formatEvent(event, { named: true }));
  return {
    async process(events) {
      let batch: AuditEvent[] = [];
      let batchBytes = 0;
      const lost: AuditEvent[] = [];
      let success = true;
      for (const whole of events) {
        let event = whole;
        let bytes = sizeOf(event);
        if (bytes > options.maxEventSizeBytes && (event.requestObject ?? event.responseObject) !== undefined) {
          event = withoutObjects(event);
          bytes = sizeOf(event);
        }
        if (bytes > options.maxEventSizeBytes) {
          lost.push(event);
          continue;
        }
        if (batch.length && batchBytes + bytes > options.maxBatchSizeBytes) {
          success = (await inner.process(batch)) && success;
          batch = [];
          batchBytes = 0;
        }
        batch.push(event);
        batchBytes += bytes;
      }
      if (batch.length) success = (await inner.process(batch)) && success;
      if (lost.length) failures('truncate', 'event is too large even after truncating', lost);
      return success;
    },
    close: () => inner.close(),
  };
}

function withoutObjects({ requestObject: _request, responseObject: _response, ...event }: AuditEvent): AuditEvent {
  return { ...event, annotations: new Map([...event.annotations, ['audit.k8s.io/truncated', 'true']]) };
}
