import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1EndpointSlice, V1Service } from '../../api/gen/types.ts';
import { rcodeName, TYPE, typeName } from '../message/constants.ts';
import type { ResourceRecord } from '../message/message.ts';
import { addressBytes, addressRecord, canonicalAddress } from '../message/records.ts';
import { emptyReply, type Reply, withQuestion } from '../plugins/plugin.ts';
import { ownQuery } from '../plugins/small-plugins.ts';
import type { ClusterData } from './cluster-data.ts';
import { type AnswerOptions, answerFromCluster } from './kubernetes-answers.ts';

const service = (name: string, spec: V1Service['spec'], namespace = 'default'): V1Service => ({
  metadata: { name, namespace },
  spec,
});
const http = { name: 'http', port: 80, protocol: 'TCP' };
const SERVICES = [
  service('web', {
    clusterIP: '10.96.0.5',
    clusterIPs: ['10.96.0.5', 'fd00::5'],
    ports: [http, { name: 'dns', port: 53, protocol: 'UDP' }],
  }),
  service('db', { clusterIP: 'None', clusterIPs: ['None'], ports: [http] }),
  service('bare', { clusterIP: 'None' }),
  service('empty', { clusterIP: 'None', ports: [http] }),
  service('out', { type: 'ExternalName', externalName: 'www.example.com' }),
  service('alias', { type: 'ExternalName', externalName: 'web.default.svc.cluster.local' }),
  service('ring', { type: 'ExternalName', externalName: 'ring2.default.svc.cluster.local' }),
  service('ring2', { type: 'ExternalName', externalName: 'ring.default.svc.cluster.local' }),
  service('kube-dns', { clusterIP: '10.96.0.10', clusterIPs: ['10.96.0.10'], ports: [{ ...http, name: 'dns' }] }, 'kube-system'),
];
const slice = (of: string, endpoints: V1EndpointSlice['endpoints'], more: Partial<V1EndpointSlice> = {}): V1EndpointSlice => ({
  metadata: { namespace: 'default', labels: { 'kubernetes.io/service-name': of } },
  addressType: 'IPv4',
  endpoints,
  ports: [http],
  ...more,
});
const SLICES = [
  slice('db', [
    { addresses: ['10.1.0.1'], hostname: 'db-0', conditions: { ready: true } },
    { addresses: ['10.1.0.2'], conditions: {}, targetRef: { kind: 'Pod', name: 'db-x' } },
    { addresses: ['10.1.0.3'], conditions: { ready: false } },
  ]),
  slice('db', [{ addresses: ['fd00::1:1'] }], { addressType: 'IPv6' }),
  slice('bare', [{ addresses: ['10.1.0.9'] }], { ports: [] }),
  slice('web', [{ addresses: ['10.1.0.1'] }]),
];

const data: ClusterData = {
  service: (name, namespace) => SERVICES.find(({ metadata }) => metadata!.name === name && metadata!.namespace === namespace),
  slices: (name) => SLICES.filter(({ metadata }) => metadata!.labels!['kubernetes.io/service-name'] === name),
  namespaceExists: (name) => name === 'default' || name === 'kube-system',
  podAt: (address, namespace) => address === '10.1.0.1' && namespace === 'default',
  serviceAt: (address) => SERVICES.find(({ spec }) => spec!.clusterIPs?.some((ip) => canonicalAddress(ip) === address)),
  slicesAt: (address) => SLICES.filter(({ endpoints }) => endpoints!.some(({ addresses }) => addresses.includes(address))),
  modified: 1_700_000_000,
};

const OPTIONS: AnswerOptions = {
  data,
  podMode: 'insecure',
  endpointPodNames: false,
  namespaces: undefined,
  ignoreEmptyServices: false,
  ttl: 5,
  primaryZone: 'cluster.local.',
  addresses: ['192.0.2.53'],
  lookup: async (_query, name) => ({ ...emptyReply(0), answers: [addressRecord(name, '192.0.2.1', 60)!] }),
};

