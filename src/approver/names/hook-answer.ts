import { CodedError } from '../../std/coded-error.ts';
import type { AskedName, SourceAnswer } from './name-source.ts';

/** A thousand names take less; a hook that says more is not listened to. */
export const LARGEST_ANSWER_BYTES = 1 << 20;

/** What a hook is asked. */
export const hookQuestion = (nodeName: string, names: readonly AskedName[]): string =>
  JSON.stringify({ apiVersion: 'approver.muster.dev/v1', kind: 'NameQuestion', node: nodeName, names });

/**
 * Reads `{"answers": {"10.0.0.1": "own", "node-2": "node: node-2"}}`: for each name `own`, `unknown` or `node: <its owner>`. Names that are
 * not answered are unknown.
 *
 * @throws CodedError HOOK_ANSWER_INVALID
 */
export function readHookAnswer(text: string, names: readonly AskedName[]): SourceAnswer[] {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw new CodedError('the answer is not JSON', { code: 'HOOK_ANSWER_INVALID', cause });
  }
  const answers = (document as { answers?: unknown } | null)?.answers;
  if (typeof answers !== 'object' || answers === null || Array.isArray(answers)) throw invalid('answers must be an object');
  return names.map(({ value }) => {
    const answer: unknown = Object.hasOwn(answers, value) ? (answers as Record<string, unknown>)[value] : 'unknown';
    if (answer === 'own' || answer === 'unknown') return answer;
    // As in an inventory: names of nodes are in lower case, however they are written.
    const owner = typeof answer === 'string' && answer.startsWith('node: ') && answer.slice('node: '.length).trim().toLowerCase();
    if (owner) return { owner };
    throw invalid(`answers[${JSON.stringify(value)}] must be own, unknown or "node: <name>"`);
  });
}

const invalid = (message: string) => new CodedError(message, { code: 'HOOK_ANSWER_INVALID' });
