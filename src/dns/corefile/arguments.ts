import { parseGoDuration } from '../../std/go-duration.ts';
import { normalName } from '../message/names.ts';
import { CorefileError } from './corefile-error.ts';
import type { Directive } from './parse-corefile.ts';

/** @throws CorefileError unless there are so many arguments */
export function checkCount(directive: Directive, least: number, most: number = least): readonly string[] {
  const { args, name } = directive;
  if (args.length < least || args.length > most)
    throw new CorefileError(directive, `wrong argument count or unexpected line ending after '${args.at(-1) ?? name}'`);
  return args;
}

/** @throws CorefileError when the directive has a block */
export function checkNoBlock(directive: Directive): void {
  const [first] = directive.block;
  if (first) throw new CorefileError(first, `unknown property '${first.name}'`);
}

export function unknownProperty(property: Directive): CorefileError {
  return new CorefileError(property, `unknown property '${property.name}'`);
}

/** A whole number within limits. @throws CorefileError */
export function readInteger(directive: Directive, text: string, least: number, most: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most))
    throw new CorefileError(
      directive,
      `${directive.name}: ${JSON.stringify(text)} must be a whole number from ${least} to ${most}`,
    );
  return value;
}

/** Milliseconds of a duration as Go writes it. @throws CorefileError */
export function readDuration(directive: Directive, text: string): number {
  try {
    const ms = parseGoDuration(text);
    if (ms >= 0) return ms;
  } catch (cause) {
    throw new CorefileError(directive, `${directive.name}: ${(cause as Error).message}`, cause);
  }
  throw new CorefileError(directive, `${directive.name}: ${text} must not be negative`);
}

/** Zones in lower case with a final dot; ranges (`10.0.0.0/24`, `fd00::/64`) as the reverse zones that hold them. @throws CorefileError */
export function readZones(directive: { readonly file: string; readonly line: number }, names: readonly string[]): string[] {
  return names.map((name) => readZone(directive, name));
}

export function readZone(directive: { readonly file: string; readonly line: number }, name: string): string {
  try {
    return name.includes('/') ? reverseZone(name) : normalName(name);
  } catch (cause) {
    throw new CorefileError(directive, `${JSON.stringify(name)} is no zone: ${(cause as Error).message}`, cause);
  }
}

/** Of ranges that end with an octet, or with a nibble for IPv6: others hold more than one zone. */
function reverseZone(range: string): string {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(8|16|24|32)$/.exec(range);
  if (match)
    return `${match
      .slice(1, 1 + Number(match[5]) / 8)
      .reverse()
      .join('.')}.in-addr.arpa.`;
  throw new Error('only IPv4 ranges of /8, /16, /24 and /32 are supported; write the zone of in-addr.arpa or ip6.arpa instead');
}
