import { RE2JS } from 're2js';
import type { Clock } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import { checkCount, checkNoBlock, readDuration, unknownProperty } from '../corefile/arguments.ts';
import { CorefileError } from '../corefile/corefile-error.ts';
import type { Directive } from '../corefile/parse-corefile.ts';
import { typeName } from '../message/constants.ts';
import { type PluginDefinition, whenReply } from './plugin.ts';

type Say = (logger: Logger, message: string, fields?: Readonly<Record<string, unknown>>) => void;

const LEVELS: Readonly<Record<string, Say>> = {
  error: (logger, message, fields) => logger.error(message, fields),
  warning: (logger, message, fields) => logger.warn(message, fields),
  info: (logger, message, fields) => logger.info(message, fields),
  debug: (logger, message, fields) => logger.debug(1, message, fields),
};

/** Errors that are counted for a time and then told together. */
interface Consolidation {
  readonly pattern: string;
  readonly expression: RE2JS;
  readonly period: string;
  readonly periodMs: number;
  readonly say: Say;
  readonly showFirst: boolean;
}

const LONGEST_PATTERN = 10_000;
/** Those that nothing gathers: more in this time are counted only, so that an upstream that is away does not fill a disk. */
const QUIET_MS = 1_000;

/** `errors { consolidate DURATION REGEXP [LEVEL] [show_first] }`: says which queries failed, and why. */
export const errorsPlugin: PluginDefinition = {
  name: 'errors',
  read([directive]) {
    const [output] = checkCount(directive!, 0, 1);
    if (output !== undefined && output !== 'stdout') throw new CorefileError(directive!, `invalid log file: ${output}`);
    const consolidations: Consolidation[] = [];
    for (const property of directive!.block) {
      checkNoBlock(property);
      if (property.name === 'consolidate') consolidations.push(readConsolidation(property));
      else if (property.name !== 'stacktrace') throw unknownProperty(property);
    }
    return ({ logger, clock }) => {
      const tellers = consolidations.map((one) => createTeller(one, { logger, clock }));
      const tellRest = createLimiter({ logger, clock });
      return {
        resolve: (next) => (query) =>
          whenReply(next(query), (reply) => {
            const { error, rcode } = reply;
            if (error === undefined) return reply;
            const { name, type } = query.question;
            const line = `plugin/errors: ${rcode} ${name} ${typeName(type)}: ${error}`;
            if (!tellers.some((tell) => tell(error, line))) tellRest(line);
            return reply;
          }),
      };
    };
  },
};

function readConsolidation(property: Directive): Consolidation {
  const [period, pattern, ...options] = checkCount(property, 2, 4);
  const showFirst = options.at(-1) === 'show_first';
  const [level = 'error', ...rest] = showFirst ? options.slice(0, -1) : options;
  const say = Object.hasOwn(LEVELS, level) ? LEVELS[level] : undefined;
  if (!say || rest.length > 0)
    throw new CorefileError(property, `unknown log level argument in consolidate: ${[level, ...rest].join(' ')}`);
  if (pattern!.length > LONGEST_PATTERN)
    throw new CorefileError(property, `the expression of consolidate is longer than ${LONGEST_PATTERN} characters`);
  try {
    const expression = RE2JS.compile(pattern!);
    return { pattern: pattern!, expression, period: period!, periodMs: readDuration(property, period!), say, showFirst };
  } catch (cause) {
    if (cause instanceof CorefileError) throw cause;
    throw new CorefileError(property, `invalid expression of consolidate: ${(cause as Error).message}`, cause);
  }
}

interface Voice {
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Answers whether an error is one of its own. The time runs from the first. */
function createTeller(of: Consolidation, { logger, clock }: Voice): (error: string, line: string) => boolean {
  let count = 0;
  return (error, line) => {
    if (!of.expression.matcher(error).find()) return false;
    if (++count > 1) return true;
    if (of.showFirst) of.say(logger, line);
    clock.setTimer(of.periodMs, () => {
      if (!of.showFirst || count > 1)
        of.say(logger, `plugin/errors: ${count} errors like '${of.pattern}' occurred in last ${of.period}`);
      count = 0;
    });
    return true;
  };
}

function createLimiter({ logger, clock }: Voice): (line: string) => void {
  let quietUntilMs = 0;
  let unsaid = 0;
  return (line) => {
    if (clock.now() < quietUntilMs) {
      unsaid++;
      return;
    }
    logger.error(line, unsaid > 0 ? { alsoFailed: unsaid } : undefined);
    unsaid = 0;
    quietUntilMs = clock.now() + QUIET_MS;
  };
}
