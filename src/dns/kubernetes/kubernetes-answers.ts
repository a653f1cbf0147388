import { RCODE, TYPE } from '../message/constants.ts';
import type { ResourceRecord } from '../message/message.ts';
import { isWithin } from '../message/names.ts';
import {
  addressBytes,
  addressOfReverseName,
  addressRecord,
  nameRecord,
  soaRecord,
  srvRecord,
  textRecord,
} from '../message/records.ts';
import { emptyReply, type Query, type Reply, withQuestion } from '../plugins/plugin.ts';
import { type ClusterZoneOptions, findTargets, namesOfAddress, type Target } from './cluster-zone.ts';

/** The version of the schema that the names follow. */
const SCHEMA_VERSION = '1.1.0';
const VERSION_TTL = 28_800;
/** A chain of CNAMEs within the zone ends here. */
const MAX_CNAMES = 8;
/** Every target weighs the same. */
const ALL_WEIGHT = 100;

export interface AnswerOptions extends ClusterZoneOptions {
  /** Seconds. */
  readonly ttl: number;
  /** The first of the zones that is no reverse zone; PTR records lead there. */
  readonly primaryZone: string;
  /** Of the server itself, for NS records. */
  readonly addresses: readonly string[];
  /** Asks the whole server for what lies outside of the zone. */
  readonly lookup: (query: Query, name: string, type: number) => Promise<Reply>;
}

/** Undefined: there is no such name, so that another plugin may be asked. */
type Found =
  | {
      readonly answers: readonly ResourceRecord[];
      readonly additionals?: readonly ResourceRecord[];
      /** Another server had more to say. */
      readonly truncated?: boolean;
    }
  | undefined;

/**
 * Answers a query within a zone of the cluster.
 *
 * @returns undefined when there is no such name
 */
export function answerFromCluster(
  query: Query,
  zone: string,
  options: AnswerOptions,
): Reply | undefined | Promise<Reply | undefined> {
  const found = find(query, zone, options);
  return found instanceof Promise ? found.then((one) => replyOf(one, zone, options)) : replyOf(found, zone, options);
}

function replyOf(found: Found, zone: string, options: AnswerOptions): Reply | undefined {
  if (!found) return undefined;
  if (found.answers.length === 0) return denial(RCODE.NOERROR, zone, options);
  const { answers, additionals = [], truncated = false } = found;
  return {
    ...emptyReply(RCODE.NOERROR, 'kubernetes'),
    authoritative: true,
    recursionAvailable: true,
    truncated,
    answers,
    additionals,
  };
}

/** NXDOMAIN or NODATA, with the SOA record that says how long it counts. */
export function denial(rcode: number, zone: string, options: Pick<AnswerOptions, 'ttl' | 'data'>): Reply {
  return { ...emptyReply(rcode, 'kubernetes'), authoritative: true, authorities: [zoneSoa(zone, options)] };
}

function zoneSoa(zone: string, { ttl, data }: Pick<AnswerOptions, 'ttl' | 'data'>): ResourceRecord {
  return soaRecord(zone, Math.min(ttl, 300), {
    primary: below('ns.dns', zone),
    mailbox: below('hostmaster', zone),
    serial: data.modified >>> 0,
    refresh: 7200,
    retry: 1800,
    expire: 86_400,
    minimum: ttl,
  });
}

const below = (path: string, zone: string) => (zone === '.' ? `${path}.` : `${path}.${zone}`);

function find(query: Query, zone: string, options: AnswerOptions): Found | Promise<Found> {
  const { type } = query.question;
  const isApex = query.name === zone;
  switch (type) {
    case TYPE.A:
    case TYPE.AAAA:
      return findAddresses(query, query.name, zone, options, 0);
    case TYPE.PTR:
      return findNames(query, zone, options);
    case TYPE.SRV:
      return findPorts(query, zone, options);
    case TYPE.TXT:
      return query.name === below('dns-version', zone)
        ? { answers: [textRecord(query.question.name, SCHEMA_VERSION, VERSION_TTL)] }
        : exists(query, zone, options);
    case TYPE.CNAME: {
      const targets = findTargets(query.name, zone, options);
      return targets && { answers: targets.filter(isName).map((target) => cname(query.question.name, target, options)) };
    }
    case TYPE.SOA:
      return isApex ? { answers: [zoneSoa(zone, options)] } : exists(query, zone, options);
    case TYPE.NS:
      return isApex ? findServers(query, zone, options) : exists(query, zone, options);
    default:
      return exists(query, zone, options);
  }
}

function exists(query: Query, zone: string, options: AnswerOptions): Found {
  if (query.name === below('ns.dns', zone)) return { answers: [] };
  return findTargets(query.name, zone, options) && { answers: [] };
}

const isName = ({ host }: Target) => addressBytes(host) === undefined;
const withDot = (name: string) => (name.endsWith('.') ? name : `${name}.`);
const cname = (name: string, { host }: Target, { ttl }: AnswerOptions) => nameRecord(TYPE.CNAME, name, withDot(host), ttl);

