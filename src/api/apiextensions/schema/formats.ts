/** Formats of texts that the API server checks (kube-openapi pkg/validation/strfmt); others are passed over, as upstream. */
import { isIP, isIPv6 } from 'node:net';
import { isMailAddress } from '../../../std/go-mail-address.ts';
import { isGoRequestUri } from '../../../std/go-url.ts';
import { checkDnsLabel, checkDnsSubdomain } from '../../machinery/names.ts';

type Check = (value: string) => boolean;

const matches =
  (pattern: RegExp): Check =>
  (value) =>
    pattern.test(value);

/** Texts are bounded by the body's limit; these patterns take linear time. */
const UUID = (version: string) =>
  matches(
    new RegExp(
      `^[0-9a-f]{8}-?[0-9a-f]{4}-?${version}[0-9a-f]{3}-?${version === '[0-9a-f]' || version === '3' ? '[0-9a-f]{4}' : '[89ab][0-9a-f]{3}'}-?[0-9a-f]{12}$`,
      'i',
    ),
  );

/** A word with at most one dash, or labels with a last one of letters alone. */
const HOSTNAME =
  /^(?:[\p{S}\p{L}a-zA-Z0-9](?:-?[\p{S}\p{L}a-zA-Z0-9]{0,62})?|(?:[\p{S}\p{L}a-zA-Z0-9](?:[-\p{S}\p{L}a-zA-Z0-9]{0,61}[\p{S}\p{L}a-zA-Z0-9])?\.)+[\p{L}a-zA-Z]{2,63})$/u;
const MOST_HOSTNAME_BYTES = 255;
const MOST_LABEL_BYTES = 63;

const isHostname: Check = (value) =>
  Buffer.byteLength(value) <= MOST_HOSTNAME_BYTES &&
  HOSTNAME.test(value) &&
  value.split('.').every((label) => Buffer.byteLength(label) <= MOST_LABEL_BYTES);

const isDate: Check = (value) => {
  const parts = /^(\d{4})-(\d{2})-(\d{2})$/.exec(value);
  if (!parts) return false;
  const [year, month, day] = parts.slice(1).map(Number) as [number, number, number];
  return month >= 1 && month <= 12 && day >= 1 && day <= new Date(Date.UTC(year, month, 0)).getUTCDate();
};

/** What follows a second `T` is let be, and any zone, as upstream. */
const isDateTime: Check = (value) => {
  const [date = '', time] = value.toLowerCase().split('t');
  if (time === undefined || !isDate(date)) return false;
  const parts = /^(\d{2}):(\d{2}):(\d{2})(?:.\d+)?(?:z|[+-]\d{2}:\d{2})$/u.exec(time);
  return parts !== null && parts[1]! <= '23' && parts[2]! <= '59' && parts[3]! <= '59';
};

const UNITS = /^(?:ns|us|µs|ms|s|m|h|hr|d|w|wk|(?:nano|micro|milli|sec|min|hour|day|week).*)$/;

/** Go's durations, or a text in which a number with a unit stands, and none of more than 64 bits. */
const isDuration: Check = (value) => {
  if (isGoDuration(value)) return true;
  const parts = [...value.matchAll(/(?<!\d)(\d+)\s*([A-Za-zµ]+)/g)];
  return parts.every(([, size]) => Number(size) < 2 ** 63) && parts.some(([, , unit]) => UNITS.test(unit!.toLowerCase()));
};

