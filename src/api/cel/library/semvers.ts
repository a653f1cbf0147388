/** Semantic versions (apiserver/pkg/cel/library/semverlib.go, version 1). */
import { declare, type FunctionDeclaration, member, overload } from '../declarations.ts';
import { BOOL, INT, opaque, STRING } from '../types.ts';
import { ErrorValue, OpaqueValue, type Value } from '../values.ts';

export const SEMVER = opaque('kubernetes.Semver');
const SHAPE =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;

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

/** A `v` in front goes, parts that are missing are 0, zeros in front of numbers go. */
function normalized(text: string): string {
  const [, numbers = '', rest = ''] = /^v?([\d.]*)([\s\S]*)$/.exec(text)!;
  const parts = numbers.split('.').map((part) => part.replace(/^0+(?=\d)/, ''));
  while (parts.length < 3) parts.push('0');
  return parts.join('.') + rest;
}

/** An ErrorValue for what is no version. */
export function parseSemver(text: string, normalize = false): Value {
  const match = text.length > 1000 ? null : SHAPE.exec(normalize ? normalized(text) : text);
  if (!match || match.slice(1, 4).some((number) => BigInt(number) >= 2n ** 64n))
    return new ErrorValue(`Invalid character(s) found in version ${JSON.stringify(text)}`);
  return new SemverValue(match.slice(1, 4).map(BigInt), match[4]?.split('.') ?? []);
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
