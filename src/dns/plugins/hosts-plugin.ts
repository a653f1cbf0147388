import { CodedError } from '../../std/coded-error.ts';
import { checkCount, readDuration, readInteger, readZones } from '../corefile/arguments.ts';
import { CorefileError } from '../corefile/corefile-error.ts';
import type { Directive } from '../corefile/parse-corefile.ts';
import { CLASS, RCODE, TYPE } from '../message/constants.ts';
import { normalName, zoneOf } from '../message/names.ts';
import { addressOfReverseName, addressRecord, canonicalAddress, nameRecord } from '../message/records.ts';
import { fallsThrough, readFallthrough } from './fallthrough.ts';
import { emptyReply, type Plugin, type PluginContext, type PluginDefinition, type Query, type Reply } from './plugin.ts';

interface HostsSettings {
  readonly file: string;
  readonly zones: readonly string[];
  readonly inline: string;
  readonly ttl: number;
  readonly reverse: boolean;
  /** 0: the file is read once. */
  readonly reloadMs: number;
  readonly fallthrough: readonly string[] | undefined;
}

/** Names to addresses, and back. */
export interface HostsTable {
  readonly addresses: ReadonlyMap<string, readonly string[]>;
  readonly names: ReadonlyMap<string, readonly string[]>;
}

const MAX_ENTRIES = 1_000_000;

/** `hosts [FILE [ZONES...]] { … }`: names of a file like /etc/hosts. */
export const hostsPlugin: PluginDefinition = {
  name: 'hosts',
  read([directive], zones) {
    const settings = readSettings(directive!, zones);
    return (context) => createHosts(settings, context);
  },
};

function readSettings(directive: Directive, blockZones: readonly string[]): HostsSettings {
  const [file = '/etc/hosts', ...zones] = directive.args;
  let settings: HostsSettings = {
    file,
    zones: zones.length > 0 ? readZones(directive, zones) : blockZones,
    inline: '',
    ttl: 3600,
    reverse: true,
    reloadMs: 5_000,
    fallthrough: undefined,
  };
  for (const property of directive.block) {
    const { name, args } = property;
    if (name === 'fallthrough') settings = { ...settings, fallthrough: readFallthrough(property) };
    else if (name === 'no_reverse') settings = { ...settings, reverse: false };
    else if (name === 'ttl') settings = { ...settings, ttl: readInteger(property, checkCount(property, 1)[0]!, 1, 0x7fff_ffff) };
    else if (name === 'reload') settings = { ...settings, reloadMs: readDuration(property, checkCount(property, 1)[0]!) };
    else if (canonicalAddress(name) !== undefined && args.length > 0)
      settings = { ...settings, inline: `${settings.inline}${name} ${args.join(' ')}\n` };
    else throw new CorefileError(property, `hosts: unknown property ${JSON.stringify(name)}`);
  }
  return settings;
}

/** Reads the lines of hosts(5); those that cannot be understood are passed over, as everywhere. */
export function parseHosts(text: string): HostsTable {
  const addresses = new Map<string, string[]>();
  const names = new Map<string, string[]>();
  let count = 0;
  for (const line of text.split('\n')) {
    const [first = '', ...hosts] = line.split('#')[0]!.trim().split(/\s+/);
    const address = canonicalAddress(first.split('%')[0]!);
    if (address === undefined) continue;
    for (const host of hosts) {
      let name: string;
      try {
        name = normalName(host);
      } catch {
        continue;
      }
      if (++count > MAX_ENTRIES) return { addresses, names };
      append(addresses, name, address);
      if (!name.startsWith('*.')) append(names, address, name);
    }
  }
  return { addresses, names };
}

function append(table: Map<string, string[]>, key: string, value: string): void {
  const known = table.get(key);
  if (!known) table.set(key, [value]);
  else if (!known.includes(value)) known.push(value);
}

function createHosts(settings: HostsSettings, context: PluginContext): Plugin {
  const { clock, logger, metrics } = context;
  const inline = parseHosts(settings.inline);
  let table: HostsTable = parseHosts('');
  let text: string | undefined;

  const read = async () => {
    let content = '';
    try {
      content = await context.readFile(settings.file);
    } catch (error) {
      if (error instanceof CodedError) throw error; // a file that may not be named
      if (text !== '')
        logger.warn('Cannot read the hosts file; what the Corefile says of hosts still counts', { file: settings.file, error });
    }
    if (content === text) return;
    text = content;
    table = parseHosts(content);
    metrics.series('coredns_hosts_entries', []).set(table.addresses.size + inline.addresses.size);
    metrics.series('coredns_hosts_reload_timestamp_seconds', []).set(clock.now() / 1000);
  };
  /** What the file says, and what the Corefile says besides. */
  const lookUp = (kind: keyof HostsTable, key: string): readonly string[] | undefined => {
    const [inFile, here] = [table[kind].get(key), inline[kind].get(key)];
    return inFile && here ? [...new Set([...inFile, ...here])] : (inFile ?? here);
  };
  const answer = (query: Query): Reply | undefined => {
    const { type, name } = query.question;
    if (type === TYPE.PTR) {
      const address = settings.reverse ? addressOfReverseName(query.name) : undefined;
      const names = (address === undefined ? undefined : lookUp('names', address))?.filter(
        (one) => zoneOf(one, settings.zones) !== undefined,
      );
      return names?.length ? found(names.map((target) => nameRecord(TYPE.PTR, name, target, settings.ttl))) : undefined;
    }
    const wildcard = `*${query.name.slice(query.name.indexOf('.'))}`;
    const addresses = lookUp('addresses', query.name) ?? lookUp('addresses', wildcard);
    if (!addresses) return undefined;
    return found(
      addresses.flatMap((address) => addressRecord(name, address, settings.ttl) ?? []).filter((one) => one.type === type),
    );
  };
  return {
    async start(signal) {
      await read();
      if (settings.reloadMs === 0) return;
      const again = async () => {
        while (!signal.aborted) {
          await clock.sleep(settings.reloadMs, signal);
          await read();
        }
      };
      again().catch((error: unknown) => {
        if (!signal.aborted) logger.error('The hosts file is read no more', { error });
      });
    },
    resolve: (next) => (query) => {
      const { class: asked, type } = query.question;
      const reverse = type === TYPE.PTR;
      if (asked !== CLASS.IN || (!reverse && zoneOf(query.name, settings.zones) === undefined)) return next(query);
      const reply = answer(query);
      if (reply) return reply;
      // Addresses that are in no file are nobody's in particular.
      if (reverse || fallsThrough(query.name, settings.fallthrough)) return next(query);
      // A denial would need an SOA record, which a hosts file has none of (as CoreDNS).
      return emptyReply(RCODE.SERVFAIL, 'hosts');
    },
  };
}

function found(answers: Reply['answers']): Reply {
  return { ...emptyReply(RCODE.NOERROR, 'hosts'), authoritative: true, answers };
}
