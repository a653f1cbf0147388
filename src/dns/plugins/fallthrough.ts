import { checkNoBlock, readZones } from '../corefile/arguments.ts';
import type { Directive } from '../corefile/parse-corefile.ts';
import { zoneOf } from '../message/names.ts';

/** The zones of `fallthrough [ZONES...]`; all when it names none. @throws CorefileError */
export function readFallthrough(property: Directive): readonly string[] {
  checkNoBlock(property);
  return property.args.length > 0 ? readZones(property, property.args) : ['.'];
}

/** Whether a name that a plugin does not know is left to the next. */
export function fallsThrough(name: string, zones: readonly string[] | undefined): boolean {
  return zones !== undefined && zoneOf(name, zones) !== undefined;
}
