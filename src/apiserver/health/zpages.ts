import type { Handler } from '../contracts.ts';
import { sendText } from '../response/send.ts';
import { GIT_VERSION } from '../version.ts';

const WARNING =
  'Warning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.';

/** `/flagz`: the command line as it was understood (component-base/zpages/flagz). Flags name files and never hold what is in them. */
export function createFlagz(component: string, flags: () => ReadonlyMap<string, string>): Handler {
  return async (_context, response) => {
    const lines = [...flags()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => `${name}=${value}`);
    sendText(response, 200, `\n${component} flagz\n${WARNING}\n\n${lines.join('\n')}\n`);
  };
}

export interface StatuszSources {
  readonly startMs: number;
  readonly now: () => number;
  readonly paths: () => readonly string[];
}

/** `/statusz`: since when the component runs, and what it is (component-base/zpages/statusz). */
export function createStatusz(component: string, { startMs, now, paths }: StatuszSources): Handler {
  return async (_context, response) => {
    const seconds = Math.max(0, Math.floor((now() - startMs) / 1000));
    const two = (n: number) => String(n).padStart(2, '0');
    const up = `${Math.floor(seconds / 3600)} hr ${two(Math.floor(seconds / 60) % 60)} min ${two(seconds % 60)} sec`;
    const lines = [
      `Started: ${new Date(startMs).toUTCString()}`,
      `Up: ${up}`,
      `Go version: none, node ${process.version}`,
      `Binary version: ${GIT_VERSION.replace(/^v/, '')}`,
      `Paths: ${[...paths()].sort().join(' ')}`,
    ];
    sendText(response, 200, `\n${component} statusz\n${WARNING}\n\n${lines.join('\n')}\n`);
  };
}
