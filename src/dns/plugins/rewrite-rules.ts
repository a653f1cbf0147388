import { RE2JS } from 're2js';
import { CorefileError } from '../corefile/corefile-error.ts';
import type { Directive } from '../corefile/parse-corefile.ts';
import { classNumber, typeNumber } from '../message/constants.ts';
import type { Question } from '../message/message.ts';
import { normalName } from '../message/names.ts';

/** What a rule makes of a question; undefined when it is not for it. */
export interface Rewriting {
  readonly question: Question;
  /** What the names of the answer become. */
  readonly answerName?: (name: string) => string;
  /** What the names that the answer leads to become. */
  readonly answerValue?: (name: string) => string;
  /** Seconds that the answer's records count. */
  readonly ttl?: number;
}

export interface RewriteRule {
  /** Whether later rules are looked at when this one was for the question. */
  readonly continues: boolean;
  /** @param name in lower case @throws MessageError when what comes of it is no name */
  readonly apply: (question: Question, name: string) => Rewriting | undefined;
}

type NameMatch = (name: string) => string | undefined;

/**
 * One `rewrite` of a Corefile (https://coredns.io/plugins/rewrite/).
 *
 * @throws CorefileError
 */
export function readRewriteRule(directive: Directive): RewriteRule {
  const [first = '', ...rest] = directive.args;
  const mode = first === 'stop' || first === 'continue';
  const continues = first === 'continue';
  const words = mode ? rest : directive.args;
  if (directive.block.length === 0) return { continues, apply: readWords(directive, words) };
  if (words.length > 0) throw new CorefileError(directive, 'rewrite: a block follows nothing but stop or continue');
  const [name, ...answers] = directive.block;
  const all = [name!.name, ...name!.args];
  for (const answer of answers) all.push(answer.name, ...answer.args);
  return { continues, apply: readWords(directive, all) };
}

function readWords(directive: Directive, words: readonly string[]): RewriteRule['apply'] {
  const [field, ...args] = words;
  switch (field) {
    case 'type':
      return readNumber(directive, args, 'type', typeNumber);
    case 'class':
      return readNumber(directive, args, 'class', classNumber);
    case 'name':
      return readName(directive, args);
    case 'ttl':
      return readTtl(directive, args);
    case undefined:
      throw new CorefileError(directive, 'rewrite takes a rule');
    default:
      // As CoreDNS: a rule without a field is one for exact names.
      if (words.length === 2 && field.includes('.')) return readName(directive, words);
      throw new CorefileError(directive, `rewrite: invalid rule type ${JSON.stringify(field)}, or one that is not supported`);
  }
}

function readNumber(
  directive: Directive,
  args: readonly string[],
  field: 'type' | 'class',
  numberOf: (name: string) => number | undefined,
): RewriteRule['apply'] {
  const [from, to] = args.map((arg) => numberOf(arg));
  if (args.length !== 2 || from === undefined || to === undefined)
    throw new CorefileError(directive, `rewrite: ${field} takes two ${field}s: ${JSON.stringify(args.join(' '))}`);
  return (question) => (question[field] === from ? { question: { ...question, [field]: to } } : undefined);
}

const MATCHES = ['exact', 'prefix', 'suffix', 'substring', 'regex'];

function readName(directive: Directive, args: readonly string[]): RewriteRule['apply'] {
  const kind = MATCHES.includes(args[0]!) ? args[0]! : 'exact';
  const [from, to, ...answer] = kind === args[0] ? args.slice(1) : args;
  if (from === undefined || to === undefined)
    throw new CorefileError(directive, 'rewrite: name takes what to match and what to make of it');
  const match = nameMatch(directive, kind, from, to);
  const answers = readAnswers(directive, answer);
  // As CoreDNS: whole names are always turned back.
  const isAuto = answers.auto || kind === 'exact';
  return (question, name) => {
    const next = match(name);
    if (next === undefined) return undefined;
    const rewritten = normalName(next);
    const back = isAuto && autoAnswer(kind, { from: question.name, to: rewritten, pattern: from, replacement: to });
    const both = (change: ((name: string) => string) | undefined) => {
      if (!back) return change;
      return change ? (owner: string) => change(back(owner)) : back;
    };
    const [answerName, answerValue] = [both(answers.name), both(answers.value)];
    return {
      question: { ...question, name: rewritten },
      ...(answerName && { answerName }),
      ...(answerValue && { answerValue }),
    };
  };
}