/** @param name as asked, or as a CNAME led to it */
function findAddresses(query: Query, name: string, zone: string, options: AnswerOptions, depth: number): Found | Promise<Found> {
  const { type, name: asked } = query.question;
  const owner = depth === 0 ? asked : name;
  const lower = depth === 0 ? name : name.toLowerCase();
  if (lower === below('ns.dns', zone))
    return { answers: serverAddresses(options).flatMap((address) => ofType(addressRecord(owner, address, options.ttl), type)) };
  const targets = findTargets(lower, zone, options);
  if (!targets) return undefined;
  const external = targets.find(isName);
  if (external) return followName(query, { owner, lower, zone, depth }, external, options);
  const answers: ResourceRecord[] = [];
  const seen = targets.length > 1 ? new Set<string>() : undefined;
  for (const { host } of targets) {
    if (seen?.has(host)) continue;
    seen?.add(host);
    const record = addressRecord(owner, host, options.ttl);
    if (record?.type === type) answers.push(record);
  }
  return { answers };
}

const ofType = (record: ResourceRecord | undefined, type: number) => (record?.type === type ? [record] : []);

interface Step {
  readonly owner: string;
  readonly lower: string;
  readonly zone: string;
  readonly depth: number;
}

async function followName(
  query: Query,
  { owner, lower, zone, depth }: Step,
  target: Target,
  options: AnswerOptions,
): Promise<Found> {
  const record = cname(owner, target, options);
  const host = withDot(target.host);
  if (host.toLowerCase() === lower || depth >= MAX_CNAMES) return { answers: [] };
  if (isWithin(host.toLowerCase(), zone)) {
    const next = await findAddresses(query, host, zone, options, depth + 1);
    return next && next.answers.length > 0 ? { ...next, answers: [record, ...next.answers] } : { answers: [] };
  }
  const { answers, rcode, truncated } = await options.lookup(query, host, query.question.type);
  return rcode === RCODE.SERVFAIL ? { answers: [] } : { answers: [record, ...answers], truncated };
}

function findPorts(query: Query, zone: string, options: AnswerOptions): Found | Promise<Found> {
  const targets = findTargets(query.name, zone, options, 'port');
  if (!targets) return undefined;
  const weight = Math.max(1, Math.floor(ALL_WEIGHT / targets.length));
  const answers = new Map<string, ResourceRecord>();
  const additionals = new Map<string, ResourceRecord>();
  const names = new Set<string>();
  for (const target of targets) {
    const { path, host, port } = target;
    if (port < 0) continue;
    const name = isName(target) ? withDot(host) : below(path, zone);
    answers.set(`${name} ${port}`, srvRecord(query.question.name, name, port, weight, options.ttl));
    const address = addressRecord(name, host, options.ttl);
    if (address) additionals.set(`${name} ${host}`, address);
    else names.add(name);
  }
  const found = { answers: [...answers.values()], additionals: [...additionals.values()] };
  return names.size === 0 ? found : withAddresses(query, found, { names: [...names], zone, options });
}

/** Adds the addresses of names that SRV records lead to. */
async function withAddresses(
  query: Query,
  { answers, additionals }: { answers: readonly ResourceRecord[]; additionals: readonly ResourceRecord[] },
  { names, zone, options }: { names: readonly string[]; zone: string; options: AnswerOptions },
): Promise<Found> {
  const found: ResourceRecord[] = [...additionals];
  for (const name of names)
    for (const type of [TYPE.A, TYPE.AAAA]) {
      const asked = withQuestion(query, { ...query.question, type });
      const reply = isWithin(name.toLowerCase(), zone)
        ? await findAddresses(asked, name, zone, options, 1)
        : await options.lookup(query, name, type);
      found.push(...(reply?.answers ?? []));
    }
  return { answers, additionals: found };
}

function findNames(query: Query, zone: string, options: AnswerOptions): Found {
  const address = addressOfReverseName(query.name);
  if (address === undefined) return exists(query, zone, options);
  const names = namesOfAddress(address, options);
  if (names.length === 0) return undefined;
  const { primaryZone, ttl } = options;
  return { answers: names.map((name) => nameRecord(TYPE.PTR, query.question.name, below(name, primaryZone), ttl)) };
}

/** The cluster IPs of the services that lead to this server, else its own addresses. */
function serverAddresses(options: AnswerOptions): readonly string[] {
  const services = servicesOfServer(options);
  return services.length > 0 ? services.flatMap(({ addresses }) => addresses) : options.addresses;
}

function servicesOfServer({ addresses, data }: AnswerOptions) {
  const slices = addresses.flatMap((address) => data.slicesAt(address));
  const keys = new Set(
    slices.map(({ metadata }) => `${metadata?.namespace}/${metadata?.labels?.['kubernetes.io/service-name']}`),
  );
  return [...keys].flatMap((key) => {
    const [namespace = '', name = ''] = key.split('/');
    const ips = (data.service(name, namespace)?.spec?.clusterIPs ?? []).filter((ip) => ip !== 'None');
    return ips.length > 0 ? [{ path: `${name}.${namespace}.svc`, addresses: ips }] : [];
  });
}

function findServers(query: Query, zone: string, options: AnswerOptions): Found {
  const services = servicesOfServer(options);
  const servers = services.length > 0 ? services : [{ path: 'ns.dns', addresses: options.addresses }];
  const { ttl } = options;
  return {
    answers: servers.map(({ path }) => nameRecord(TYPE.NS, query.question.name, below(path, zone), ttl)),
    additionals: servers.flatMap(({ path, addresses }) =>
      addresses.flatMap((address) => addressRecord(below(path, zone), address, ttl) ?? []),
    ),
  };
}
