/** One line of a container's log file, whichever of the two formats it is in. */
export interface LogLine {
  readonly stream: 'stdout' | 'stderr';
  /** RFC 3339 with nine digits after the seconds, in the file's own zone. */
  readonly time: string;
  /** Its line of output goes on in the next one of the same stream. */
  readonly partial: boolean;
  /** With the line's end, unless it is partial or the file ends in the middle of it. */
  readonly content: Buffer;
}

export type ParseLogLine = (line: Buffer) => LogLine | undefined;

const SPACE = 0x20;
const LINE_END = 0x0a;
const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)$/;

/**
 * CRI's format: `<time> stdout|stderr <tags> <content>`, the first tag `P` for a partial line, `F` for a full one
 * (https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md). Undefined for anything else.
 */
export function parseCriLine(line: Buffer): LogLine | undefined {
  const first = line.indexOf(SPACE);
  const second = first === -1 ? -1 : line.indexOf(SPACE, first + 1);
  const third = second === -1 ? -1 : line.indexOf(SPACE, second + 1);
  if (third === -1 || first > 64) return undefined;
  const time = fixedTime(line.toString('latin1', 0, first));
  const stream = line.toString('latin1', first + 1, second);
  if (time === undefined || (stream !== 'stdout' && stream !== 'stderr')) return undefined;
  const [tag] = line.toString('latin1', second + 1, third).split(':', 1);
  const partial = tag === 'P';
  const end = partial && line.at(-1) === LINE_END ? line.length - 1 : line.length;
  return { stream, time, partial, content: line.subarray(third + 1, end) };
}

/** Docker's format: `{"log":"content\n","stream":"stdout","time":"…"}`. Undefined for anything else. */
export function parseDockerLine(line: Buffer): LogLine | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line.toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { log = '', stream, time } = value as { log?: unknown; stream?: unknown; time?: unknown };
  if (typeof log !== 'string' || (stream !== 'stdout' && stream !== 'stderr') || typeof time !== 'string') return undefined;
  const fixed = fixedTime(time);
  return fixed === undefined ? undefined : { stream, time: fixed, partial: false, content: Buffer.from(log) };
}

/** The parser that understands this line: a file is in one format from its first line on. */
export function parserFor(line: Buffer): ParseLogLine | undefined {
  return [parseCriLine, parseDockerLine].find((parse) => parse(line) !== undefined);
}

/** Undefined for what is no time. */
function fixedTime(text: string): string | undefined {
  const [, seconds, fraction = '', zone] = TIME.exec(text) ?? [];
  if (!seconds || !zone || Number.isNaN(Date.parse(`${seconds}${zone}`))) return undefined;
  return `${seconds}.${fraction.slice(0, 9).padEnd(9, '0')}${zone === '+00:00' ? 'Z' : zone}`;
}
