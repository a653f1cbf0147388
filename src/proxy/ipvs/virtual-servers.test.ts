import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  keyOf,
  losesServers,
  parseVirtualServers,
  planVirtualServers,
  type RealServer,
  type VirtualServer,
} from './virtual-servers.ts';

/** As `ipvsadm --list --numeric` of 1.31 prints it. */
const LIST = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  10.254.0.1:80 rr
  -> 10.244.1.1:8080              Masq    1      3          2         
  -> 10.244.1.2:8080              Masq    0      0          0         
TCP  10.254.0.2:80 wlc persistent 10800
UDP  10.254.0.2:53 rr
SCTP 10.254.0.2:99 rr
FWM  7 rr
  -> 10.244.9.9:0                 Route   1      0          0         
TCP  [fd00::1]:80 mh (mh-port)
TCP  [fd00:1111:2222:3333:4444:5555:6666:7777]:65535 sh persistent 60
  -> [fd00:1111:2222:3333:4444:5555:6666:8888]:65535 Masq    0      0          0         
`;

test('what ipvsadm lists is read family by family: services, persistence, servers and their connections', () => {
  const four = parseVirtualServers(LIST, 4);
  assert.deepEqual([...four.keys()], ['tcp 10.254.0.1:80', 'tcp 10.254.0.2:80', 'udp 10.254.0.2:53', 'sctp 10.254.0.2:99']);
  assert.deepEqual(
    [...four.get('tcp 10.254.0.1:80')!.servers],
    [
      ['10.244.1.1:8080', { weight: 1, connections: 5 }],
      ['10.244.1.2:8080', { weight: 0, connections: 0 }],
    ],
  );
  assert.equal(four.get('tcp 10.254.0.2:80')!.persistentSeconds, 10_800);
  const six = parseVirtualServers(LIST, 6);
  assert.deepEqual([...six.keys()], ['tcp [fd00::1]:80', 'tcp [fd00:1111:2222:3333:4444:5555:6666:7777]:65535']);
  assert.equal(six.get('tcp [fd00::1]:80')!.scheduler, 'mh');
  assert.deepEqual(
    [...six.get('tcp [fd00:1111:2222:3333:4444:5555:6666:7777]:65535')!.servers.keys()],
    ['[fd00:1111:2222:3333:4444:5555:6666:8888]:65535'],
  );
});

const service = (
  servers: Readonly<Record<string, Partial<RealServer>>>,
  more: Partial<VirtualServer> = {},
): [string, VirtualServer] => {
  const all = new Map(Object.entries(servers).map(([name, given]) => [name, { weight: 1, connections: 0, ...given }]));
  const whole: VirtualServer = {
    ...{ protocol: 'tcp', ip: '10.96.0.1', port: 80, scheduler: 'rr', persistentSeconds: 0, servers: all },
    ...more,
  };
  return [keyOf(whole), whole];
};

test('a server of TCP that goes keeps its connections, takes no new ones, and is removed when none is left', () => {
  const next = new Map([service({ '10.0.0.1:80': {} })]);
  const busy = new Map([service({ '10.0.0.1:80': {}, '10.0.0.2:80': { connections: 4 } })]);
  const first = planVirtualServers(busy, next);
  assert.deepEqual(first.changes, ['-e -t 10.96.0.1:80 -r 10.0.0.2:80 -m -w 0']);
  assert.deepEqual([...first.draining], ['tcp 10.96.0.1:80 10.0.0.2:80']);
  const waiting = planVirtualServers(
    new Map([service({ '10.0.0.1:80': {}, '10.0.0.2:80': { weight: 0, connections: 1 } })]),
    next,
  );
  assert.deepEqual([waiting.changes, waiting.draining.size], [[], 1]);
  const ended = planVirtualServers(new Map([service({ '10.0.0.1:80': {}, '10.0.0.2:80': { weight: 0 } })]), next);
  assert.deepEqual([ended.changes, ended.draining.size], [['-d -t 10.96.0.1:80 -r 10.0.0.2:80'], 0]);
});

test('servers of UDP and SCTP go at once, whoever still sends to them', () => {
  for (const [protocol, option] of [
    ['udp', '-u'],
    ['sctp', '--sctp-service'],
  ] as const) {
    const before = new Map([service({ '10.0.0.2:53': { connections: 9 } }, { protocol })]);
    const { changes, draining } = planVirtualServers(before, new Map([service({}, { protocol })]));
    assert.deepEqual([changes, draining.size], [[`-d ${option} 10.96.0.1:80 -r 10.0.0.2:53`], 0]);
  }
});

test('a server that comes back before its connections have ended keeps them', () => {
  const before = new Map([service({ '10.0.0.2:80': { weight: 0, connections: 2 } })]);
  assert.deepEqual(planVirtualServers(before, new Map([service({ '10.0.0.2:80': {} })])).changes, [
    '-e -t 10.96.0.1:80 -r 10.0.0.2:80 -m -w 1',
  ]);
});

test('another scheduler or affinity changes a service in place; Maglev hashing takes the port of the client in', () => {
  const before = new Map([service({}, { persistentSeconds: 60 })]);
  assert.deepEqual(planVirtualServers(before, new Map([service({}, { scheduler: 'mh' })])).changes, [
    '-E -t 10.96.0.1:80 -s mh -b mh-port',
  ]);
});

test('the kernel is asked for connections only when a service that stays loses a server of TCP', () => {
  const two = new Map([service({ '10.0.0.1:80': {}, '10.0.0.2:80': {} })]);
  const one = new Map([service({ '10.0.0.1:80': {} })]);
  assert.equal(losesServers(two, one), true);
  assert.equal(losesServers(one, two), false);
  assert.equal(losesServers(two, new Map()), false);
});

/** What the kernel has after some lines: it refuses what it has already, and what it does not have. */
function apply(table: Map<string, Map<string, number>>, lines: readonly string[]): void {
  for (const line of lines) {
    const [verb, , at = '', , server = ''] = line.split(' ');
    const known = table.get(at);
    assert.equal(verb === '-A', known === undefined, line);
    if (verb === '-A') table.set(at, new Map());
    else if (verb === '-D') table.delete(at);
    else if (verb === '-a' || verb === '-e') {
      assert.equal(known!.has(server), verb === '-e', line);
      known!.set(server, Number(line.split(' ').at(-1)));
    } else if (verb === '-d') assert.ok(known!.delete(server), line);
  }
}

const stateArbitrary = fc
  .dictionary(
    fc.constantFrom('10.96.0.1', '10.96.0.2', '10.96.0.3'),
    fc.uniqueArray(fc.constantFrom('10.0.0.1:1', '10.0.0.2:1', '10.0.0.3:1')),
  )
  .map(
    (parts) =>
      new Map(
        Object.entries(parts).map(([ip, servers]) => service(Object.fromEntries(servers.map((name) => [name, {}])), { ip })),
      ),
  );

test('the way from any services to any others makes just those, and never names what is not there', () => {
  fc.assert(
    fc.property(stateArbitrary, stateArbitrary, (before, after) => {
      const table = new Map<string, Map<string, number>>();
      apply(table, planVirtualServers(new Map(), before).changes);
      const { changes, deletions } = planVirtualServers(before, after);
      apply(table, [...changes, ...deletions]);
      const expected = [...after.values()].map(({ ip, port, servers }) => [`${ip}:${port}`, [...servers.keys()].sort()]);
      assert.deepEqual([...table].map(([at, servers]) => [at, [...servers.keys()].sort()]).sort(), expected.sort());
      assert.deepEqual(planVirtualServers(after, after).changes, []);
    }),
  );
});
