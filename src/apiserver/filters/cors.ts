import { FlagError } from '../../std/flags.ts';
import type { Filter } from '../contracts.ts';

const FLAG = '--cors-allowed-origins';

const METHODS = 'POST, GET, OPTIONS, PUT, DELETE, PATCH';
const HEADERS = 'Content-Type, Content-Length, Accept-Encoding, X-CSRF-Token, Authorization, X-Requested-With, If-Modified-Since';

/**
 * The origins that patterns of the syntax RE2 find something in. A pattern must hold a host's beginning (`^` or `//`) and its end
 * (`$` or `:`): without them an origin's owner could be anybody (CVE-2022-1996).
 *
 * @throws FlagError naming the pattern
 */
export async function allowedOrigins(patterns: readonly string[]): Promise<(origin: string) => boolean> {
  const { RE2JS } = await import('re2js');
  const compiled = patterns.map((pattern) => {
    const wrong = (why: string) =>
      new FlagError(FLAG, `${FLAG} has an invalid regular expression ${JSON.stringify(pattern)}: ${why}`);
    if (pattern === '') throw new FlagError(FLAG, `empty value in ${FLAG}`);
    let program: InstanceType<typeof RE2JS>;
    try {
      program = RE2JS.compile(pattern);
    } catch (error) {
      throw wrong((error as Error).message);
    }
    if (!/\^|\/\//.test(pattern) || !/[$:]/.test(pattern))
      throw wrong('regular expression does not pin to start/end of host in the origin header');
    return program;
  });
  return (origin) => compiled.some((program) => program.matcher(origin).find());
}

/** Tells browsers that pages of these origins may ask and read, and answers their questions before (apiserver/pkg/server/filters/cors.go). */
export function createCorsFilter(allows: (origin: string) => boolean): Filter {
  return (next) => (context, response) => {
    const { origin } = context.request.headers;
    const { answerHeaders } = context;
    if (!origin || !answerHeaders || !allows(origin)) return next(context, response);
    answerHeaders['access-control-allow-origin'] = origin;
    answerHeaders['access-control-allow-methods'] = METHODS;
    answerHeaders['access-control-allow-headers'] = HEADERS;
    answerHeaders['access-control-expose-headers'] = 'Date';
    answerHeaders['access-control-allow-credentials'] = 'true';
    if (context.request.method !== 'OPTIONS') return next(context, response);
    response.writeHead(204);
    response.end();
    return Promise.resolve();
  };
}
