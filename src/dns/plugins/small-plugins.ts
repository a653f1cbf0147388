/** Plugins that need no more than a few lines. */
import { isIP } from 'node:net';
import { checkCount, checkNoBlock, readDuration, readInteger } from '../corefile/arguments.ts';
import { CorefileError } from '../corefile/corefile-error.ts';
import { CLASS, OPCODE, RCODE, TYPE } from '../message/constants.ts';
import type { ResourceRecord } from '../message/message.ts';
import { emptyReply, type PluginDefinition, type Query, type Reply, whenReply } from './plugin.ts';

/** `loadbalance [round_robin]`: addresses in another order each time. */
export const loadbalancePlugin: PluginDefinition = {
  name: 'loadbalance',
  read([directive]) {
    checkNoBlock(directive!);
    const [policy = 'round_robin'] = checkCount(directive!, 0, 1);
    if (policy !== 'round_robin')
      throw new CorefileError(directive!, `loadbalance: policy ${policy} is not supported; use round_robin`);
    return ({ random }) => ({
      resolve: (next) => (query) => whenReply(next(query), (reply) => shuffled(reply, random)),
    });
  },
};

function shuffled(reply: Reply, random: () => number): Reply {
  if (reply.answers.length < 2 || reply.rcode !== RCODE.NOERROR) return reply;
  const order = (records: readonly ResourceRecord[]) => {
    const chosen = (types: readonly number[]) => records.filter(({ type }) => types.includes(type));
    const moved = [TYPE.CNAME, TYPE.A, TYPE.AAAA, TYPE.MX];
    return [
      ...chosen([TYPE.CNAME]),
      ...records.filter(({ type }) => !moved.includes(type as never)),
      ...shuffle(chosen([TYPE.A, TYPE.AAAA]), random),
      ...shuffle(chosen([TYPE.MX]), random),
    ];
  };
  return { ...reply, answers: order(reply.answers) };
}

function shuffle<T>(items: T[], random: () => number): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
  return items;
}

/** `minimal`: nothing but what was asked for, where there is an answer (RFC 6604 keeps what denials and referrals say). */
export const minimalPlugin: PluginDefinition = {
  name: 'minimal',
  read([directive]) {
    checkNoBlock(directive!);
    checkCount(directive!, 0);
    const shortened = (reply: Reply): Reply =>
      reply.rcode === RCODE.NOERROR && reply.answers.length > 0 ? { ...reply, authorities: [], additionals: [] } : reply;
    return () => ({ resolve: (next) => (query) => whenReply(next(query), shortened) });
  },
};

/** Two texts, each with its length before it. */
const REFUSED_ANY = Buffer.concat(
  ['ANY obsoleted', 'See RFC 8482'].map((text) => Buffer.from(`${String.fromCharCode(text.length)}${text}`)),
);

/** `any`: who asks for all types is told that nobody does so any more (RFC 8482). */
export const anyPlugin: PluginDefinition = {
  name: 'any',
  read([directive]) {
    checkNoBlock(directive!);
    checkCount(directive!, 0);
    return () => ({
      resolve: (next) => (query) => {
        const { name, type } = query.question;
        if (type !== TYPE.ANY) return next(query);
        const record = { name, type: TYPE.HINFO, class: CLASS.IN, ttl: 8482, data: { raw: REFUSED_ANY } };
        return { ...emptyReply(RCODE.NOERROR, 'any'), authoritative: true, answers: [record] };
      },
    });
  },
};

/** `bufsize [SIZE]`: no datagram is larger, whatever the asker takes. */
export const bufsizePlugin: PluginDefinition = {
  name: 'bufsize',
  read([directive]) {
    const [size = '1232'] = checkCount(directive!, 0, 1);
    const most = readInteger(directive!, size, 512, 4096);
    return () => ({
      resolve: (next) => (query) =>
        next(query.edns && query.edns.size > most ? { ...query, edns: { ...query.edns, size: most } } : query),
    });
  },
};

/** `bind ADDRESS...`: where its server block listens; the server reads it itself. */
export const bindPlugin: PluginDefinition = {
  name: 'bind',
  repeatable: true,
  read(directives) {
    for (const directive of directives) {
      checkNoBlock(directive);
      for (const address of checkCount(directive, 1, Number.MAX_SAFE_INTEGER))
        if (!isIP(address))
          throw new CorefileError(
            directive,
            `bind: ${JSON.stringify(address)} is no IP address; names of interfaces are not supported`,
          );
    }
    return () => ({});
  },
};

/** `reload [INTERVAL] [JITTER]`: the Corefile is read again when it changes; the server does it. */
export const reloadPlugin: PluginDefinition = {
  name: 'reload',
  read([directive]) {
    checkNoBlock(directive!);
    const [interval = '30s', jitter = '15s'] = checkCount(directive!, 0, 2);
    if (readDuration(directive!, interval) < 2000)
      throw new CorefileError(directive!, 'interval value must be greater or equal to 2s');
    if (readDuration(directive!, jitter) < 1000)
      throw new CorefileError(directive!, 'jitter value must be greater or equal to 1s');
    return () => ({});
  },
};

const LOOP_SEEN_MOST = 2;

/** `loop`: finds out whether what is forwarded comes back, and ends the server if so. */
export const loopPlugin: PluginDefinition = {
  name: 'loop',
  read([directive]) {
    checkNoBlock(directive!);
    checkCount(directive!, 0);
    return ({ zones, random, fail, logger, lookup }) => {
      const number = () => String(Math.floor(random() * 2 ** 52));
      const zone = zones[0] ?? '.';
      const name = `${number()}.${number()}.${zone === '.' ? '' : zone}`;
      let seen = 0;
      let watching = true;
      // Any answer is one, also that nobody could be asked: had the query come back, it would have been seen on the way.
      const ask = async () => {
        await lookup(ownQuery(name), name, TYPE.HINFO);
        watching = false;
      };
      return {
        onListening(signal) {
          ask().catch((error: unknown) => {
            if (!signal.aborted) logger.warn('Cannot find out whether queries come back', { error });
          });
        },
        resolve: (next) => (query) => {
          if (watching && query.name === name && query.question.type === TYPE.HINFO && ++seen > LOOP_SEEN_MOST) {
            watching = false;
            fail(
              new Error(
                `plugin/loop: Loop detected for zone ${JSON.stringify(zone)}: seen "HINFO IN ${name}" more than twice; what is forwarded comes back to this server`,
              ),
            );
            return emptyReply(RCODE.SERVFAIL, 'loop');
          }
          return next(query);
        },
      };
    };
  },
};

/** A query that the server asks itself. */
export function ownQuery(name: string): Query {
  return {
    id: 0,
    opcode: OPCODE.QUERY,
    recursionDesired: true,
    checkingDisabled: false,
    authenticData: false,
    question: { name, type: TYPE.A, class: CLASS.IN },
    name: name.toLowerCase(),
    edns: undefined,
    transport: 'udp',
    remoteAddress: '127.0.0.1',
    remotePort: 0,
    size: 0,
  };
}
