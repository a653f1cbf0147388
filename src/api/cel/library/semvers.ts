/** Semantic versions (apiserver/pkg/cel/library/semverlib.go, version 1). */
import { goQuote } from '../../../std/go-text.ts';
import { declare, type FunctionDeclaration, member, overload } from '../declarations.ts';
import { BOOL, INT, opaque, STRING } from '../types.ts';
import { ErrorValue, OpaqueValue, type Value } from '../values.ts';

export const SEMVER = opaque('kubernetes.Semver');
class SemverValue extends OpaqueValue {
  readonly type = SEMVER;
  readonly numbers: readonly bigint[];
  readonly before: readonly string[];
  constructor(numbers: readonly bigint[], before: readonly string[]) {
    super();
    this.numbers = numbers;
    this.before = before;
  }
  equals(other: SemverValue): boolean {
    return compare(this, other) === 0n;
  }
}

function compareIdentifiers(a: string, b: string): bigint {
  const [left, right] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (left && right) return BigInt(a) < BigInt(b) ? -1n : BigInt(a) > BigInt(b) ? 1n : 0n;
  if (left !== right) return left ? -1n : 1n;
  return a < b ? -1n : a > b ? 1n : 0n;
}

function compare(a: SemverValue, b: SemverValue): bigint {
  for (const [i, number] of a.numbers.entries()) if (number !== b.numbers[i]) return number < b.numbers[i]! ? -1n : 1n;
  if (!a.before.length || !b.before.length) return BigInt(Number(b.before.length > 0) - Number(a.before.length > 0));
  for (const [i, part] of a.before.entries()) {
    if (i >= b.before.length) return 1n;
    const order = compareIdentifiers(part, b.before[i]!);
    if (order !== 0n) return order;
  }
  return a.before.length < b.before.length ? -1n : 0n;
}

/** Texts that are no version, in the words of upstream's parser. */
class NoVersion extends Error {}

/** A `v` in front goes, zeros in front of numbers go, parts that are missing are 0. */
function normalized(text: string): string {
  const parts = splitVersion(text.replace(/^v/, '')).map((part) =>
    part.length > 1 ? part.replace(/^0+/, '').replace(/^(?!\d)/, '0') : part,
  );
  if (parts.length < 3 && /[-+]/.test(parts.at(-1)!))
    throw new NoVersion('short version cannot contain PreRelease/Build meta data');
  return [...parts, '0', '0'].slice(0, Math.max(parts.length, 3)).join('.');
}

/** At the first two dots. */
function splitVersion(text: string): string[] {
  const [major = '', minor, ...rest] = text.split('.');
  return minor === undefined ? [major] : rest.length ? [major, minor, rest.join('.')] : [major, minor];
}

function readNumber(text: string, name: string): bigint {
  if (/[^0-9]/.test(text)) throw new NoVersion(`Invalid character(s) found in ${name} number ${goQuote(text)}`);
  if (/^0./.test(text))
    throw new NoVersion(`${name[0]!.toUpperCase()}${name.slice(1)} number must not contain leading zeroes ${goQuote(text)}`);
  return readUint(text);
}

function readUint(text: string): bigint {
  const why = text === '' ? 'invalid syntax' : text.length > 20 || BigInt(text) >= 2n ** 64n ? 'value out of range' : undefined;
  if (why) throw new NoVersion(`strconv.ParseUint: parsing ${goQuote(text)}: ${why}`);
  return BigInt(text);
}

function readIdentifier(text: string): string {
  if (text === '') throw new NoVersion('Prerelease is empty');
  if (/^\d+$/.test(text)) {
    if (/^0./.test(text)) throw new NoVersion(`Numeric PreRelease version must not contain leading zeroes ${goQuote(text)}`);
    readUint(text);
  } else if (/[^0-9A-Za-z-]/.test(text)) throw new NoVersion(`Invalid character(s) found in prerelease ${goQuote(text)}`);
  return text;
}

function readVersion(text: string): SemverValue {
  if (text === '') throw new NoVersion('Version string empty');
  const [major = '', minor = '', patch] = splitVersion(text);
  if (patch === undefined) throw new NoVersion('No Major.Minor.Patch elements found');
  const [, number = '', , before, , build] = /^([^-+]*)(-([^+]*))?(\+([\s\S]*))?$/.exec(patch) ?? [];
  const numbers = [readNumber(major, 'major'), readNumber(minor, 'minor'), readNumber(number, 'patch')];
  const identifiers = before?.split('.').map(readIdentifier) ?? [];
  for (const part of build?.split('.') ?? []) {
    if (part === '') throw new NoVersion('Build meta data is empty');
    if (/[^0-9A-Za-z-]/.test(part)) throw new NoVersion(`Invalid character(s) found in build meta data ${goQuote(part)}`);
  }
  return new SemverValue(numbers, identifiers);
}

const LONGEST = 1000;

/** An ErrorValue for what is no version. */
export function parseSemver(text: string, normalize = false): Value {
  if (text.length > LONGEST) return new ErrorValue(`a version of more than ${LONGEST} characters`);
  try {
    return readVersion(normalize ? normalized(text) : text);
  } catch (error) {
    if (error instanceof NoVersion) return new ErrorValue(error.message);
    throw error;
  }
}

const isSemver = (text: string, normalize?: boolean) => !(parseSemver(text, normalize) instanceof ErrorValue);
const part = (name: string, index: number) =>
  declare(
    name,
    member(`semver_${name}`, [SEMVER], INT, ({ numbers }: SemverValue) => numbers[index]!),
  );

export const semverFunctions: readonly FunctionDeclaration[] = [
  declare(
    'semver',
    overload('string_to_semver', [STRING], SEMVER, parseSemver),
    overload('string_bool_to_semver', [STRING, BOOL], SEMVER, parseSemver),
  ),
  declare(
    'isSemver',
    overload('is_semver_string', [STRING], BOOL, isSemver),
    overload('is_semver_string_bool', [STRING, BOOL], BOOL, isSemver),
  ),
  declare(
    'isGreaterThan',
    member('semver_is_greater_than', [SEMVER, SEMVER], BOOL, (a: SemverValue, b: SemverValue) => compare(a, b) > 0n),
  ),
  declare(
    'isLessThan',
    member('semver_is_less_than', [SEMVER, SEMVER], BOOL, (a: SemverValue, b: SemverValue) => compare(a, b) < 0n),
  ),
  declare('compareTo', member('semver_compare_to', [SEMVER, SEMVER], INT, compare)),
  part('major', 0),
  part('minor', 1),
  part('patch', 2),
];