async function ask(name: string, type: number, options: Partial<AnswerOptions> = {}): Promise<Reply | undefined> {
  const zone = name.toLowerCase().endsWith('arpa.')
    ? name.toLowerCase().replace(/^.*?(in-addr|ip6)\.arpa\.$/, '$1.arpa.')
    : 'cluster.local.';
  return answerFromCluster(withQuestion(ownQuery(name), { name, type, class: 1 }), zone, { ...OPTIONS, ...options });
}

function text({ type, data: said }: ResourceRecord): string {
  const value =
    'raw' in said
      ? type === TYPE.TXT
        ? Buffer.from(said.raw).toString('latin1', 1)
        : Object.values(KNOWN).find((address) => Buffer.compare(addressBytes(address)!, said.raw) === 0)
      : 'target' in said
        ? said.target
        : 'host' in said
          ? `${said.priority} ${said.weight} ${said.port} ${said.host}`
          : 'primary' in said
            ? said.primary
            : '';
  return `${typeName(type)} ${value}`;
}

const KNOWN = [
  '10.96.0.5',
  'fd00::5',
  '10.1.0.1',
  '10.1.0.2',
  '10.1.0.9',
  'fd00::1:1',
  '192.0.2.1',
  '10.96.0.10',
  '192.0.2.53',
  '10.2.3.4',
  'fd00::4',
];

const described = (reply: Reply | undefined) =>
  !reply
    ? 'NXDOMAIN'
    : reply.answers.length > 0
      ? reply.answers.map(text).join(', ')
      : `${rcodeName(reply.rcode)} ${reply.authorities.map(text).join()}`;

