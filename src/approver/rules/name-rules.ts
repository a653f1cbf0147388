/** Which names a serving certificate may hold, and whose they must be. */
import ipaddr from 'ipaddr.js';
import { formatIp, parseIp } from '../../api/machinery/ip.ts';
import { checkDnsSubdomain } from '../../api/machinery/names.ts';
import type { NameFact, RequestFacts } from '../request-facts.ts';
import { broken, type Finding, holds, quote, type Rule, unproven } from '../rule.ts';

const LOOK_AGAIN_MS = 60_000;
const UNAVAILABLE_RETRY_MS = 15_000;

const valuesOf = (names: readonly NameFact[]) => names.map(({ value }) => value);
const describeOwners = (names: readonly NameFact[]) =>
  names
    .slice(0, 5)
    .map(({ value, by }) => `${quote(value)} (${by})`)
    .join(', ');

const someName: Rule = {
  code: 'APV-301',
  name: 'HasName',
  sentence: 'At least one DNS name or address is asked for.',
  purpose: 'serving',
  remedy: 'the kubelet has no address yet: set --node-ip, or wait for the cloud provider',
  check: ({ names }) =>
    names.length > 0 ? holds(`${names.length} names`) : broken('no name', 'at least one DNS name or address'),
};

const fewNames: Rule = {
  code: 'APV-302',
  name: 'NotTooManyNames',
  sentence: 'No more names are asked for than a node may have.',
  purpose: 'serving',
  remedy: 'a node with so many addresses: raise --max-names of the approver',
  check: ({ names, limits }) =>
    names.length <= limits.maxNames
      ? holds(`${names.length} names`)
      : broken(`${names.length} names`, `at most ${limits.maxNames}`),
};

const otherKinds: Rule = {
  code: 'APV-303',
  name: 'NoOtherNames',
  sentence: 'No e-mail address and no URI is asked for.',
  remedy: 'delete the request: no kubelet asks for those',
  check({ parsed }) {
    const others = parsed.ok ? [...parsed.request.emailAddresses, ...parsed.request.uris] : [];
    return others.length === 0 ? holds('none') : broken(quote(others), 'DNS names and addresses alone');
  },
};

const dnsForm: Rule = {
  code: 'APV-304',
  name: 'DnsNamesLegal',
  sentence: 'Each DNS name is a legal one in lower case, no wildcard, and no address in letters.',
  purpose: 'serving',
  remedy: 'give the host a legal name in lower case (hostnamectl hostname …) and restart the kubelet',
  check({ names }) {
    const wrong = names.filter(({ kind, value }) => kind === 'dns' && !isLegalDnsName(value));
    return wrong.length === 0 ? holds('legal') : broken(quote(valuesOf(wrong)), 'legal DNS names in lower case');
  },
};

/** Digits, hexadecimal ones and dots: what an address in letters can be made of, `0x7f.1` too. Of others none need be tried, which is dear. */
const LIKE_ADDRESS = /^[0-9a-fx.]+$/;

function isLegalDnsName(name: string): boolean {
  if (checkDnsSubdomain(name).length > 0) return false;
  return !LIKE_ADDRESS.test(name) || !(ipaddr.isValid(name) || /^[0-9.]+$/.test(name));
}

const addressForm: Rule = {
  code: 'APV-305',
  name: 'AddressesLegal',
  sentence: 'Each address can be a host’s: not loopback, link-local, multicast or unspecified.',
  purpose: 'serving',
  remedy: 'set --node-ip of the kubelet to an address that others reach it by',
  check({ names, limits, parsed }) {
    const mapped = (parsed.ok && parsed.request.mappedAddresses) || [];
    if (mapped.length > 0)
      return broken(
        `${quote(mapped.map((value) => `::ffff:${value}`))} (IPv4 in IPv6)`,
        'addresses of hosts, each in its own form',
      );
    const problem = (value: string) => {
      const range = specialRange(value);
      return range === 'loopback' && limits.allowLoopback && value !== '127.0.0.1' ? undefined : range;
    };
    const wrong = names.filter(({ kind, value }) => kind === 'address' && problem(value) !== undefined);
    const seen = wrong.map(({ value }) => `${quote(value)} (${problem(value)})`).join(', ');
    return wrong.length === 0 ? holds('legal') : broken(seen, 'addresses of hosts');
  },
};

