/**
 * What differs between two specs, for people: the lines of their JSON in upstream's own form that were and that are, with three lines of
 * those around them (apimachinery/pkg/util/diff).
 */
import { exactJsonText } from '../../../std/exact-json.ts';
import { matchingBlocks } from '../../../std/matching-blocks.ts';
import { internalForm } from './internal-form.ts';

const CONTEXT = 3;
/** Of what was written, in characters; upstream's form is many times as long. */
const LONGEST = 100_000;
const TOO_LONG = '(what differs is too long to be shown)\n';

/** `type`: upstream's, as in `INTERNAL_TYPES`. `before` is what is stored. */
export function describeDifference(type: string, before: unknown, after: unknown): string {
  if (exactJsonText(before).length + exactJsonText(after).length > LONGEST) return TOO_LONG;
  const [a, b] = [linesOf(internalForm(type, before, true)), linesOf(internalForm(type, after))];
  const blocks = matchingBlocks(a, b);
  return blocks ? hunks(a, b, blocks) : TOO_LONG;
}

const ESCAPED: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
};

/** As Go writes it. */
const linesOf = (form: unknown) =>
  exactJsonText(form, 1)
    .replace(/[<>&\u2028\u2029]/g, (character) => ESCAPED[character]!)
    .split('\n');

/** What became of lines `a1` to `a2` of the one text, and where that is in the other. */
interface Step {
  readonly same: boolean;
  readonly a1: number;
  readonly a2: number;
  readonly b1: number;
  readonly b2: number;
}

function hunks(a: readonly string[], b: readonly string[], blocks: ReturnType<typeof matchingBlocks> & {}): string {
  const steps: Step[] = [];
  let [i, j] = [0, 0];
  for (const { inA, inB, size } of [...blocks, { inA: a.length, inB: b.length, size: 0 }]) {
    if (i < inA || j < inB) steps.push({ same: false, a1: i, a2: inA, b1: j, b2: inB });
    [i, j] = [inA + size, inB + size];
    if (size) steps.push({ same: true, a1: inA, a2: i, b1: inB, b2: j });
  }
  return groups(steps)
    .map((group) => {
      const [first, last] = [group[0]!, group.at(-1)!];
      const lines = group.flatMap(({ same, a1, a2, b1, b2 }) =>
        same
          ? a.slice(a1, a2).map((line) => ` ${line}`)
          : [...a.slice(a1, a2).map((line) => `-${line}`), ...b.slice(b1, b2).map((line) => `+${line}`)],
      );
      return `@@ -${range(first.a1, last.a2)} +${range(first.b1, last.b2)} @@\n${lines.join('\n')}\n`;
    })
    .join('');
}

/** Changes that are near each other, with what is around them. */
function groups(steps: readonly Step[]): Step[][] {
  const all: Step[][] = [[]];
  steps.forEach((step, i) => {
    const group = all.at(-1)!;
    if (!step.same) {
      group.push(step);
      return;
    }
    const before = i === 0 ? 0 : CONTEXT;
    const after = i === steps.length - 1 ? 0 : CONTEXT;
    const { a1, a2, b1, b2 } = step;
    if (a2 - a1 <= before + after) {
      group.push(step);
      return;
    }
    if (before) group.push({ ...step, a2: a1 + before, b2: b1 + before });
    if (after) all.push([{ ...step, a1: a2 - after, b1: b2 - after }]);
  });
  return all.filter((group) => group.some(({ same }) => !same));
}

/** Lines are counted from 1; none of them begin after the one before. */
function range(from: number, to: number): string {
  const length = to - from;
  if (length === 1) return `${from + 1}`;
  return `${length === 0 ? from : from + 1},${length}`;
}
