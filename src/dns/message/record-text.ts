import { CLASS, classNumber, TYPE, typeName, typeNumber } from './constants.ts';
import type { RecordData, ResourceRecord } from './message.ts';
import { MessageError } from './message-error.ts';
import { labelsOf } from './names.ts';
import { addressBytes } from './records.ts';

/** Of records that say none (as miekg/dns has it). */
const DEFAULT_TTL = 3600;
const MOST_TTL = 0x7fff_ffff;
const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 } as const;

interface Word {
  readonly text: string;
  readonly quoted: boolean;
}

/** Types of which `parseRecord` understands what they say. */
const READERS: ReadonlyMap<number, (words: readonly Word[]) => RecordData> = new Map([
  [TYPE.A, (words) => addressOf(words, 4)],
  [TYPE.AAAA, (words) => addressOf(words, 16)],
  ...([TYPE.CNAME, TYPE.NS, TYPE.PTR, TYPE.DNAME] as const).map(
    (type) => [type, (words: readonly Word[]) => ({ target: name(one(words, 1)[0]!) })] as const,
  ),
  [
    TYPE.MX,
    (words) => {
      const [preference, exchange] = one(words, 2);
      return { preference: number(preference!, 0xffff), exchange: name(exchange!) };
    },
  ],
  [
    TYPE.SRV,
    (words) => {
      const [priority, weight, port, host] = one(words, 4);
      return {
        ...{ priority: number(priority!, 0xffff), weight: number(weight!, 0xffff), port: number(port!, 0xffff) },
        host: name(host!),
      };
    },
  ],
  [TYPE.TXT, (words) => texts(words)],
  [
    TYPE.HINFO,
    (words) => {
      if (words.length !== 2) throw new MessageError('it takes two texts');
      return texts(words);
    },
  ],
  [
    TYPE.SOA,
    (words) => {
      const [primary, mailbox, serial, ...times] = one(words, 7);
      const [refresh, retry, expire, minimum] = times.map(seconds) as [number, number, number, number];
      return {
        ...{ primary: name(primary!), mailbox: name(mailbox!), serial: number(serial!, 0xffff_ffff) },
        ...{ refresh, retry, expire, minimum },
      };
    },
  ],
]);

/**
 * A record as zone files have it (RFC 1035, 5.1): `NAME [TTL] [CLASS] TYPE DATA…`, the second and third in either order, with parentheses
 * that mean nothing within one line, and names without a final dot as whole ones.
 *
 * @throws MessageError that names what is wrong
 */
export function parseRecord(text: string): ResourceRecord {
  const words = wordsOf(text);
  const [owner, ...rest] = words;
  if (!owner) throw new MessageError('a record needs a name');
  let ttl = DEFAULT_TTL;
  let recordClass: number = CLASS.IN;
  let at = 0;
  for (; at < rest.length && at < 2; at++) {
    const word = rest[at]!.text;
    if (isSeconds(word)) ttl = seconds(word);
    else if (typeNumber(word) === undefined && classNumber(word) !== undefined) recordClass = classNumber(word)!;
    // A type of the name of a class (ANY) is none that a record can have.
    else break;
  }
  const type = typeNumber(rest[at]?.text ?? '');
  if (type === undefined) throw new MessageError(`${JSON.stringify(rest[at]?.text ?? text)} is no type of a record`);
  const read = READERS.get(type);
  if (!read) throw new MessageError(`records of the type ${typeName(type)} are not supported`);
  try {
    return { name: name(owner.text), type, class: recordClass, ttl, data: read(rest.slice(at + 1)) };
  } catch (cause) {
    if (!(cause instanceof MessageError)) throw cause;
    throw new MessageError(`${typeName(type)} ${JSON.stringify(text)}: ${cause.message}`);
  }
}

function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  const pattern = /\s+|[()]|;[^\n]*|"((?:[^"\\]|\\[\s\S])*)"|((?:[^\s();"\\]|\\[\s\S])+)/gy;
  let at = 0;
  for (const match of text.matchAll(pattern)) {
    at = match.index + match[0].length;
    if (match[1] !== undefined) words.push({ text: match[1], quoted: true });
    else if (match[2] !== undefined) words.push({ text: match[2], quoted: false });
  }
  if (at !== text.length) throw new MessageError(`a quotation mark is open in ${JSON.stringify(text)}`);
  return words;
}

function one(words: readonly Word[], count: number): readonly string[] {
  if (words.length !== count) throw new MessageError(`it takes ${count} words, not ${words.length}`);
  return words.map(({ text }) => text);
}

function name(text: string): string {
  labelsOf(text);
  return text.endsWith('.') ? text : `${text}.`;
}

function number(text: string, most: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= most)) throw new MessageError(`${JSON.stringify(text)} is no number up to ${most}`);
  return value;
}

const isSeconds = (text: string) => /^(\d{1,10}|(\d{1,9}[smhdw])+)$/i.test(text);

/** `3600`, or as BIND has it: `1h30m`. */
function seconds(text: string): number {
  if (!isSeconds(text)) throw new MessageError(`${JSON.stringify(text)} is no time in seconds`);
  const parts = [...text.toLowerCase().matchAll(/(\d+)([smhdw]?)/g)];
  const sum = parts.reduce((total, [, count, unit]) => total + Number(count) * SECONDS[(unit || 's') as keyof typeof SECONDS], 0);
  if (sum > MOST_TTL) throw new MessageError(`${text} seconds are too many`);
  return sum;
}

function addressOf(words: readonly Word[], length: 4 | 16): RecordData {
  const [text] = one(words, 1);
  const raw = addressBytes(text!);
  if (raw?.length !== length) throw new MessageError(`${JSON.stringify(text)} is no address of IPv${length === 4 ? 4 : 6}`);
  return { raw };
}

/** Each with its length before it. */
function texts(words: readonly Word[]): RecordData {
  if (words.length === 0) throw new MessageError('it takes a text');
  const parts = words.flatMap(({ text }) => {
    const bytes = Buffer.from(
      text.replace(/\\(\d{3}|[\s\S])/g, (_, escaped: string) =>
        escaped.length === 3 ? String.fromCharCode(Number(escaped) & 0xff) : escaped,
      ),
      'utf8',
    );
    // What is longer than a text can be is parted (as miekg/dns does).
    const chunks = Array.from({ length: Math.max(1, Math.ceil(bytes.length / 255)) }, (_, i) =>
      bytes.subarray(i * 255, (i + 1) * 255),
    );
    return chunks.flatMap((chunk) => [Buffer.from([chunk.length]), chunk]);
  });
  const raw = Buffer.concat(parts);
  if (raw.length > 0xffff) throw new MessageError('its texts are longer than a record can be');
  return { raw };
}
