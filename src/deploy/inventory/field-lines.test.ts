import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { CodedError } from '../../std/coded-error.ts';
import { readInventory } from './read-inventory.ts';

const GOOD = `# A comment.
apiVersion: config.muster.dev/v1
kind: Inventory
name: here
ssh: { user: root, port: 22 }
endpoint:
  address: 192.168.20.200
  port: 8443
  loadBalancer: haproxy
apiServer: { port: 6443 }
network:
  podCIDR: 172.30.0.0/16
  serviceCIDR: 10.254.0.0/16
  nodePorts: 30000-32767
  dnsDomain: cluster.local
pki:
  directory: /etc/kubernetes/ssl
  validity: 8760h
kubelet:
  rootDirectory: /var/lib/kubelet
  servingCertificate: approved
flags:
  kubelet: { v: "4" }
hosts:
- name: m1
  address: 192.168.20.31
  roles: [etcd, master]
- name: m2
  address: 192.168.20.32
  roles: [etcd, master]
- name: m3
  address: 192.168.20.33
  roles: [etcd, master]
- name: w1
  address: 192.168.20.34
  labels: { example.com/zone: a }
`;

/** A line of the good inventory, what somebody wrote there instead, and what is said. */
const WRONG: readonly (readonly [line: string, instead: string, said: RegExp])[] = [
  ['name: here', 'name: not/here', /line 4: name: "not\/here" must be/],
  ['name: here', 'nmae: here', /line 4: nmae: unknown field/],
  ['name: here', 'name: 7', /line 4: name: must be a string, got 7/],
  ['ssh: { user: root, port: 22 }', 'ssh: root', /line 5: ssh: must be an object, got "root"/],
  ['ssh: { user: root, port: 22 }', 'ssh: { user: root, port: 70000 }', /line 5: ssh\.port: 70000 is out of range/],
  ['ssh: { user: root, port: 22 }', 'ssh: { user: -oX, port: 22 }', /line 25: hosts\[0\]\.ssh\.user: "-oX" is not a user/],
  ['  address: 192.168.20.200', '  address: 192.168.20.31', /line 7: endpoint\.address: .* an IPv4 address that no host has/],
  ['  address: 192.168.20.200', '  address: some where', /line 7: endpoint\.address: "some where" is neither/],
  ['  port: 8443', '  port: "8443"', /line 8: endpoint\.port: must be an integer, got "8443"/],
  ['  port: 8443', '  port: 6443', /line 8: endpoint\.port: haproxy listens on the masters/],
  ['  port: 8443', '  prot: 8443', /line 8: endpoint\.prot: unknown field/],
  ['  loadBalancer: haproxy', '  loadBalancer: nginx', /line 9: endpoint\.loadBalancer: "nginx" is not supported/],
  ['  loadBalancer: haproxy', '  loadBalancer: none', /line 9: endpoint\.loadBalancer: an address that no host has/],
  ['apiServer: { port: 6443 }', 'apiServer: { port: 10250 }', /line 10: apiServer\.port: 10250 is that of the kubelet/],
  ['  podCIDR: 172.30.0.0/16', '  podCIDR: 172.30.0.0', /line 12: network\.podCIDR: "172\.30\.0\.0" is not a range/],
  [
    '  podCIDR: 172.30.0.0/16',
    '  podCIDR: 192.168.0.0/16',
    /line 26: hosts\[0\]\.address: 192\.168\.20\.31 lies in network\.podCIDR/,
  ],
  ['  serviceCIDR: 10.254.0.0/16', '  serviceCIDR: 172.30.0.0/16', /line 13: network\.serviceCIDR: overlaps network\.podCIDR/],
  ['  nodePorts: 30000-32767', '  nodePorts: all', /line 14: network\.nodePorts: "all" is not a range of ports/],
  [
    '  dnsDomain: cluster.local',
    '  dnsDomain: cluster.local.',
    /line 15: network\.dnsDomain: "cluster\.local\." is not a domain/,
  ],
  ['  dnsDomain: cluster.local', '  dnsAddress: 10.0.0.2', /line 15: network\.dnsAddress: "10\.0\.0\.2" does not lie in/],
  ['  directory: /etc/kubernetes/ssl', '  directory: ssl', /line 17: pki\.directory: "ssl" is not an absolute path/],
  ['  validity: 8760h', '  validity: a year', /line 18: pki\.validity: must be a duration like 2m0s, got "a year"/],
  ['  validity: 8760h', '  validity: 1s', /line 18: pki\.validity: \S+ is out of range/],
  ['  rootDirectory: /var/lib/kubelet', '  rootDirectory: /var', /line 20: kubelet\.rootDirectory: \/var is the system's own/],
  ['  servingCertificate: approved', '  servingCertificate: yes', /line 21: kubelet\.servingCertificate: "yes" is not supported/],
  ['  kubelet: { v: "4" }', '  kubelet: { v: 4 }', /line 23: flags\.kubelet\.v: must be a string, got 4/],
  ['  kubelet: { v: "4" }', '  kubelet: { --v: "4" }', /line 23: flags\.kubelet: "--v" is not the name of a flag/],
  ['  kubelet: { v: "4" }', '  kublet: { v: "4" }', /line 23: flags\.kublet: unknown field/],
  ['- name: m2', '- name: m1', /line 28: hosts\[1\]\.name: hosts\[0\] is called "m1" too/],
  ['- name: m2', '- name: M2', /line 28: hosts\[1\]\.name: "M2"/],
  ['  address: 192.168.20.33', '  address: 192.168.20.32', /line 32: hosts\[2\]\.address: hosts\[1\] has 192\.168\.20\.32 too/],
  ['  address: 192.168.20.33', '  addres: 192.168.20.33', /line 32: hosts\[2\]\.addres: unknown field/],
  ['  address: 192.168.20.34', '  connection: ssh', /line 34: hosts\[3\]\.address: "" is not an IP address/],
  [
    '  labels: { example.com/zone: a }',
    '  labels: { example.com/zone: -a }',
    /line 36: hosts\[3\]\.labels\.example\.com\/zone: /,
  ],
  ['  labels: { example.com/zone: a }', '  roles: [etcd]', /line 24: hosts: 4 hosts have role "etcd"/],
  ['  labels: { example.com/zone: a }', '  roles: worker', /line 36: hosts\[3\]\.roles: must be a list of strings, got "worker"/],
  ['  labels: { example.com/zone: a }', '  address: 192.168.20.35', /Map keys must be unique at line 36/],
  ['  labels: { example.com/zone: a }', '  labels: { example.com/zone: a', /line 3\d, column \d+/],
];

const refusal = (text: string): Promise<CodedError> =>
  readInventory(text).then(
    () => assert.fail(`taken:\n${text}`),
    (error: CodedError) => error,
  );

test('every mistake is told by its field and its line', async () => {
  await readInventory(GOOD);
  for (const [line, instead, said] of WRONG) {
    assert.ok(GOOD.includes(`${line}\n`), line);
    assert.match((await refusal(GOOD.replace(`${line}\n`, `${instead}\n`))).message, said);
  }
});

test('all mistakes are told at once; a list of an alias is told where it is used; one line has no number', async () => {
  const both = GOOD.replace('podCIDR: 172.30.0.0/16', 'podCIDR: x').replace('name: w1', 'name: w_1');
  const { message, code } = await refusal(both);
  assert.equal(code, 'INVENTORY_INVALID');
  assert.match(message, /line 34: hosts\[3\]\.name: "w_1".*; line 12: network\.podCIDR: "x"/s);
  const aliased = GOOD.replace('roles: [etcd, master]', 'roles: &both [etcd, master, boss]').replace(
    'address: 192.168.20.32\n  roles: [etcd, master]',
    'address: 192.168.20.32\n  roles: *both',
  );
  assert.match((await refusal(aliased)).message, /line 27: hosts\[0\]\.roles: "boss".*line 30: hosts\[1\]\.roles: "boss"/s);
  const flat = '{"apiVersion":"config.muster.dev/v1","kind":"Inventory","hosts":[],"x":1}';
  assert.equal((await refusal(flat)).message, 'the inventory is not valid: x: unknown field');
});

test('whatever becomes of the lines of an inventory, it is taken, or refused with a code and a place', async () => {
  const examples = ['three-mixed-hosts', 'masters-and-workers', 'own-directories'].map((name) =>
    readFileSync(resolve(import.meta.dirname, `../../../docs/examples/deploy-${name}.yaml`), 'utf8').split('\n'),
  );
  const word = fc.constantFrom(
    '',
    '-1',
    'x',
    '[]',
    '{}',
    '~',
    '*a',
    '&a b',
    '"',
    '0.0.0.0/0',
    '99999999999',
    '!!set x',
    '__proto__',
  );
  const change = fc.record({ at: fc.nat(60), how: fc.constantFrom('drop', 'twice', 'value', 'key', 'indent', 'swap'), word });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...examples), fc.array(change, { minLength: 1, maxLength: 3 }), async (lines, changes) => {
      const text = changes.reduce(changed, [...lines]).join('\n');
      try {
        await readInventory(text);
      } catch (error) {
        assert.ok(error instanceof CodedError, `${error}\n${text}`);
        if (error.code === 'INVENTORY_INVALID') assert.match(error.message, /not valid: line \d+: ./);
      }
    }),
    { numRuns: 500 },
  );
});

interface Change {
  readonly at: number;
  readonly how: string;
  readonly word: string;
}

function changed(lines: string[], { at, how, word }: Change): string[] {
  const i = at % lines.length;
  const line = lines[i] ?? '';
  const instead: Readonly<Record<string, string[]>> = {
    drop: [],
    twice: [line, line],
    value: [line.replace(/: .*/, `: ${word}`)],
    key: [line.replace(/[a-zA-Z]+:/, `${word}:`)],
    indent: [`  ${line}`],
    swap: [lines[i + 1] ?? '', line],
  };
  return [...lines.slice(0, i), ...instead[how]!, ...lines.slice(i + (how === 'swap' ? 2 : 1))];
}