function nameMatch(directive: Directive, kind: string, from: string, to: string): NameMatch {
  const lower = from.toLowerCase();
  switch (kind) {
    case 'exact': {
      const [exact, target] = [from, to].map((name) => readDomain(directive, name)) as [string, string];
      return (name) => (name === exact ? target : undefined);
    }
    case 'prefix':
      return (name) => (name.startsWith(lower) ? to + name.slice(lower.length) : undefined);
    case 'suffix': {
      const [ending, target] = [lower, to].map((text) => (text.endsWith('.') ? text : `${text}.`)) as [string, string];
      return (name) => (name.endsWith(ending) ? name.slice(0, -ending.length) + target : undefined);
    }
    case 'substring':
      return (name) => (name.includes(lower) ? name.replaceAll(lower, () => to) : undefined);
    default:
      return regexMatch(directive, from, to);
  }
}

/** As Go's expressions, in linear time; names are matched with their final dot or, as most are written, without. */
function regexMatch(directive: Directive, pattern: string, replacement: string): NameMatch {
  let expression: RE2JS;
  try {
    expression = RE2JS.compile(pattern);
  } catch (cause) {
    throw new CorefileError(
      directive,
      `rewrite: invalid regex pattern ${JSON.stringify(pattern)}: ${(cause as Error).message}`,
      cause,
    );
  }
  return (name) => {
    const matcher = expression.matcher(name);
    if (!matcher.find()) return undefined;
    return replacement.replace(/\{(\d+)\}/g, (whole, digits: string) => {
      const group = Number(digits);
      return group <= matcher.groupCount() ? (matcher.group(group) ?? '') : whole;
    });
  };
}

function readDomain(directive: Directive, name: string): string {
  try {
    return normalName(name);
  } catch (cause) {
    throw new CorefileError(directive, `rewrite: ${(cause as Error).message}`, cause);
  }
}

interface Answers {
  readonly auto: boolean;
  readonly name?: (name: string) => string;
  readonly value?: (name: string) => string;
}

/** `answer auto`, or any number of `answer name FROM TO` and `answer value FROM TO`, each of which the first that matches decides. */
function readAnswers(directive: Directive, words: readonly string[]): Answers {
  const matches: Record<'name' | 'value', NameMatch[]> = { name: [], value: [] };
  let auto = false;
  for (let i = 0; i < words.length; ) {
    const [word, what, from, to] = words.slice(i);
    if (word !== 'answer') throw new CorefileError(directive, `rewrite: unexpected ${JSON.stringify(word)}`);
    if (what === 'auto') {
      auto = true;
      i += 2;
      continue;
    }
    if ((what !== 'name' && what !== 'value') || from === undefined || to === undefined)
      throw new CorefileError(
        directive,
        `rewrite: answer takes "auto", "name FROM TO" or "value FROM TO", not ${JSON.stringify(words.slice(i + 1).join(' '))}`,
      );
    matches[what].push(regexMatch(directive, from, to));
    i += 4;
  }
  const change = (own: readonly NameMatch[]) => (name: string) => {
    for (const match of own) {
      const next = match(name.toLowerCase());
      if (next !== undefined) return next.endsWith('.') ? next : `${next}.`;
    }
    return name;
  };
  return {
    auto,
    ...(matches.name.length > 0 && { name: change(matches.name) }),
    ...(matches.value.length > 0 && { value: change(matches.value) }),
  };
}

interface Names {
  readonly from: string;
  readonly to: string;
  readonly pattern: string;
  readonly replacement: string;
}

/** Turns names of the answer back into what was asked for: the whole name, or its changed end. */
function autoAnswer(kind: string, { from, to, pattern, replacement }: Names): (name: string) => string {
  const dotted = (text: string) => (text.endsWith('.') ? text : `${text}.`);
  return (name) => {
    const lower = name.toLowerCase();
    if (lower === to) return from;
    if (kind === 'suffix' && lower.endsWith(dotted(replacement.toLowerCase())))
      return name.slice(0, -dotted(replacement).length) + dotted(pattern);
    if (kind === 'prefix' && lower.startsWith(replacement.toLowerCase())) return pattern + name.slice(replacement.length);
    return name;
  };
}

function readTtl(directive: Directive, args: readonly string[]): RewriteRule['apply'] {
  const kind = MATCHES.includes(args[0]!) ? args[0]! : 'exact';
  const [from, seconds, ...rest] = kind === args[0] ? args.slice(1) : args;
  if (from === undefined || seconds === undefined || rest.length > 0 || !/^\d{1,9}$/.test(seconds))
    throw new CorefileError(directive, 'rewrite: ttl takes what to match and a number of seconds');
  const match = nameMatch(directive, kind, from, kind === 'exact' ? from : '');
  return (question, name) => (match(name) === undefined ? undefined : { question, ttl: Number(seconds) });
}
