import type { Logger } from '../../std/logger.ts';
import type { Handler } from '../contracts.ts';
import { sendPageNotFound, sendText } from '../response/send.ts';

/** One thing that must be well. Resolves when it is, rejects with what is wrong. */
export interface HealthCheck {
  readonly name: string;
  readonly check: () => Promise<void>;
}

/**
 * Answers `/healthz`, `/livez` or `/readyz` and their single checks (apiserver/pkg/server/healthz): `ok`, or with `?verbose` or a
 * failure one line a check. `?exclude=` leaves a check out. What is wrong is logged and not told to strangers.
 */
export function createHealthHandler(
  root: 'healthz' | 'livez' | 'readyz',
  checks: readonly HealthCheck[],
  logger: Logger,
): Handler {
  return async ({ request }, response) => {
    const single = request.path.slice(root.length + 2);
    if (single !== '') {
      const check = checks.find((c) => c.name === single);
      if (!check) return sendPageNotFound(response);
      const failure = await run(check);
      if (failure === undefined) sendText(response, 200, 'ok');
      else sendText(response, 500, `internal server error: ${failure}\n`);
      return;
    }
    const excluded = new Set(request.query.getAll('exclude').flatMap((names) => names.split(',')));
    const results = await Promise.all(
      checks.map(async (check) => ({ check, failure: excluded.has(check.name) ? undefined : await run(check) })),
    );
    let lines = '';
    const failed: string[] = [];
    for (const { check, failure } of results) {
      if (excluded.has(check.name)) lines += `[+]${check.name} excluded: ok\n`;
      else if (failure === undefined) lines += `[+]${check.name} ok\n`;
      else {
        failed.push(check.name);
        logger.warn(`${root} check failed: ${check.name}`, { reason: failure });
        lines += `[-]${check.name} failed: reason withheld\n`;
      }
      excluded.delete(check.name);
    }
    if (excluded.size)
      lines += `warn: some health checks cannot be excluded: no matches for ${[...excluded].map((n) => JSON.stringify(n)).join(', ')}\n`;
    if (failed.length) sendText(response, 500, `${lines}${root} check failed\n`);
    else if (request.query.has('verbose')) sendText(response, 200, `${lines}${root} check passed\n`);
    else sendText(response, 200, 'ok');
  };
}

async function run({ check }: HealthCheck): Promise<string | undefined> {
  try {
    await check();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** A check that fails until it is told that its work is done. */
export class DoneCheck implements HealthCheck {
  readonly name: string;
  #done = false;

  constructor(name: string) {
    this.name = name;
  }

  done(): void {
    this.#done = true;
  }

  readonly check = (): Promise<void> => (this.#done ? Promise.resolve() : Promise.reject(new Error('not finished')));
}
