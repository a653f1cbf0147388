import { runProgram } from '../../host/run-program.ts';
import { CodedError } from '../../std/coded-error.ts';
import { hookQuestion, readHookAnswer } from './hook-answer.ts';
import type { NameSource } from './name-source.ts';

const LARGEST_ANSWER_BYTES = 1 << 20;

/** A program of the operator's: the question on its standard input, the answer on its output. Another status than 0 is "cannot tell now". */
export function createCommandSource(argv: readonly [string, ...string[]], timeoutMs: number): NameSource {
  const [program, ...args] = argv;
  return {
    name: `command ${program}`,
    async ask(nodeName, names, signal) {
      const { stdout } = await runProgram(program, args, { input: hookQuestion(nodeName, names), timeoutMs, signal });
      return readHookAnswer(stdout, names);
    },
  };
}

export interface HttpSourceOptions {
  readonly url: string;
  readonly timeoutMs: number;
  /** Read at every question, so that it may be rotated. */
  readonly token?: () => Promise<string>;
  readonly fetch?: typeof fetch;
}

/** A service of the operator's: the question as the body of a POST. Another status than 200 is "cannot tell now". */
export function createHttpSource({ url, timeoutMs, token, fetch: send = fetch }: HttpSourceOptions): NameSource {
  return {
    name: `http ${new URL(url).host}`,
    async ask(nodeName, names, signal) {
      const response = await send(url, {
        method: 'POST',
        redirect: 'error',
        headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${(await token()).trim()}` }) },
        body: hookQuestion(nodeName, names),
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      const text = await readLimited(response);
      if (response.status !== 200) throw new CodedError(`it answers ${response.status}`, { code: 'HOOK_FAILED' });
      return readHookAnswer(text, names);
    },
  };
}

async function readLimited(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > LARGEST_ANSWER_BYTES) throw new CodedError('its answer is too long', { code: 'HOOK_ANSWER_INVALID' });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
