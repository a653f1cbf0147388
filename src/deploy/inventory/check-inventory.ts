import { isIP } from 'node:net';
import { COMPONENTS, type Inventory, type InventoryHost, inventoryKind } from '../../api/config/v1/inventory.ts';
import type { FieldTable } from '../../api/configuration/field-schema.ts';
import { checkDnsSubdomain, checkLabelValue, checkQualifiedName } from '../../api/machinery/names.ts';
import { parseGoDuration } from '../../std/go-duration.ts';
import { checkAddresses } from './check-addresses.ts';
import { checkPaths } from './check-paths.ts';
import { checkPorts } from './check-ports.ts';
import { contains, overlap, parseRange } from './networks.ts';

const ROLES = ['etcd', 'master', 'worker'];
/** Of files and of etcd's cluster. */
const CLUSTER_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const FLAG_NAME = /^[a-z0-9][a-z0-9-]*$/;
const SSH_WORD = /^[A-Za-z0-9_.:@%[\]-]+$/;
const LARGEST_CLUSTER = 5000;

/** What is wrong with a complete inventory, each beginning with the field; empty when all is well. */
export function checkInventory(inventory: Inventory): string[] {
  return [
    ...checkTable(inventoryKind.fields, inventory as unknown as Readonly<Record<string, unknown>>, ''),
    ...(CLUSTER_NAME.test(inventory.name)
      ? []
      : [
          `name: ${JSON.stringify(inventory.name)} must be at most 63 letters, digits, "-", "_" and ".", with a letter or digit at both ends`,
        ]),
    ...checkHosts(inventory.hosts),
    ...checkRoles(inventory),
    ...checkNetwork(inventory),
    ...checkAddresses(inventory),
    ...checkPorts(inventory),
    ...checkPki(inventory),
    ...checkPaths(inventory),
    ...checkDistribution(inventory),
    ...checkEncryption(inventory),
    ...checkFlags(inventory.flags, 'flags'),
  ];
}

/** Numbers, durations and choices, as the table of fields says. */
function checkTable(table: FieldTable, values: Readonly<Record<string, unknown>>, path: string): string[] {
  return Object.entries(table).flatMap(([name, field]) => {
    const at = path ? `${path}.${name}` : name;
    const value = values[name];
    if (value === undefined) return [];
    if (typeof field.type === 'object') {
      if ('object' in field.type) return checkTable(field.type.object, value as Readonly<Record<string, unknown>>, at);
      const { list } = field.type;
      return (value as readonly Readonly<Record<string, unknown>>[]).flatMap((item, i) => checkTable(list, item, `${at}[${i}]`));
    }
    if (field.oneOf && !field.oneOf.includes(value as string))
      return [
        `${at}: ${JSON.stringify(value)} is not supported, it must be one of ${field.oneOf.map((word) => JSON.stringify(word)).join(', ')}`,
      ];
    if (field.type !== 'integer' && field.type !== 'duration') return [];
    const amount = field.type === 'duration' ? parseGoDuration(value as string) / 1000 : (value as number);
    const tooSmall = field.min !== undefined && amount < field.min;
    const tooLarge = field.max !== undefined && amount > field.max;
    return tooSmall || tooLarge ? [`${at}: ${JSON.stringify(value)} is out of range`] : [];
  });
}

