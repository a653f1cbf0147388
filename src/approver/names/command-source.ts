import { runProgram } from '../../host/run-program.ts';
import { hookQuestion, LARGEST_ANSWER_BYTES, readHookAnswer } from './hook-answer.ts';
import type { NameSource } from './name-source.ts';

/** A program of the operator's: the question on its standard input, the answer on its output. Another status than 0 is "cannot tell now". */
export function createCommandSource(argv: readonly [string, ...string[]], timeoutMs: number): NameSource {
  const [program, ...args] = argv;
  return {
    name: `command ${program}`,
    async ask(nodeName, names, signal) {
      const input = hookQuestion(nodeName, names);
      const { stdout } = await runProgram(program, args, { input, timeoutMs, signal, largestOutputBytes: LARGEST_ANSWER_BYTES });
      return readHookAnswer(stdout, names);
    },
  };
}
