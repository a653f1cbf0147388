/** One line of a container's log file, whichever of the two formats it is in. */
export interface LogLine {
  readonly stream: 'stdout' | 'stderr';
  /** Milliseconds since the epoch, of whole seconds. */
  readonly secondMs: number;
  /** RFC 3339 as the file has it. */
  readonly time: () => string;
  /** Its line of output goes on in the next one of the same stream. */
  readonly partial: boolean;
  /** With the line's end, unless it is partial or the file ends in the middle of it. */
  readonly content: Buffer;
}

export type ParseLogLine = (line: Buffer) => LogLine | undefined;

const SPACE = 0x20;
const LINE_END = 0x0a;
const COLON = 0x3a;
const TAG_PARTIAL = 0x50;
/** `2026-01-02T03:04:05` */
const SECOND_BYTES = 19;
const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)$/;

/**
 * Reads CRI's format: `<time> stdout|stderr <tags> <content>`, the first tag `P` for a partial line, `F` for a full one
 * (https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md). Undefined for anything else.
 * Many lines are of one second, whose date is looked at once: this is what every byte of a log goes through.
 */
export function createCriParser(): ParseLogLine {
  const known = Buffer.alloc(SECOND_BYTES);
  let knownZone = '';
  let knownMs = Number.NaN;

  function secondOf(line: Buffer, end: number): number {
    const zoneBytes = line[end - 1] === 0x5a ? 1 : 6;
    const isKnown = zoneBytes === knownZone.length && zoneBytes === 1 && sameSecond(line, known) && isFraction(line, end - 1);
    if (isKnown) return knownMs;
    const [, second = '', , zone = ''] = TIME.exec(line.toString('latin1', 0, end)) ?? [];
    const ms = Date.parse(`${second}${zone}`);
    if (Number.isNaN(ms)) return ms;
    line.copy(known, 0, 0, SECOND_BYTES);
    knownZone = zone;
    knownMs = ms;
    return ms;
  }

  return (line) => {
    const first = line.indexOf(SPACE);
    if (first < SECOND_BYTES + 1 || first > 64) return undefined;
    const stream = streamAt(line, first + 1);
    if (stream === undefined || line[first + 7] !== SPACE) return undefined;
    const third = line.indexOf(SPACE, first + 8);
    if (third === -1) return undefined;
    const secondMs = secondOf(line, first);
    if (Number.isNaN(secondMs)) return undefined;
    const tagEnd = line[first + 9];
    const partial = line[first + 8] === TAG_PARTIAL && (tagEnd === SPACE || tagEnd === COLON);
    const end = partial && line[line.length - 1] === LINE_END ? line.length - 1 : line.length;
    const time = () => line.toString('latin1', 0, first);
    return { stream, secondMs, time, partial, content: line.subarray(third + 1, end) };
  };
}

function sameSecond(line: Buffer, known: Buffer): boolean {
  for (let at = SECOND_BYTES - 1; at >= 0; at--) if (line[at] !== known[at]) return false;
  return true;
}

/** Nothing, or a point and digits, between the second and the zone. */
function isFraction(line: Buffer, end: number): boolean {
  if (end === SECOND_BYTES) return true;
  if (line[SECOND_BYTES] !== 0x2e || end === SECOND_BYTES + 1) return false;
  for (let at = SECOND_BYTES + 1; at < end; at++) if (line[at]! < 0x30 || line[at]! > 0x39) return false;
  return true;
}

/** `stdout` or `stderr`, byte by byte. */
function streamAt(line: Buffer, at: number): LogLine['stream'] | undefined {
  if (line[at] !== 0x73 || line[at + 1] !== 0x74 || line[at + 2] !== 0x64) return undefined;
  if (line[at + 3] === 0x6f && line[at + 4] === 0x75 && line[at + 5] === 0x74) return 'stdout';
  return line[at + 3] === 0x65 && line[at + 4] === 0x72 && line[at + 5] === 0x72 ? 'stderr' : undefined;
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
  const [, second = '', , zone = ''] = TIME.exec(time) ?? [];
  const secondMs = Date.parse(`${second}${zone}`);
  return Number.isNaN(secondMs) ? undefined : { stream, secondMs, time: () => time, partial: false, content: Buffer.from(log) };
}

/** The parser that understands this line: a file is in one format from its first line on. */
export function parserFor(line: Buffer): ParseLogLine | undefined {
  return [createCriParser(), parseDockerLine].find((parse) => parse(line) !== undefined);
}

/** A time of a log with nine digits after the seconds, as upstream shows it; in its own zone. */
export function fixedTime(text: string): string {
  // As containerd writes them.
  if (text.length === 30 && text.endsWith('Z')) return text;
  const [, seconds, fraction = '', zone] = TIME.exec(text) ?? [];
  return `${seconds}.${fraction.slice(0, 9).padEnd(9, '0')}${zone === '+00:00' ? 'Z' : zone}`;
}

/** Milliseconds since the epoch, with the fraction of the second. */
export function timeMs({ secondMs, time }: LogLine): number {
  const fraction = TIME.exec(time())?.[2] ?? '';
  return secondMs + Number(`0.${fraction || '0'}`) * 1000;
}