function checkHosts(hosts: readonly InventoryHost[]): string[] {
  if (hosts.length === 0) return ['hosts: none are given'];
  if (hosts.length > LARGEST_CLUSTER) return [`hosts: ${hosts.length} are more than ${LARGEST_CLUSTER}`];
  const names = new Map<string, number>();
  const addresses = new Map<string, number>();
  const local = hosts.findIndex(({ connection }) => connection === 'local');
  return hosts.flatMap((host, i) => {
    const at = `hosts[${i}]`;
    const mistakes = checkDnsSubdomain(host.name).map((why) => `${at}.name: ${JSON.stringify(host.name)}: ${why}`);
    // Of a label kubernetes.io/hostname.
    if (host.name.length > 63) mistakes.push(`${at}.name: must be no more than 63 characters`);
    if (isIP(host.address) === 0) mistakes.push(`${at}.address: ${JSON.stringify(host.address)} is not an IP address`);
    const sameName = names.get(host.name);
    const sameAddress = addresses.get(host.address);
    if (sameName !== undefined) mistakes.push(`${at}.name: hosts[${sameName}] is called ${JSON.stringify(host.name)} too`);
    if (sameAddress !== undefined) mistakes.push(`${at}.address: hosts[${sameAddress}] has ${host.address} too`);
    names.set(host.name, i);
    addresses.set(host.address, i);
    if (host.connection === 'local' && i !== local)
      mistakes.push(`${at}.connection: "local" is this very machine, and so is hosts[${local}]`);
    const unknown = host.roles.find((role) => !ROLES.includes(role));
    if (unknown !== undefined)
      mistakes.push(`${at}.roles: ${JSON.stringify(unknown)} is not supported, it must be one of ${ROLES.join(', ')}`);
    if (new Set(host.roles).size < host.roles.length) mistakes.push(`${at}.roles: ${host.roles.join(', ')} names a role twice`);
    if (host.roles.length === 0) mistakes.push(`${at}.roles: the host has nothing to do`);
    return [...mistakes, ...checkSsh(host, at), ...checkLabels(host, at), ...checkFlags(host.flags, `${at}.flags`)];
  });
}

/** Words that ssh(1) would take for options are none of these fields' business. */
function checkSsh({ ssh }: InventoryHost, at: string): string[] {
  const words = { host: ssh.host, user: ssh.user };
  return Object.entries(words).flatMap(([name, word]) =>
    word !== undefined && (!SSH_WORD.test(word) || word.startsWith('-'))
      ? [`${at}.ssh.${name}: ${JSON.stringify(word)} is not a ${name} for ssh`]
      : [],
  );
}

function checkLabels({ labels }: InventoryHost, at: string): string[] {
  return Object.entries(labels).flatMap(([name, value]) => [
    ...checkQualifiedName(name).map((why) => `${at}.labels: ${JSON.stringify(name)}: ${why}`),
    ...checkLabelValue(value).map((why) => `${at}.labels.${name}: ${why}`),
  ]);
}

function checkRoles({ hosts, endpoint, apiServer }: Inventory): string[] {
  const count = (role: string) => hosts.filter(({ roles }) => roles.includes(role as 'etcd')).length;
  const [members, masters] = [count('etcd'), count('master')];
  const mistakes: string[] = [];
  if (masters === 0) mistakes.push('hosts: no host has role "master"');
  if (members === 0 && masters > 1) mistakes.push('hosts: several masters need etcd, and no host has role "etcd"');
  if (members > 0 && members % 2 === 0)
    mistakes.push(
      `hosts: ${members} hosts have role "etcd"; of an even number no more may fail than of one less, so it must be odd`,
    );
  if (masters > 1 && endpoint.loadBalancer === 'none' && !hosts.some(({ address }) => address === endpoint.address))
    mistakes.push(
      'endpoint.loadBalancer: an address that no host has needs a load balancer: "haproxy" and "muster" make one, "external" says that yours is there',
    );
  if (endpoint.loadBalancer === 'haproxy') {
    if (isIP(endpoint.address) !== 4 || hosts.some(({ address }) => address === endpoint.address))
      mistakes.push('endpoint.address: haproxy and keepalived need an IPv4 address that no host has');
    if (endpoint.port === apiServer.port)
      mistakes.push(`endpoint.port: haproxy listens on the masters, where the API server has port ${apiServer.port}`);
  }
  if (endpoint.loadBalancer === 'muster') {
    if (isIP(endpoint.address) !== 4 || !endpoint.address.startsWith('127.'))
      mistakes.push('endpoint.address: with "muster", every host has a balancer of its own on its loopback: leave it out');
    if (endpoint.port === apiServer.port)
      mistakes.push(`endpoint.port: the balancer listens on the masters too, where the API server has port ${apiServer.port}`);
  }
  return mistakes;
}