test('names lead where the specification of cluster DNS says', async () => {
  const nodata = 'NOERROR SOA ns.dns.cluster.local.';
  for (const [name, type, answer, options = {}] of [
    ['web.default.svc.cluster.local.', TYPE.A, 'A 10.96.0.5'],
    ['WEB.Default.svc.Cluster.Local.', TYPE.AAAA, 'AAAA fd00::5'],
    ['web.default.svc.cluster.local.', TYPE.MX, nodata],
    ['web.other.svc.cluster.local.', TYPE.A, 'NXDOMAIN'],
    ['nobody.default.svc.cluster.local.', TYPE.A, 'NXDOMAIN'],
    ['*.default.svc.cluster.local.', TYPE.A, 'NXDOMAIN'],
    ['web.kube-system.svc.cluster.local.', TYPE.A, 'NXDOMAIN'],
    ['default.svc.cluster.local.', TYPE.A, nodata],
    ['svc.cluster.local.', TYPE.A, nodata],
    ['cluster.local.', TYPE.A, nodata],
    ['cluster.local.', TYPE.SOA, 'SOA ns.dns.cluster.local.'],
    ['web.default.svc.cluster.local.', TYPE.SOA, nodata],
    ['nonsense.cluster.local.', TYPE.A, 'NXDOMAIN'],
    ['a.b.c.web.default.svc.cluster.local.', TYPE.A, 'NXDOMAIN'],
    ['db.default.svc.cluster.local.', TYPE.A, 'A 10.1.0.1, A 10.1.0.2'],
    ['db.default.svc.cluster.local.', TYPE.AAAA, 'AAAA fd00::1:1'],
    ['bare.default.svc.cluster.local.', TYPE.A, 'A 10.1.0.9'],
    ['bare.default.svc.cluster.local.', TYPE.SRV, nodata],
    ['empty.default.svc.cluster.local.', TYPE.A, 'NXDOMAIN'],
    ['db-0.db.default.svc.cluster.local.', TYPE.A, 'A 10.1.0.1'],
    ['10-1-0-2.db.default.svc.cluster.local.', TYPE.A, 'A 10.1.0.2'],
    ['db-x.db.default.svc.cluster.local.', TYPE.A, 'A 10.1.0.2', { endpointPodNames: true }],
    ['db-x.db.default.svc.cluster.local.', TYPE.A, 'NXDOMAIN'],
    ['10-1-0-3.db.default.svc.cluster.local.', TYPE.A, 'NXDOMAIN'],
    ['10-1-0-1.web.default.svc.cluster.local.', TYPE.A, 'A 10.1.0.1'],
    ['_http._tcp.web.default.svc.cluster.local.', TYPE.SRV, 'SRV 0 50 80 web.default.svc.cluster.local.'],
    ['_http._udp.web.default.svc.cluster.local.', TYPE.SRV, 'NXDOMAIN'],
    ['_http._tcp.web.default.svc.cluster.local.', TYPE.A, 'A 10.96.0.5'],
    [
      '_http._tcp.db.default.svc.cluster.local.',
      TYPE.SRV,
      'SRV 0 33 80 db-0.db.default.svc.cluster.local., SRV 0 33 80 10-1-0-2.db.default.svc.cluster.local., SRV 0 33 80 fd00--1-1.db.default.svc.cluster.local.',
    ],
    ['out.default.svc.cluster.local.', TYPE.A, 'CNAME www.example.com., A 192.0.2.1'],
    ['out.default.svc.cluster.local.', TYPE.CNAME, 'CNAME www.example.com.'],
    ['out.default.svc.cluster.local.', TYPE.SRV, 'SRV 0 100 0 www.example.com.'],
    ['alias.default.svc.cluster.local.', TYPE.SRV, 'SRV 0 100 0 web.default.svc.cluster.local.'],
    ['_http._tcp.out.default.svc.cluster.local.', TYPE.SRV, 'NXDOMAIN'],
    ['_http._tcp.out.default.svc.cluster.local.', TYPE.CNAME, 'NXDOMAIN'],
    ['x.out.default.svc.cluster.local.', TYPE.CNAME, 'NXDOMAIN'],
    ['pod.cluster.local.', TYPE.A, nodata],
    ['svc.cluster.local.', TYPE.NS, nodata],
    ['foo.svc.cluster.local.', TYPE.NS, 'NXDOMAIN'],
    ['foo.cluster.local.', TYPE.NS, 'NXDOMAIN'],
    ['x.nobody.default.svc.cluster.local.', TYPE.A, 'NXDOMAIN'],
    ['alias.default.svc.cluster.local.', TYPE.A, 'CNAME web.default.svc.cluster.local., A 10.96.0.5'],
    ['ring.default.svc.cluster.local.', TYPE.A, nodata],
    ['10-2-3-4.default.pod.cluster.local.', TYPE.A, 'A 10.2.3.4'],
    ['fd00--4.default.pod.cluster.local.', TYPE.AAAA, 'AAAA fd00::4'],
    ['10-2-3-4.default.pod.cluster.local.', TYPE.A, 'NXDOMAIN', { podMode: 'disabled' }],
    ['10-2-3-4.default.pod.cluster.local.', TYPE.A, 'NXDOMAIN', { podMode: 'verified' }],
    ['10-1-0-1.default.pod.cluster.local.', TYPE.A, 'A 10.1.0.1', { podMode: 'verified' }],
    ['10-1-0-1.other.pod.cluster.local.', TYPE.A, 'NXDOMAIN'],
    ['nonsense.default.pod.cluster.local.', TYPE.A, 'NXDOMAIN'],
    ['dns-version.cluster.local.', TYPE.TXT, 'TXT 1.1.0'],
    ['5.0.96.10.in-addr.arpa.', TYPE.PTR, 'PTR web.default.svc.cluster.local.'],
    ['1.0.1.10.in-addr.arpa.', TYPE.PTR, 'PTR db-0.db.default.svc.cluster.local.'],
    ['2.0.1.10.in-addr.arpa.', TYPE.PTR, 'NXDOMAIN'],
    ['3.0.1.10.in-addr.arpa.', TYPE.PTR, 'NXDOMAIN'],
    ['cluster.local.', TYPE.NS, 'NS ns.dns.cluster.local.'],
    ['ns.dns.cluster.local.', TYPE.A, 'A 192.0.2.53'],
    ['web.default.svc.cluster.local.', TYPE.A, 'NXDOMAIN', { namespaces: new Set(['kube-system']) }],
    ['web.default.svc.cluster.local.', TYPE.A, 'A 10.96.0.5', { ignoreEmptyServices: true }],
    ['kube-dns.kube-system.svc.cluster.local.', TYPE.A, 'NXDOMAIN', { ignoreEmptyServices: true }],
  ] as readonly [string, number, string, Partial<AnswerOptions>?][])
    assert.equal(described(await ask(name, type, options)), answer, `${name} ${typeName(type)}`);
});

