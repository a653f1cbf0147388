import { type FlagDefinition, FlagError, type FlagType, type FlagValues } from '../../std/flags.ts';
import type { AuditBackendConfig, AuditConfig, AuditMode } from './audit-config.ts';

const flag = (name: string, type: FlagType, description: string, defaultValue?: FlagDefinition['default']): FlagDefinition => ({
  name,
  type,
  description,
  ...(defaultValue !== undefined && { default: defaultValue }),
});

interface BackendDefaults {
  readonly mode: AuditMode;
  readonly maxSize: number;
  readonly maxWait: string;
  readonly throttle: boolean;
  readonly qps: number;
  readonly burst: number;
}

/** Upstream's defaults (apiserver/pkg/server/options/audit.go). */
const DEFAULTS: Readonly<Record<'log' | 'webhook', BackendDefaults>> = {
  log: { mode: 'blocking', maxSize: 1, maxWait: '0s', throttle: false, qps: 0, burst: 0 },
  webhook: { mode: 'batch', maxSize: 400, maxWait: '30s', throttle: true, qps: 10, burst: 15 },
};

function backendFlags(plugin: 'log' | 'webhook'): FlagDefinition[] {
  const { mode, maxSize, maxWait, throttle, qps, burst } = DEFAULTS[plugin];
  const at = `audit-${plugin}`;
  return [
    flag(`${at}-mode`, 'string', 'How events are sent: batch, blocking or blocking-strict.', mode),
    flag(`${at}-batch-buffer-size`, 'int', 'Events that may wait to be sent, in batch mode.', 10_000),
    flag(`${at}-batch-max-size`, 'int', 'The largest batch, in batch mode.', maxSize),
    flag(`${at}-batch-max-wait`, 'duration', 'How long a batch waits to become full, in batch mode.', maxWait),
    flag(`${at}-batch-throttle-enable`, 'bool', 'Whether batches are sent at a limited rate.', throttle),
    flag(`${at}-batch-throttle-qps`, 'float', 'Batches a second.', qps),
    flag(`${at}-batch-throttle-burst`, 'int', 'Batches at once.', burst),
    flag(`${at}-truncate-enabled`, 'bool', 'Whether large events lose their objects.', false),
    flag(`${at}-truncate-max-batch-size`, 'int', 'Bytes of a batch.', 10 * 1024 * 1024),
    flag(`${at}-truncate-max-event-size`, 'int', 'Bytes of an event.', 100 * 1024),
    flag(`${at}-version`, 'string', 'Version that events are written in: audit.k8s.io/v1.', 'audit.k8s.io/v1'),
  ];
}

export const auditFlags: readonly FlagDefinition[] = [
  flag('audit-policy-file', 'string', 'File that says what is recorded.'),
  flag('audit-log-path', 'string', 'File that requests are recorded in; - is standard output.'),
  flag('audit-log-maxage', 'int', 'Days that old audit log files are kept; 0 is for ever.', 366),
  flag('audit-log-maxbackup', 'int', 'Old audit log files that are kept; 0 is all.', 100),
  flag('audit-log-maxsize', 'int', 'Megabytes at which the audit log is rotated; 0 is never.', 100),
  flag('audit-log-format', 'string', 'json, or legacy for one line of text.', 'json'),
  flag('audit-log-compress', 'bool', 'Whether rotated files are compressed.', false),
  flag('audit-webhook-config-file', 'string', 'Kubeconfig file of the webhook that events are sent to.'),
  {
    ...flag('audit-webhook-batch-initial-backoff', 'duration', 'As --audit-webhook-initial-backoff.'),
    deprecated: 'use --audit-webhook-initial-backoff instead',
  },
  flag('audit-webhook-initial-backoff', 'duration', 'How long to wait before the first attempt is repeated.', '10s'),
  ...backendFlags('log'),
  ...backendFlags('webhook'),
];

const MODES: readonly AuditMode[] = ['batch', 'blocking', 'blocking-strict'];

/**
 * What the flags say; undefined when nothing is to be recorded: as upstream without a policy file, or without a place to record in.
 *
 * @throws FlagError in upstream's words
 */
