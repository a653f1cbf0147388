import { type ComponentPage, flagzPage, statuszPage } from '../../api/configuration/component-pages.ts';
import type { Handler, ServerResponse } from '../contracts.ts';

/** `/flagz`: the command line as it was understood. */
export function createFlagz(component: string, flags: () => ReadonlyMap<string, string>): Handler {
  return async ({ request }, response) => send(response, await flagzPage(component, flags(), request.headers['accept']));
}

export interface StatuszSources {
  readonly startMs: number;
  readonly now: () => number;
  readonly paths: () => readonly string[];
}

/** `/statusz`: since when the component runs, and what it is. */
export function createStatusz(component: string, { startMs, now, paths }: StatuszSources): Handler {
  return async ({ request }, response) => {
    const sources = { startMs, nowMs: now(), paths: paths() };
    send(response, await statuszPage(component, sources, request.headers['accept']));
  };
}

function send(response: ServerResponse, { headers, body }: ComponentPage): void {
  const bytes = Buffer.from(body);
  response.writeHead(200, { ...headers, 'content-length': String(bytes.length) });
  response.end(bytes);
}