/** RFC 6890, but for what private networks use. */
const NO_HOST = new Set([
  ...['unspecified', 'loopback', 'linkLocal', 'multicast', 'broadcast', 'ipv4Mapped', 'rfc6145', 'rfc6052', '6to4', 'teredo'],
]);

function specialRange(address: string): string | undefined {
  const parsed = parseIp(address);
  if (!parsed) return 'no address';
  // Who compares texts would take another spelling for another address.
  if (parsed.mapped || formatIp(parsed) !== address) return 'not in canonical form';
  const range = ipaddr.parse(address).range();
  return NO_HOST.has(range) ? range : undefined;
}

const notDenied: Rule = {
  code: 'APV-306',
  name: 'NameNotDenied',
  sentence: 'No name is the cluster’s own or another node’s.',
  purpose: 'serving',
  remedy: 'somebody tries to be what he is not, or a node has an address of the cluster: look at the node before anything else',
  check({ names }) {
    const denied = names.filter((name) => name.denied !== undefined || name.ownership === 'foreign');
    const seen = denied.map(({ value, denied: why, by }) => `${quote(value)}: ${why ?? `it belongs to ${by}`}`).slice(0, 5);
    if (denied.length > 0) return broken(seen.join('; '), 'names of the node itself');
    // A machine may be a node and run an API server: only the operator can tell it from one that plays the API server.
    const reserved = names.flatMap(({ value, reserved: why }) => (why === undefined ? [] : [`${quote(value)}: ${why}`]));
    return reserved.length === 0
      ? holds('none')
      : unproven(reserved.slice(0, 5).join('; '), 'that a source of yours names it the node’s', LOOK_AGAIN_MS);
  },
};

const notContested: Rule = {
  code: 'APV-307',
  name: 'NameClaimedOnce',
  sentence: 'No name is claimed by two nodes, unless a source says whose it is.',
  purpose: 'serving',
  remedy: 'compare kubectl get nodes -o wide: two nodes have the same address; name the owner in the inventory',
  check({ names }) {
    const contested = names.filter(({ ownership }) => ownership === 'contested');
    return contested.length === 0 ? holds('claimed once') : unproven(describeOwners(contested), 'one node a name', LOOK_AGAIN_MS);
  },
};

const owned: Rule = {
  code: 'APV-308',
  name: 'NamesProven',
  sentence: 'Each name is the node’s own by a source that the node cannot write, or is in the certificate that it serves now.',
  purpose: 'serving',
  remedy:
    'name it in the inventory or ConfigMap of the approver, allow its prefix, or check by yourself and: kubectl certificate approve CSR',
  check(facts) {
    const { names, limits } = facts;
    const renewed = new Set(facts.current?.names);
    const open = names.filter(
      ({ ownership, value }) =>
        ownership !== 'proven' && !(ownership === 'consistent' && limits.acceptNodeStatus) && !renewed.has(value),
    );
    const judged = open.filter(({ ownership }) => ownership !== 'contested' && ownership !== 'foreign');
    const away = judged.filter(({ ownership }) => ownership === 'unavailable');
    if (away.length > 0) return unproven(describeOwners(away), 'an answer of that source', UNAVAILABLE_RETRY_MS);
    if (judged.length > 0) return unproven(describeOwners(judged), 'proof of each name', LOOK_AGAIN_MS);
    return holdsBy(facts);
  },
};

function holdsBy({ names, current }: RequestFacts): Finding {
  const renewed = new Set(current?.names);
  return holds(
    names
      .map(({ value, ownership, by }) => `${value} (${ownership === 'proven' || !renewed.has(value) ? by : 'renewal'})`)
      .join(', '),
  );
}

const clientHasNoNames: Rule = {
  code: 'APV-309',
  name: 'ClientWithoutNames',
  sentence: 'A client certificate holds no alternative names.',
  purpose: 'client',
  remedy: 'delete the request: no kubelet asks for those',
  check: ({ names }) => (names.length === 0 ? holds('none') : broken(quote(valuesOf(names)), 'no alternative names')),
};

export const NAME_RULES: readonly Rule[] = [
  someName,
  fewNames,
  otherKinds,
  dnsForm,
  addressForm,
  notDenied,
  notContested,
  owned,
  clientHasNoNames,
];