export function readAuditFlags(values: FlagValues, writeStdout?: (text: string) => void): AuditConfig | undefined {
  const policyFile = values.string('audit-policy-file');
  const path = values.string('audit-log-path');
  const kubeconfigPath = values.string('audit-webhook-config-file');
  const log = path
    ? {
        ...readBackend(values, 'log'),
        path,
        format: readFormat(values),
        maxAgeDays: notNegative(values, 'audit-log-maxage'),
        maxBackups: notNegative(values, 'audit-log-maxbackup'),
        maxSizeMb: notNegative(values, 'audit-log-maxsize'),
        compress: values.bool('audit-log-compress'),
        ...(writeStdout && { writeStdout }),
      }
    : undefined;
  const webhook = kubeconfigPath
    ? {
        ...readBackend(values, 'webhook'),
        kubeconfigPath,
        initialBackoffMs:
          values.durationMs('audit-webhook-batch-initial-backoff') || values.durationMs('audit-webhook-initial-backoff'),
      }
    : undefined;
  if (!policyFile || !(log || webhook)) return undefined;
  return { policyFile, ...(log && { log }), ...(webhook && { webhook }) };
}

function readFormat(values: FlagValues): 'json' | 'legacy' {
  const format = values.string('audit-log-format');
  if (format === 'json' || format === 'legacy') return format;
  throw wrong('audit-log-format', `invalid audit log format ${format}, allowed formats are "legacy,json"`);
}

function notNegative(values: FlagValues, name: string): number {
  const value = values.int(name);
  if (value < 0) throw wrong(name, `--${name} ${value} can't be a negative number`);
  return value;
}

function readBackend(values: FlagValues, plugin: 'log' | 'webhook'): AuditBackendConfig {
  const at = `audit-${plugin}`;
  const mode = values.string(`${at}-mode`) as AuditMode;
  if (!MODES.includes(mode))
    throw wrong(`${at}-mode`, `invalid audit ${plugin} mode ${mode}, allowed modes are ${JSON.stringify(MODES.join(','))}`);
  const version = values.string(`${at}-version`);
  if (version !== 'audit.k8s.io/v1')
    throw wrong(`${at}-version`, 'invalid group version, allowed versions are ["audit.k8s.io/v1"]');
  const positive = (name: string, what: string) => {
    const value = name.endsWith('qps') ? values.float(name) : values.int(name);
    if (mode === 'batch' && !(value > 0))
      throw wrong(name, `invalid audit batch ${plugin} ${what} ${value}, must be a positive number`);
    return value;
  };
  const throttled = values.bool(`${at}-batch-throttle-enable`);
  const batch = {
    bufferSize: positive(`${at}-batch-buffer-size`, 'buffer size'),
    maxBatchSize: positive(`${at}-batch-max-size`, 'max batch size'),
    maxBatchWaitMs: values.durationMs(`${at}-batch-max-wait`),
    ...(throttled && {
      throttle: {
        qps: positive(`${at}-batch-throttle-qps`, 'throttle QPS'),
        burst: positive(`${at}-batch-throttle-burst`, 'throttle burst'),
      },
    }),
  };
  const maxEventSizeBytes = values.int(`${at}-truncate-max-event-size`);
  const maxBatchSizeBytes = values.int(`${at}-truncate-max-batch-size`);
  if (maxEventSizeBytes <= 0)
    throw wrong(
      `${at}-truncate-max-event-size`,
      `invalid audit truncate ${plugin} max event size ${maxEventSizeBytes}, must be a positive number`,
    );
  if (maxBatchSizeBytes < maxEventSizeBytes)
    throw wrong(
      `${at}-truncate-max-batch-size`,
      `invalid audit truncate ${plugin} max batch size ${maxBatchSizeBytes}, must be greater than max event size (${maxEventSizeBytes})`,
    );
  const truncate = values.bool(`${at}-truncate-enabled`) ? { maxEventSizeBytes, maxBatchSizeBytes } : undefined;
  return { mode, batch, ...(truncate && { truncate }) };
}

const wrong = (name: string, message: string) =>
  new FlagError(`--${name}`, message.startsWith('--') ? message : `--${name}: ${message}`);
