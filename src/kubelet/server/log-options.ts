/** What a reader of a container's log asks for: the query of `/containerLogs/…`, which is that of PodLogOptions. */
import { timeMs } from '../../api/machinery/time-text.ts';

export interface LogOptions {
  readonly follow: boolean;
  /** Of the container's life before this one. */
  readonly previous: boolean;
  readonly timestamps: boolean;
  /** Nothing that was written before; milliseconds since the epoch. */
  readonly sinceMs?: number;
  readonly tailLines?: number;
  /** No more than so many bytes of output. */
  readonly limitBytes?: number;
  readonly stream: 'All' | 'Stdout' | 'Stderr';
}

export type LogQuery = { readonly options: LogOptions } | { readonly status: 400 | 422; readonly message: string };

/** A query that cannot be decoded; upstream's words. */
const UNDECODABLE = { status: 400, message: '{"message": "Unable to decode query."}' } as const;
const INVALID = { status: 422, message: '{"message": "Invalid request."}' } as const;
const LARGEST = 9_223_372_036_854_775_807n;

/**
 * Decodes and checks a query as upstream's kubelet does (pkg/kubelet/server, ValidatePodLogOptions): `tail` is the old name of
 * `tailLines`, with `all` for no limit.
 */
export function parseLogQuery(query: URLSearchParams, nowMs: number): LogQuery {
  const tail = query.get('tail');
  const tailText = tail ? (tail === 'all' ? undefined : tail) : textOf(query, 'tailLines');
  const tailLines = integer(tailText);
  const limitBytes = integer(textOf(query, 'limitBytes'));
  const sinceSeconds = integer(textOf(query, 'sinceSeconds'));
  const sinceTime = time(textOf(query, 'sinceTime'));
  const switches = ['follow', 'previous', 'timestamps'].map((name) => bool(query.get(name)));
  if ([tailLines, limitBytes, sinceSeconds, sinceTime, ...switches].includes(null)) return UNDECODABLE;
  const stream = query.get('stream') ?? 'All';
  if (tailLines !== undefined && tailLines! < 0) return INVALID;
  if (limitBytes !== undefined && limitBytes! < 1) return INVALID;
  if (sinceSeconds !== undefined && sinceTime !== undefined) return INVALID;
  if (sinceSeconds !== undefined && sinceSeconds! < 1) return INVALID;
  if (stream !== 'All' && stream !== 'Stdout' && stream !== 'Stderr') return INVALID;
  // The last lines of one stream alone cannot be told from a file of both without reading it whole.
  if (stream !== 'All' && tailLines !== undefined) return INVALID;
  const sinceMs = sinceSeconds === undefined ? sinceTime : nowMs - sinceSeconds! * 1000;
  const [follow = false, previous = false, timestamps = false] = switches as boolean[];
  return {
    options: {
      follow,
      previous,
      timestamps,
      ...(sinceMs !== undefined && { sinceMs: sinceMs! }),
      ...(tailLines !== undefined && { tailLines: tailLines! }),
      ...(limitBytes !== undefined && { limitBytes: limitBytes! }),
      stream,
    },
  };
}

function textOf(query: URLSearchParams, name: string): string | undefined {
  return query.get(name) || undefined;
}

/** Of Go's int64; null for what is none. Beyond what a number here holds exactly it does not matter. */
function integer(text: string | undefined): number | null | undefined {
  if (text === undefined) return undefined;
  if (!/^[+-]?\d{1,20}$/.test(text)) return null;
  const value = BigInt(text.replace('+', ''));
  return value > LARGEST || value < -LARGEST - 1n ? null : Number(value);
}

/** As apimachinery converts a query's value: present without a value is true, `false` and `0` are not. */
function bool(text: string | null): boolean {
  return text !== null && text.toLowerCase() !== 'false' && text !== '0';
}

function time(text: string | undefined): number | null | undefined {
  if (text === undefined) return undefined;
  return timeMs(text) ?? null;
}
