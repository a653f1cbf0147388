import type { Handler } from './contracts.ts';
import { negotiateOutput } from './request/negotiation.ts';
import { sendJsonBytes, sendPageNotFound } from './response/send.ts';

/**
 * Routes what is not a resource request: exact paths first, then the longest prefix that ends in a slash. Anything else is 404. `/` lists the
 * paths, and those that come and go below prefixes (`more`).
 */
export function createPathRouter(paths: ReadonlyMap<string, Handler>, more: () => readonly string[] = () => []): Handler {
  const prefixes = [...paths].filter(([path]) => path.length > 1 && path.endsWith('/')).sort(([a], [b]) => b.length - a.length);
  const own = [...paths.keys()].filter((p) => !p.endsWith('/'));
  const listing = () => Buffer.from(JSON.stringify({ paths: [...own, ...more()].sort() }));
  return (context, response) => {
    const { path } = context.request;
    const exact = paths.get(path);
    if (exact) return exact(context, response);
    for (const [prefix, handler] of prefixes) if (path.startsWith(prefix)) return handler(context, response);
    if (path === '/') return sendJsonBytes(context, response, 200, listing(), negotiateOutput(context.request));
    sendPageNotFound(response);
    return Promise.resolve();
  };
}