test('answers are authoritative, in the case of the question, and come with the addresses of ports', async () => {
  const reply = (await ask('Web.default.svc.cluster.local.', TYPE.A))!;
  assert.equal(reply.authoritative, true);
  assert.equal(reply.answers[0]!.name, 'Web.default.svc.cluster.local.');
  assert.equal(reply.answers[0]!.ttl, 5);
  const ports = (await ask('_http._tcp.db.default.svc.cluster.local.', TYPE.SRV))!;
  assert.deepEqual(ports.additionals.map(text), ['A 10.1.0.1', 'A 10.1.0.2', 'AAAA fd00::1:1']);
});

test('an external name’s addresses come with its SRV record, and what did not fit upstream is told', async () => {
  const outside = (await ask('out.default.svc.cluster.local.', TYPE.SRV))!;
  assert.deepEqual(
    outside.additionals.map(({ name, type }) => `${name} ${typeName(type)}`),
    ['www.example.com. A', 'www.example.com. A'],
  );
  const inside = (await ask('alias.default.svc.cluster.local.', TYPE.SRV))!;
  assert.deepEqual(inside.additionals.map(text), ['A 10.96.0.5', 'AAAA fd00::5']);
  const lookup: AnswerOptions['lookup'] = async (query, name, type) => ({
    ...(await OPTIONS.lookup(query, name, type)),
    truncated: true,
  });
  assert.equal((await ask('out.default.svc.cluster.local.', TYPE.A, { lookup }))!.truncated, true);
  assert.equal((await ask('alias.default.svc.cluster.local.', TYPE.A, { lookup }))!.truncated, false);
});

test('a Service of twenty thousand ports and a thousand pods is answered with as much as a message holds', async () => {
  const ports = Array.from({ length: 20_000 }, (_, i) => ({ name: `p${i}`, port: 1 + i, protocol: 'TCP' }));
  const endpoints = Array.from({ length: 1000 }, (_, i) => ({ addresses: [`10.9.${i >> 8}.${i & 255}`] }));
  const crowd: ClusterData = {
    ...data,
    service: (name) => service(name, { clusterIP: name === 'crowd' ? 'None' : '10.96.0.77', ports }),
    slices: (name) => [slice(name, endpoints, { ports })],
  };
  const count = async (name: string, type: number) => {
    const { answers = [], additionals = [] } = (await ask(`${name}.default.svc.cluster.local.`, type, { data: crowd })) ?? {};
    return [answers.length, additionals.length];
  };
  assert.deepEqual(await count('crowd', TYPE.A), [1000, 0]);
  assert.deepEqual(await count('crowd', TYPE.MX), [0, 0]);
  assert.deepEqual(await count('_p19999._tcp.crowd', TYPE.A), [1000, 0]);
  assert.deepEqual(await count('_p19999._tcp.crowd', TYPE.SRV), [1000, 1000]);
  assert.deepEqual(await count('_p20000._tcp.crowd', TYPE.A), [0, 0]);
  assert.deepEqual(await count('crowd', TYPE.SRV), [4096, 1]);
  assert.deepEqual(await count('flat', TYPE.A), [1, 0]);
  assert.deepEqual(await count('flat', TYPE.SRV), [4096, 1]);
});
