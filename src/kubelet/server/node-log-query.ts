import { timeMs } from '../../api/machinery/time-text.ts';
import type { RunProgram } from '../../host/run-program.ts';

/** What `/logs/?query=…` asks for (NodeLogQuery): services of the machine, or one file below the log directory. */
export interface NodeLogQuery {
  readonly services: readonly string[];
  readonly file?: string;
  readonly sinceMs?: number;
  readonly untilMs?: number;
  readonly boot?: number;
  readonly tailLines?: number;
  readonly pattern?: string;
}

export type ParsedNodeLogQuery =
  | { readonly query: NodeLogQuery }
  | { readonly status: 400 | 406; readonly message: string }
  /** No query at all: a path. */
  | undefined;

const MOST_SERVICES = 4;
const LONGEST_SERVICE = 256;
const MOST_LINES = 100_000;
const LONGEST_PATTERN = 1024;
const OPTIONS = ['sinceTime', 'untilTime', 'boot', 'tailLines', 'pattern'];

/** Reads and checks a query by upstream's rules (pkg/kubelet/kubelet_server_journal.go). */
export function parseNodeLogQuery(parameters: URLSearchParams): ParsedNodeLogQuery {
  const given = OPTIONS.filter((name) => parameters.get(name));
  if (!parameters.has('query') && given.length === 0) return undefined;
  const asked = parameters.getAll('query');
  // A slash says that a file is meant.
  const files = asked.filter((name) => /[/\\]/.test(name));
  const services = asked.filter((name) => !/[/\\]/.test(name) && name.trim() !== '');
  if (asked.length > 0 && files.length + services.length === 0) return wrong(400, 'query', 'query cannot be empty');
  const [sinceMs, untilMs] = ['sinceTime', 'untilTime'].map((name) => timeOf(parameters.get(name)));
  const [boot, tailLines] = ['boot', 'tailLines'].map((name) => integerOf(parameters.get(name)));
  const read = { sinceTime: sinceMs, untilTime: untilMs, boot, tailLines };
  for (const [name, value] of Object.entries(read)) if (Number.isNaN(value)) return wrong(400, name, 'cannot be understood');

  if (files.length + services.length === 0) return wrong(406, 'query', 'cannot be empty with options');
  if (files.length > 0 && services.length > 0) return wrong(406, 'query', 'cannot specify a file and service');
  if (files.length > 1) return wrong(406, 'query', 'cannot specify more than one file');
  if (files.length === 1 && given.length > 0) return wrong(406, 'query', 'cannot specify file with options');
  if (services.length > MOST_SERVICES) return wrong(406, 'query', `no more than ${MOST_SERVICES} services at a time`);
  for (const service of services) {
    if (service.length > LONGEST_SERVICE) return wrong(406, 'query', `length must be less than ${LONGEST_SERVICE}`);
    if (!/^[\w@.-]+$/.test(service) || service.startsWith('-') || /^\.+$/.test(service))
      return wrong(406, 'query', 'input contains unsupported characters');
  }
  if (sinceMs !== undefined && untilMs !== undefined && untilMs < sinceMs)
    return wrong(406, 'untilTime', 'must be after `sinceTime`');
  if (boot !== undefined && boot > 0) return wrong(406, 'boot', 'must be less than 1');
  if (tailLines !== undefined && (tailLines < 0 || tailLines > MOST_LINES))
    return wrong(406, 'tailLines', `must be between 0 and ${MOST_LINES}, inclusive`);
  const pattern = parameters.get('pattern') || undefined;
  if (pattern && pattern.length > LONGEST_PATTERN) return wrong(406, 'pattern', 'is too long');
  return {
    query: {
      services,
      ...(files[0] !== undefined && { file: files[0].replaceAll('\\', '/') }),
      ...(sinceMs !== undefined && { sinceMs }),
      ...(untilMs !== undefined && { untilMs }),
      ...(boot !== undefined && { boot }),
      ...(tailLines !== undefined && { tailLines }),
      ...(pattern && { pattern }),
    },
  };
}

/** What journalctl is told. Every value is an argument of its own, or behind a `=`. */
export function journalArguments(services: readonly string[], query: NodeLogQuery): string[] {
  const { sinceMs, untilMs, boot, tailLines, pattern } = query;
  const moment = (ms: number) => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
  return [
    '--utc',
    '--no-pager',
    '--output=short-precise',
    ...(sinceMs === undefined ? [] : [`--since=${moment(sinceMs)}`]),
    ...(untilMs === undefined ? [] : [`--until=${moment(untilMs)}`]),
    ...(tailLines === undefined ? [] : [`--lines=${tailLines}`]),
    ...services.map((service) => `--unit=${service}`),
    ...(pattern === undefined ? [] : [`--grep=${pattern}`, '--case-sensitive=false']),
    ...(boot === undefined ? [] : [`--boot=${boot}`]),
  ];
}

/**
 * Which of the services write to the journal, in systemd's own words; none on a machine without one. The others have log files under
 * their names.
 */
export async function servicesOfJournal(services: readonly string[], run: RunProgram, signal: AbortSignal): Promise<string[]> {
  try {
    const { stdout } = await run('journalctl', ['--no-pager', '--field=_SYSTEMD_UNIT'], { signal });
    const units = new Set(stdout.split('\n'));
    return services.filter((service) => units.has(service) || units.has(`${service}.service`));
  } catch (error) {
    if ((error as { code?: unknown }).code === 'PROGRAM_MISSING') return [];
    throw error;
  }
}

/** Where a service without a journal may have its log, below the log directory. */
export function logFilesOf(service: string): readonly string[] {
  return [service, `${service}.log`, `${service}/${service}.log`];
}

const wrong = (status: 400 | 406, field: string, why: string) =>
  ({ status, message: `${field}: Invalid value: ${why}` }) as const;

/** NaN for what is no time. */
function timeOf(text: string | null): number | undefined {
  if (!text) return undefined;
  return timeMs(text) ?? Number.NaN;
}

function integerOf(text: string | null): number | undefined {
  if (!text) return undefined;
  return /^[+-]?\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
}
