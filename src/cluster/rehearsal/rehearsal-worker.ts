/** Worker thread of `rehearse-in-parts.ts`: plays each scenario that it is sent, one after the other. */
import { parentPort } from 'node:worker_threads';
import { rehearse } from './rehearse.ts';
import type { Scenario } from './scenario.ts';

const { signal } = new AbortController();
parentPort?.on('message', async (scenario: Scenario) => {
  try {
    parentPort?.postMessage({ result: await rehearse(scenario, { signal }) });
  } catch (error) {
    parentPort?.postMessage({ error: (error as Error).message });
  }
});
