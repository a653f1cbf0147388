import { steadyMs } from '../../std/clock.ts';
import { checkCount, readZones } from '../corefile/arguments.ts';
import { CorefileError } from '../corefile/corefile-error.ts';
import type { Directive } from '../corefile/parse-corefile.ts';
import { className, RCODE, rcodeName, typeName } from '../message/constants.ts';
import { zoneOf } from '../message/names.ts';
import { MessageWriter } from '../message/write-message.ts';
import { type PluginDefinition, type Query, type Reply, whenReply } from './plugin.ts';
import { largestResponse, responseOf } from './response.ts';

const COMMON =
  '{remote}:{port} - {>id} "{type} {class} {name} {proto} {size} {>do} {>bufsize}" {rcode} {>rflags} {rsize} {duration}';
const COMBINED = `${COMMON} "{>opcode}"`;
const CLASSES = ['all', 'success', 'denial', 'error'];

interface LogRule {
  readonly zones: readonly string[];
  readonly format: string;
  readonly classes: ReadonlySet<string>;
}

/** `log [NAMES...] [FORMAT] { class … }`: says every query. */
export const logPlugin: PluginDefinition = {
  name: 'log',
  repeatable: true,
  read(directives) {
    const rules = directives.map(readRule);
    return ({ logger, clock }) => {
      const writer = new MessageWriter();
      return {
        resolve: (next) => (query) => {
          const rule = rules.find(({ zones }) => zoneOf(query.name, zones) !== undefined);
          if (!rule) return next(query);
          const startMs = steadyMs(clock);
          return whenReply(next(query), (reply) => {
            if (rule.classes.has('all') || rule.classes.has(classOf(reply)))
              logger.info(formatLine(rule.format, query, reply, { ms: steadyMs(clock) - startMs, writer }));
            return reply;
          });
        },
      };
    };
  },
};

function readRule(directive: Directive): LogRule {
  const args = [...directive.args];
  let format = COMMON;
  if (args.at(-1)?.includes('{')) format = args.pop()!.replaceAll('{common}', COMMON).replaceAll('{combined}', COMBINED);
  const classes = new Set<string>();
  for (const property of directive.block) {
    if (property.name !== 'class') throw new CorefileError(property, `log: ${property.name} is not supported`);
    for (const name of checkCount(property, 1, Number.MAX_SAFE_INTEGER)) {
      if (!CLASSES.includes(name)) throw new CorefileError(property, `log: unknown class ${name}`);
      classes.add(name);
    }
  }
  return {
    zones: args.length > 0 ? readZones(directive, args) : ['.'],
    format,
    classes: classes.size > 0 ? classes : new Set(['all']),
  };
}

function classOf({ rcode, answers }: Reply): string {
  if (rcode === RCODE.NXDOMAIN || (rcode === RCODE.NOERROR && answers.length === 0)) return 'denial';
  return rcode === RCODE.NOERROR ? 'success' : 'error';
}

interface Measures {
  readonly ms: number;
  readonly writer: MessageWriter;
}

function formatLine(format: string, query: Query, reply: Reply, { ms, writer }: Measures): string {
  const { question, edns } = query;
  const flags = [
    'qr',
    reply.authoritative && 'aa',
    reply.truncated && 'tc',
    query.recursionDesired && 'rd',
    reply.recursionAvailable && 'ra',
    reply.authenticData && 'ad',
    query.checkingDisabled && 'cd',
  ];
  const values = new Map<string, string>([
    ['type', typeName(question.type)],
    ['name', question.name],
    ['class', className(question.class)],
    ['proto', query.transport],
    ['remote', query.remoteAddress.includes(':') ? `[${query.remoteAddress}]` : query.remoteAddress],
    ['port', String(query.remotePort)],
    ['size', String(query.size)],
    ['duration', `${(ms / 1000).toFixed(9)}s`],
    ['rcode', rcodeName(reply.rcode)],
    ['rsize', format.includes('{rsize}') ? String(writer.write(responseOf(query, reply), largestResponse(query)).length) : '-'],
    ['>rflags', flags.filter(Boolean).join(',')],
    ['>bufsize', String(edns?.size ?? 512)],
    ['>do', String(edns?.dnssecOk ?? false)],
    ['>id', String(query.id)],
    ['>opcode', String(query.opcode)],
  ]);
  return format.replace(/\{([^{}]+)\}/g, (_, name: string) => values.get(name) ?? '-');
}
