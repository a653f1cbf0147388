import { withoutTrailing } from '../../std/trailing.ts';
import { type Answer, type ApiRequest, errorAnswer, type Handler, type Outcome, plainAnswer } from './api-exchange.ts';

/** A path with `:name` for a part of any text; a last `*` takes all that follows. */
export interface Route {
  readonly path: string;
  readonly methods: readonly string[];
  readonly handle: Handler;
}

const NOT_FOUND: Answer = errorAnswer(404, '404 page not found');

/** The handler of the first route that fits; slashes at the end of a path do not matter. */
export function createRouter(routes: readonly Route[]): (request: ApiRequest) => Promise<Outcome> {
  const table = routes.map(({ path, ...rest }) => ({ parts: partsOf(path), ...rest }));
  return async (request) => {
    const parts = partsOf(request.path);
    const allowed = new Set<string>();
    for (const route of table) {
      const parameters = fit(route.parts, parts);
      if (!parameters) continue;
      if (route.methods.includes(request.method)) return route.handle(request, parameters);
      for (const method of route.methods) allowed.add(method);
    }
    if (allowed.size === 0) return NOT_FOUND;
    return plainAnswer(405, 'Method Not Allowed', { allow: [...allowed].join(', ') });
  };
}

const partsOf = (path: string): readonly string[] => withoutTrailing(path, '/').split('/').slice(1);

function fit(pattern: readonly string[], parts: readonly string[]): Readonly<Record<string, string>> | undefined {
  const open = pattern.at(-1) === '*';
  const fixed = open ? pattern.length - 1 : pattern.length;
  if (open ? parts.length < fixed : parts.length !== fixed) return undefined;
  const parameters: [string, string][] = [];
  for (let i = 0; i < fixed; i++) {
    const [wanted, part] = [pattern[i]!, parts[i]!];
    if (wanted.startsWith(':')) {
      if (part === '') return undefined;
      parameters.push([wanted.slice(1), part]);
    } else if (wanted !== part) return undefined;
  }
  return Object.fromEntries(parameters);
}
