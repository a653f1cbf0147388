/** What is wrong with an expression before it runs, in cel-go's words and layout (common/error.go). */
import { CodedError } from '../../std/coded-error.ts';
import { codePointCount } from './values.ts';

export interface Issue {
  /** In UTF-16 units from the start of the expression; negative when it is about no place in it. */
  readonly offset: number;
  readonly message: string;
}

const MOST_ISSUES = 100;
/** Longer lines are not drawn. */
const LONGEST_SHOWN_LINE = 16_384;

function locate(source: string, offset: number): { line: number; before: string; text: string } {
  const begin = offset === 0 ? 0 : source.lastIndexOf('\n', offset - 1) + 1;
  const end = source.indexOf('\n', offset);
  let line = 1;
  for (let at = source.indexOf('\n'); at >= 0 && at < begin; at = source.indexOf('\n', at + 1)) line++;
  return { line, before: source.slice(begin, offset), text: source.slice(begin, end < 0 ? undefined : end) };
}

const isWide = (character: string) => character.codePointAt(0)! > 127;

/** `ERROR: <input>:1:6: undeclared reference to 'x' (in container '')` and the place drawn below it. */
export function formatIssue(source: string, { offset, message }: Issue): string {
  if (offset < 0) return `ERROR: <input>:-1:0: ${message}`;
  const { line, before, text } = locate(source, offset);
  const column = codePointCount(before);
  const place = `ERROR: <input>:${line}:${column + 1}: ${message}`;
  if (text.length > LONGEST_SHOWN_LINE) return place;
  const dots = before.replace(/[\s\S]/gu, (character) => (isWide(character) ? '．' : '.'));
  const here = text.slice(before.length);
  return `${place}\n | ${text.replaceAll('\t', ' ')}\n | ${dots}${here !== '' && isWide(here) ? '＾' : '^'}`;
}

/** An expression that does not parse or whose types do not fit. The message holds every issue, in the order of their places. */
export class CelCompileError extends CodedError {
  readonly issues: readonly Issue[];

  constructor(source: string, issues: readonly Issue[]) {
    const sorted = issues.toSorted((a, b) => a.offset - b.offset).slice(0, MOST_ISSUES);
    super(sorted.map((issue) => formatIssue(source, issue)).join('\n'), { code: 'CEL_INVALID' });
    this.issues = sorted;
  }

  /** What Kubernetes says of it. */
  get explanation(): string {
    return `compilation failed: ${this.message}`;
  }
}

/** An expression whose constants can have no value: found when what evaluates it is put together, in no place of it. */
export class CelProgramError extends CelCompileError {
  constructor(why: string) {
    super('', []);
    this.message = why;
  }

  override get explanation(): string {
    return `program instantiation failed: ${this.message}`;
  }
}
