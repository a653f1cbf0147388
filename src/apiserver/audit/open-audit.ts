import type { Dial } from '../../client/transport/https.ts';
import type { Clock } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import {
  type AuditBackend,
  createTruncatingBackend,
  createUnionBackend,
  ignoringFailures,
  type PluginFailures,
  reportPluginFailures,
} from './audit-backend.ts';
import type { AuditBackendConfig, AuditConfig } from './audit-config.ts';
import { type AuditFilters, createAuditFilters } from './audit-filter.ts';
import { AuditMetrics } from './audit-metrics.ts';
import { readAuditPolicy } from './audit-policy.ts';
import { createBufferedBackend } from './buffered-backend.ts';
import { createLogBackend, type LineSink } from './log-backend.ts';
import { createRotatingFile } from './rotating-file.ts';
import { openWebhookBackend } from './webhook-backend.ts';

export interface Audit {
  readonly filters: AuditFilters;
  readonly metrics: AuditMetrics;
  close(): Promise<void>;
}

export interface AuditDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  /** Makes connections to the webhook. Default: they are made directly. */
  readonly dial?: Dial | undefined;
}

/** Opens what `--audit-*` describes. Throws a CodedError for a policy or kubeconfig that is wrong. */
export async function openAudit(config: AuditConfig, { clock, logger, random, dial }: AuditDeps): Promise<Audit> {
  const policy = await readAuditPolicy(config.policyFile, logger);
  const metrics = new AuditMetrics();
  const failures = reportPluginFailures(metrics, logger);
  const backends: AuditBackend[] = [];
  const { log, webhook } = config;
  if (log) {
    const sink = log.path === '-' ? stdoutSink(log.writeStdout) : createRotatingFile(log, clock, logger);
    backends.push(wrap(createLogBackend(sink, log.format, failures), log, { clock, failures }));
  }
  if (webhook) {
    const inner = await openWebhookBackend(webhook, { clock, random, dial, failures });
    backends.push(wrap(inner, webhook, { clock, failures }));
  }
  const backend = backends.length === 1 ? backends[0]! : createUnionBackend(backends);
  return {
    filters: createAuditFilters({ policy, backend, metrics, clock }),
    metrics,
    close: () => backend.close(),
  };
}

function wrap(
  inner: AuditBackend,
  { mode, batch, truncate }: AuditBackendConfig,
  deps: { readonly clock: Clock; readonly failures: PluginFailures },
): AuditBackend {
  let backend = inner;
  if (mode === 'batch') backend = createBufferedBackend(backend, batch, deps);
  else if (mode === 'blocking') backend = ignoringFailures(backend);
  return truncate ? createTruncatingBackend(backend, truncate, deps.failures) : backend;
}

function stdoutSink(write: ((text: string) => void) | undefined): LineSink {
  if (!write) throw new TypeError('the audit log goes to standard output, and there is none');
  return { append: async (text) => write(text), close: async () => undefined };
}
