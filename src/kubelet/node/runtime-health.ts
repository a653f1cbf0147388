import type { Clock } from '../../std/clock.ts';
import { within } from '../../std/within.ts';
import type { Runtime, RuntimeStatus } from '../runtime/runtime.ts';
import type { NodeHealth } from './node-conditions.ts';

/** pkg/kubelet: maxWaitForContainerRuntime. */
const LONGEST_ANSWER_MS = 30_000;

/**
 * Asks the runtime how it is. One that does not answer for so long is down: its node must say so and go on telling its status, however long a
 * call may take. It is asked again when it has answered.
 */
export function createRuntimeHealth(
  runtime: Pick<Runtime, 'status'>,
  clock: Pick<Clock, 'setTimer'>,
): () => Promise<Pick<NodeHealth, 'runtime' | 'runtimeError'>> {
  let asked: Promise<RuntimeStatus> | undefined;
  /** The question before was not answered in time, and is open. */
  let silent = false;

  function ask(): Promise<RuntimeStatus> {
    const answer = runtime.status().finally(() => {
      asked = undefined;
      silent = false;
    });
    answer.catch(() => undefined); // told to who waits for it
    return answer;
  }

  return async () => {
    asked ??= ask();
    const what = `no answer within ${LONGEST_ANSWER_MS / 1000}s`;
    try {
      return { runtime: await within(clock, silent ? 0 : LONGEST_ANSWER_MS, asked, what) };
    } catch (error) {
      silent = asked !== undefined;
      return { runtimeError: error instanceof Error ? error.message : String(error) };
    }
  };
}