function checkNetwork({ network, endpoint, hosts }: Inventory): string[] {
  const mistakes: string[] = [];
  for (const name of ['podCIDR', 'serviceCIDR'] as const)
    if (!parseRange(network[name]))
      mistakes.push(`network.${name}: ${JSON.stringify(network[name])} is not a range of addresses`);
  if (mistakes.length > 0) return mistakes;
  if (overlap(network.podCIDR, network.serviceCIDR)) mistakes.push('network.serviceCIDR: overlaps network.podCIDR');
  for (const [i, { address }] of hosts.entries())
    for (const name of ['podCIDR', 'serviceCIDR'] as const)
      if (contains(network[name], address)) mistakes.push(`hosts[${i}].address: ${address} lies in network.${name}`);
  if (!contains(network.serviceCIDR, network.dnsAddress))
    mistakes.push(
      `network.dnsAddress: ${JSON.stringify(network.dnsAddress)} does not lie in network.serviceCIDR ${network.serviceCIDR}`,
    );
  // A final dot would go into the search lists of pods.
  if (checkDnsSubdomain(network.dnsDomain).length > 0)
    mistakes.push(`network.dnsDomain: ${JSON.stringify(network.dnsDomain)} is not a domain (written without a final dot)`);
  const [, first, last] = /^(\d{1,5})-(\d{1,5})$/.exec(network.nodePorts) ?? [];
  if (first === undefined || Number(first) < 1 || Number(first) > Number(last) || Number(last) > 65535)
    mistakes.push(`network.nodePorts: ${JSON.stringify(network.nodePorts)} is not a range of ports like 30000-32767`);
  if (isIP(endpoint.address) === 0 && checkDnsSubdomain(endpoint.address).length > 0)
    mistakes.push(`endpoint.address: ${JSON.stringify(endpoint.address)} is neither an IP address nor a name`);
  return mistakes;
}

function checkDistribution({ distribution: { type, programs }, hosts }: Inventory): string[] {
  if (type === 'muster') return programs === '' ? [] : ['distribution.programs: is for distribution.type "upstream"'];
  return [
    ...(programs === ''
      ? ['distribution.programs: is missing: a directory or an archive with kube-apiserver and the others']
      : []),
    ...(hosts.some(({ roles }) => roles.includes('etcd'))
      ? []
      : ['hosts: upstream\'s API server needs etcd, and no host has role "etcd"']),
  ];
}

/** A certificate cannot outlive who signed it. */
function checkPki({ pki }: Inventory): string[] {
  const [own, authority] = [parseGoDuration(pki.validity), parseGoDuration(pki.authorityValidity)];
  return own > authority ? [`pki.validity: ${pki.validity} is longer than pki.authorityValidity, ${pki.authorityValidity}`] : [];
}

/** Two would say how Secrets are kept. */
function checkEncryption({ encryption, flags, hosts }: Inventory): string[] {
  if (encryption.provider === 'none') return [];
  const given = [{ at: 'flags', flags }, ...hosts.map((host, i) => ({ at: `hosts[${i}].flags`, flags: host.flags }))];
  return given.flatMap(({ at, flags: own }) =>
    own['kube-apiserver']?.['encryption-provider-config'] === undefined
      ? []
      : [`${at}.kube-apiserver.encryption-provider-config: encryption.provider says how Secrets are kept`],
  );
}

/** They go into units and files that systemd reads: no quotes, no line ends, no specifiers, no variables. */
function checkFlags(flags: Inventory['flags'], at: string): string[] {
  return COMPONENTS.flatMap((component) =>
    Object.entries(flags[component] ?? {}).flatMap(([name, value]) => [
      ...(FLAG_NAME.test(name)
        ? []
        : [`${at}.${component}: ${JSON.stringify(name)} is not the name of a flag (written without dashes)`]),
      ...(/["'\\\s$%`]/.test(value)
        ? [`${at}.${component}.${name}: may hold no blanks, quotes, backslashes, "$", "%" or line ends`]
        : []),
    ]),
  );
}
