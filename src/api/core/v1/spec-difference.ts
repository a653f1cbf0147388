/**
 * What differs between two specs, for people: as text with the old lines after a minus and the new ones after a plus. Upstream prints
 * the Go values; its text is made to change from build to build, so that nobody reads it by program.
 */

import { exactJsonText } from '../../../std/exact-json.ts';
import { isJsonMap } from '../../machinery/clone.ts';
import { sameMeaning } from '../../machinery/field-checks.ts';

/** Fields that are the same around one that is not. */
const CONTEXT = 2;
const MOST_LINES = 60;

/** `typeName` stands in front: `core.PodSpec`. */
export function describeDifference(typeName: string, before: unknown, after: unknown): string {
  const lines: string[] = [];
  describe(lines, typeName, before, after, 0);
  const shown = lines.slice(0, MOST_LINES);
  if (lines.length > MOST_LINES) shown.push(line(' ', 0, `... // ${lines.length - MOST_LINES} more lines`));
  return `${shown.join('\n')}\n`;
}

const line = (sign: string, depth: number, text: string) => `${sign} ${'\t'.repeat(depth)}${text}`;
const show = (value: unknown) => (value === undefined ? 'nil' : exactJsonText(value));
const goName = (field: string) => field.slice(0, 1).toUpperCase() + field.slice(1);

function describe(lines: string[], label: string, before: unknown, after: unknown, depth: number): void {
  if (isJsonMap(before) && isJsonMap(after)) {
    lines.push(line(' ', depth, `${label}{`));
    const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    describeParts(
      lines,
      fields.map((field) => ({ label: `${goName(field)}: `, before: own(before, field), after: own(after, field) })),
      depth + 1,
      'fields',
    );
    lines.push(line(' ', depth, '}'));
  } else if (Array.isArray(before) && Array.isArray(after)) {
    lines.push(line(' ', depth, `${label}{`));
    const items = Array.from({ length: Math.max(before.length, after.length) }, (_, i) => ({
      label: '',
      before: before[i],
      after: after[i],
    }));
    describeParts(lines, items, depth + 1, 'elements');
    lines.push(line(' ', depth, '}'));
  } else {
    lines.push(line('-', depth, `${label}${show(before)},`), line('+', depth, `${label}${show(after)},`));
  }
}

const own = (map: Record<string, unknown>, field: string) => (Object.hasOwn(map, field) ? map[field] : undefined);

interface Part {
  readonly label: string;
  readonly before: unknown;
  readonly after: unknown;
}

function describeParts(lines: string[], parts: readonly Part[], depth: number, noun: string): void {
  const changed = parts.map(({ before, after }) => !sameMeaning(before, after));
  const isNear = (i: number) => {
    for (let at = i - CONTEXT; at <= i + CONTEXT; at++) if (changed[at]) return true;
    return false;
  };
  let hidden = 0;
  const flush = () => {
    if (hidden) lines.push(line(' ', depth, `... // ${hidden} identical ${noun}`));
    hidden = 0;
  };
  parts.forEach((part, i) => {
    if (lines.length > MOST_LINES) return;
    if (!isNear(i)) {
      hidden++;
      return;
    }
    flush();
    if (changed[i]) describe(lines, part.label, part.before, part.after, depth);
    else lines.push(line(' ', depth, `${part.label}${show(part.before)},`));
  });
  flush();
}
