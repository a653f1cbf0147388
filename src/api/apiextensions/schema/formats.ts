/** Formats of texts that the API server checks (kube-openapi pkg/validation/strfmt); others are passed over, as upstream. */
import { isIP, isIPv4, isIPv6 } from 'node:net';
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

const isHostname: Check = (value) =>
  value.length <= 255 && value.split('.').every((label) => /^[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?$/u.test(label));

const isEmail: Check = (value) => {
  const at = value.lastIndexOf('@');
  return (
    at > 0 &&
    value.length <= 998 &&
    /^[^\s@<>(),;:"[\]]+$/.test(value.slice(0, at)) &&
    /^[^\s@<>(),;:"]+$/.test(value.slice(at + 1))
  );
};

const isUri: Check = (value) => {
  // Go's url.ParseRequestURI: an absolute URI, or a path that begins with a slash.
  if (value === '' || !/^[!-~\u0080-\u{10ffff}]+$/u.test(value)) return false;
  if (value.startsWith('/')) return !/%(?![0-9a-f]{2})/i.test(value);
  return /^[a-z][a-z0-9+.-]*:[^\s]*$/i.test(value) && !/%(?![0-9a-f]{2})/i.test(value);
};

const isDate: Check = (value) => {
  const parts = /^(\d{4})-(\d{2})-(\d{2})$/.exec(value);
  if (!parts) return false;
  const [year, month, day] = parts.slice(1).map(Number) as [number, number, number];
  return month >= 1 && month <= 12 && day >= 1 && day <= new Date(Date.UTC(year, month, 0)).getUTCDate();
};

const isDateTime: Check = (value) => {
  const parts = /^(\d{4}-\d{2}-\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(?:Z|[+-](\d{2}):(\d{2}))$/i.exec(value);
  if (!parts || !isDate(parts[1]!)) return false;
  const [hour, minute, second, offsetHour = 0, offsetMinute = 0] = parts.slice(2).map((n) => (n === undefined ? 0 : Number(n)));
  return hour! < 24 && minute! < 60 && second! < 60 && offsetHour < 24 && offsetMinute < 60;
};

const isDuration: Check = (value) =>
  /^[+-]?(?:0|(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/.test(value) ||
  /^\d+(?:\.\d+)?\s*(?:ns|nanos?|nanoseconds?|us|µs|micros?|microseconds?|ms|millis?|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?|wks?)$/i.test(
    value,
  );

const isCidr: Check = (value) => {
  const parts = /^(.+)\/(\d{1,3})$/.exec(value);
  if (!parts) return false;
  const family = isIP(parts[1]!);
  return family !== 0 && Number(parts[2]) <= (family === 4 ? 32 : 128) && !/^0\d/.test(parts[2]!);
};

const isBase64: Check = (value) => value.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(value);

const digits = (value: string) => value.replace(/[- ]/g, '');

const isIsbn10: Check = (value) => {
  const text = digits(value);
  if (!/^\d{9}[\dXx]$/.test(text)) return false;
  const sum = [...text].reduce((all, digit, i) => all + (i + 1) * (/x/i.test(digit) ? 10 : Number(digit)), 0);
  return sum % 11 === 0;
};

const isIsbn13: Check = (value) => {
  const text = digits(value);
  if (!/^\d{13}$/.test(text)) return false;
  return [...text].reduce((all, digit, i) => all + Number(digit) * (i % 2 ? 3 : 1), 0) % 10 === 0;
};

const isCreditCard: Check = (value) => {
  const text = digits(value);
  if (!/^\d{13,19}$/.test(text)) return false;
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
  ['uri', isUri],
  ['email', isEmail],
  ['hostname', isHostname],
  ['ipv4', isIPv4],
  ['ipv6', (value) => isIPv6(value)],
  ['cidr', isCidr],
  ['mac', matches(/^(?:[0-9a-f]{2}(?::[0-9a-f]{2}){5,7}|[0-9a-f]{2}(?:-[0-9a-f]{2}){5,7}|[0-9a-f]{4}(?:\.[0-9a-f]{4}){2,3})$/i)],
  ['uuid', UUID('[0-9a-f]')],
  ['uuid3', UUID('3')],
  ['uuid4', UUID('4')],
  ['uuid5', UUID('5')],
  ['isbn', (value) => isIsbn10(value) || isIsbn13(value)],
  ['isbn10', isIsbn10],
  ['isbn13', isIsbn13],
  ['creditcard', isCreditCard],
  ['ssn', matches(/^\d{3}[- ]?\d{2}[- ]?\d{4}$/)],
  ['hexcolor', matches(/^#?(?:[0-9a-f]{3}|[0-9a-f]{6})$/i)],
  ['rgbcolor', isRgb],
  ['byte', isBase64],
  ['password', () => true],
  ['date', isDate],
  ['duration', isDuration],
  ['datetime', isDateTime],
  ['date-time', isDateTime],
  ['k8s-short-name', (value) => checkDnsLabel(value).length === 0],
  ['k8s-long-name', (value) => checkDnsSubdomain(value).length === 0],
]);

/** How a text of the format must look; undefined for formats that nobody checks. Dashes in names do not count. */
export function formatCheck(format: string): Check | undefined {
  return CHECKS.get(format) ?? CHECKS.get(format.replaceAll('-', ''));
}
