import type { AuditBackend, PluginFailures } from './audit-backend.ts';
import { type AuditEvent, formatEvent, formatLegacy } from './audit-event.ts';

/** What the log is written to. */
export interface LineSink {
  /** Appends text; rejects when it is not there. */
  append(text: string): Promise<void>;
  close(): Promise<void>;
}

/** Writes a line an event (plugin/pkg/audit/log). What cannot be written is logged and counted; requests go on unless the mode is strict. */
export function createLogBackend(sink: LineSink, format: 'json' | 'legacy', failures: PluginFailures): AuditBackend {
  const lineOf = (event: AuditEvent) => `${format === 'legacy' ? formatLegacy(event) : formatEvent(event, { named: true })}\n`;
  return {
    async process(events) {
      try {
        await sink.append(events.map(lineOf).join(''));
        return true;
      } catch (error) {
        failures('log', (error as Error).message, events);
        return false;
      }
    },
    close: () => sink.close(),
  };
}
