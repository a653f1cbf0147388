/** Options of connections as they stand in a query (core/v1 PodExecOptions and so on), in the words of upstream's conversion. */
import type { DynamicObject } from '../../api/machinery/object.ts';
import { badRequest, internalError } from '../../api/machinery/status-error.ts';

export interface StreamOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
  readonly container: string;
  /** Empty for attach. */
  readonly command: readonly string[];
}

/** What admission is shown, and may change. Fields without a value are absent, as in upstream's JSON. */
export type ConnectOptionsObject = DynamicObject;

const typed = (kind: string, fields: Record<string, unknown>): ConnectOptionsObject =>
  ({ kind, apiVersion: 'v1', ...fields }) as unknown as ConnectOptionsObject;

const STREAMS = ['stdin', 'stdout', 'stderr', 'tty'] as const;

/** As conversion of query parameters to bool upstream: present, and neither `false` nor `0`. */
export function readFlag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value !== null && value.toLowerCase() !== 'false' && value !== '0';
}

export function readStreamOptions(kind: 'PodExecOptions' | 'PodAttachOptions', query: URLSearchParams): ConnectOptionsObject {
  const container = query.get('container');
  const command = kind === 'PodExecOptions' ? query.getAll('command') : [];
  return typed(kind, {
    ...Object.fromEntries(STREAMS.filter((name) => readFlag(query, name)).map((name) => [name, true])),
    ...(container && { container }),
    ...(command.length && { command }),
  });
}

/** Throws 400 for a port that is no number. */
export function readPortForwardOptions(query: URLSearchParams): ConnectOptionsObject {
  const ports = query.getAll('ports').map((text) => {
    if (!/^[+-]?\d+$/.test(text)) throw badRequest(`strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
    return Number(text);
  });
  return typed('PodPortForwardOptions', ports.length ? { ports } : {});
}

export const proxyOptions = (
  kind: 'PodProxyOptions' | 'ServiceProxyOptions' | 'NodeProxyOptions',
  path: string,
): ConnectOptionsObject => typed(kind, path ? { path } : {});

/** The options as admission has left them. Throws 500 for what a webhook has made of them that is none. */
export function streamOptionsOf(object: ConnectOptionsObject): StreamOptions {
  const { container = '', command = [], ...rest } = object as unknown as Record<string, unknown>;
  const flags = STREAMS.map((name) => rest[name] ?? false);
  const isList = Array.isArray(command) && command.every((word) => typeof word === 'string');
  if (typeof container !== 'string' || !isList || flags.some((value) => typeof value !== 'boolean'))
    throw internalError(`admission has made options of a wrong form of the ${object.kind}`);
  const [stdin, stdout, stderr, tty] = flags as boolean[];
  return { stdin: stdin!, stdout: stdout!, stderr: stderr!, tty: tty!, container, command: command as string[] };
}

/** Throws 500 as `streamOptionsOf`. */
export function portsOf(object: ConnectOptionsObject): readonly number[] {
  const { ports = [] } = object as unknown as { readonly ports?: unknown };
  if (Array.isArray(ports) && ports.every((port) => Number.isInteger(port))) return ports as number[];
  throw internalError(`admission has made options of a wrong form of the ${object.kind}`);
}

/** The query that a kubelet takes, its names in order (registry/core/pod/strategy.go, streamParams). */
export function kubeletStreamQuery({ command, stdin, stdout, stderr, tty }: StreamOptions): string {
  const query = new URLSearchParams();
  for (const word of command) query.append('command', word);
  if (stderr) query.append('error', '1');
  if (stdin) query.append('input', '1');
  if (stdout) query.append('output', '1');
  if (tty) query.append('tty', '1');
  return query.size ? `?${query}` : '';
}
