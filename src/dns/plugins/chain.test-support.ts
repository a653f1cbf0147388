/** Plugins of a server block without a server. For tests only. */
import { VirtualClock } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import { parseCorefile } from '../corefile/parse-corefile.ts';
import { RCODE, TYPE } from '../message/constants.ts';
import { createDnsMetrics } from '../metrics/dns-metrics.ts';
import { readPlugins } from './known-plugins.ts';
import { emptyReply, type Plugin, type Resolve, withQuestion } from './plugin.ts';
import { ownQuery } from './small-plugins.ts';

export const question = (name: string, type: number = TYPE.A) => withQuestion(ownQuery(name), { name, type, class: 1 });

/** The plugins of some lines of a server block before an answerer of the test's own; what they ask the server itself is not answered. */
export function chain(lines: string, last: Resolve, { asksItself = false, files = {} as Readonly<Record<string, string>> } = {}) {
  const asked: string[] = [];
  const failures: Error[] = [];
  const logged: string[] = [];
  const say = (level: string) => (message: string, fields?: object) =>
    void logged.push(`${level} ${message}${fields ? ` ${JSON.stringify(fields)}` : ''}`);
  const logger: Logger = {
    ...{ info: say('info'), warn: say('warning'), error: say('error'), child: () => logger },
    debug: (_, message, fields) => say('debug')(message, fields),
  };
  const [block] = parseCorefile(`. {\n${lines}\n}`, 'Corefile', { environment: {}, readImport: () => '', listImports: () => [] });
  const clock = new VirtualClock(1_000_000);
  const metrics = createDnsMetrics();
  const plugins: readonly Plugin[] = readPlugins(block!.directives, ['.']).map(({ create }) =>
    create({
      zones: ['.'],
      server: 'dns://:53',
      addresses: [],
      client: () => Promise.reject(new Error('no API server')),
      async lookup(query, name, type) {
        asked.push(name);
        return asksItself ? resolve(withQuestion(query, { name, type, class: 1 })) : emptyReply(RCODE.SERVFAIL);
      },
      readFile: async (path) => files[path] ?? '',
      metrics,
      clock,
      logger,
      random: Math.random,
      fail: (error) => failures.push(error),
    }),
  );
  const resolve: Resolve = plugins.reduceRight<Resolve>((next, { resolve: own }) => own?.(next) ?? next, last);
  return { clock, metrics, resolve, plugins, asked, failures, logged };
}