const isGoDuration: Check = (value) => /^[+-]?(?:0|(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/.test(value);

/** Of IPv4 with zeros before its numbers, too. */
const sloppyFamily = (text: string) => isIP(/^[\d.]+$/.test(text) ? text.replace(/(^|\.)0+(?=\d)/g, '$1') : text);

/** An address without a zone. */
const isAddress = (text: string) => !text.includes('%') && sloppyFamily(text) !== 0;

const isCidr: Check = (value) => {
  const parts = /^(.+)\/(\d+)$/.exec(value);
  return parts !== null && isAddress(parts[1]!) && Number(parts[2]) <= (sloppyFamily(parts[1]!) === 4 ? 32 : 128);
};

/** Of 6, 8 or 20 bytes. */
const isMac: Check = (value) => {
  if (/^[0-9a-f]{4}(?:\.[0-9a-f]{4})+$/i.test(value)) return MAC_BYTES.has(value.split('.').length * 2);
  return /^[0-9a-f]{2}(?:(?::[0-9a-f]{2})+|(?:-[0-9a-f]{2})+)$/i.test(value) && MAC_BYTES.has(value.split(/[:-]/).length);
};
const MAC_BYTES: ReadonlySet<number> = new Set([6, 8, 20]);

const isBase64: Check = (value) => value !== '' && value.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(value);

const withoutDashes = (value: string) => value.replace(/[\s-]+/g, '');

const isIsbn10: Check = (value) => {
  const text = withoutDashes(value);
  if (!/^\d{9}[\dX]$/.test(text)) return false;
  const sum = [...text].reduce((all, digit, i) => all + (i + 1) * (digit === 'X' ? 10 : Number(digit)), 0);
  return sum % 11 === 0;
};

const isIsbn13: Check = (value) => {
  const text = withoutDashes(value);
  if (!/^\d{13}$/.test(text)) return false;
  return [...text].reduce((all, digit, i) => all + Number(digit) * (i % 2 ? 3 : 1), 0) % 10 === 0;
};

const CARD =
  /^(?:4\d{12}(?:\d{3})?|5[1-5]\d{14}|6(?:011|5\d\d)\d{12}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|(?:2131|1800|35\d{3})\d{11})$/;

/** Whatever stands between the digits. */
const isCreditCard: Check = (value) => {
  const text = value.replace(/\D+/g, '');
  if (!CARD.test(text)) return false;
  const sum = [...text].reverse().reduce((all, digit, i) => {
    const twice = Number(digit) * (i % 2 ? 2 : 1);
    return all + (twice > 9 ? twice - 9 : twice);
  }, 0);
  return sum % 10 === 0;
};

const isRgb: Check = (value) => {
  const parts = /^rgb\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)$/.exec(value);
  return parts?.slice(1).every((part) => Number(part) <= 255 && !/^0\d/.test(part)) ?? false;
};

const CHECKS: ReadonlyMap<string, Check> = new Map<string, Check>([
  ['bsonobjectid', matches(/^[0-9a-f]{24}$/i)],
  ['uri', isGoRequestUri],
  ['email', isMailAddress],
  ['hostname', isHostname],
  ['ipv4', (value) => value.includes('.') && isAddress(value)],
  ['ipv6', (value) => isIPv6(value) && !value.includes('%')],
  ['cidr', isCidr],
  ['mac', isMac],
  ['uuid', UUID('[0-9a-f]')],
  ['uuid3', UUID('3')],
  ['uuid4', UUID('4')],
  ['uuid5', UUID('5')],
  ['isbn', (value) => isIsbn10(value) || isIsbn13(value)],
  ['isbn10', isIsbn10],
  ['isbn13', isIsbn13],
  ['creditcard', isCreditCard],
  ['ssn', matches(/^\d{3}[- ]\d{2}[- ]\d{4}$/)],
  ['hexcolor', matches(/^#?(?:[0-9a-f]{3}|[0-9a-f]{6})$/i)],
  ['rgbcolor', isRgb],
  ['byte', isBase64],
  ['password', () => true],
  ['date', isDate],
  ['duration', isDuration],
  ['datetime', isDateTime],
  ['k8sshortname', (value) => checkDnsLabel(value).length === 0],
  ['k8slongname', (value) => checkDnsSubdomain(value).length === 0],
]);

/** By the type of their values, which has to be said. */
const NUMBER_FORMATS: Readonly<Record<string, readonly string[]>> = {
  integer: ['int32', 'int64'],
  number: ['float', 'double'],
};

/**
 * Whether a format means something for values of the type ('' where a schema says none, or several). What means nothing is warned of, and
 * is as if it were not there. Dashes in names do not count.
 */
export function isKnownFormat(format: string, type = ''): boolean {
  if (type === '' || type === 'string') return formatCheck(format) !== undefined;
  return Object.hasOwn(NUMBER_FORMATS, type) && NUMBER_FORMATS[type]!.includes(format);
}

/** How a text of the format must look; undefined for formats that nobody checks. */
export function formatCheck(format: string): Check | undefined {
  return CHECKS.get(format.replaceAll('-', ''));
}
