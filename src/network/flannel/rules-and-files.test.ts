import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { recordedPrograms } from '../../host/recorded-programs.ts';
import { allowForwarding, FLANNEL_FORWARD, removeForwardRules } from '../forward-rules.ts';
import { DEFAULT_CNI_CONF } from './cni-conf.ts';
import { masqueradeRules } from './masquerade.ts';
import { removeNetworkFiles, writeNetworkFiles } from './network-files.ts';
import { formatSubnetEnv } from './subnet-env.ts';

const V4 = { family: 4, network: '10.64.0.0/10', subnet: '10.64.3.0/24' } as const;
const V6 = { family: 6, network: 'fd00:10:64::/48', subnet: 'fd00:10:64:3::/64' } as const;
const ENV = { ranges: [V4], mtu: 1450, ipMasq: true };

test('subnet.env names the bridge’s address', () => {
  assert.equal(
    formatSubnetEnv(ENV),
    'FLANNEL_NETWORK=10.64.0.0/10\nFLANNEL_SUBNET=10.64.3.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n',
  );
  assert.deepEqual(
    formatSubnetEnv({ ...ENV, ranges: [V4, V6] })
      .split('\n')
      .slice(2, 4),
    ['FLANNEL_IPV6_NETWORK=fd00:10:64::/48', 'FLANNEL_IPV6_SUBNET=fd00:10:64:3::1/64'],
  );
});

test('pods hide behind their node only from what is outside of the network', () => {
  const { table, chains } = masqueradeRules({ ...V4, random: true });
  assert.equal(table, 'flannel-ipv4');
  assert.deepEqual(chains.get('postrouting')?.rules, [
    'meta mark and 0x00004000 == 0x00004000 return',
    'ip saddr 10.64.0.0/10 ip daddr 10.64.0.0/10 return',
    'ip saddr 10.64.0.0/10 ip daddr != 224.0.0.0/4 counter masquerade fully-random',
    'ip saddr != 10.64.0.0/10 ip daddr 10.64.3.0/24 return',
    'ip saddr != 10.64.0.0/10 ip daddr 10.64.0.0/10 counter masquerade fully-random',
  ]);
  const six = masqueradeRules({ ...V6, random: false });
  assert.deepEqual([six.family, six.table], ['ip6', 'flannel-ipv6']);
  assert.equal(six.chains.get('postrouting')?.rules[2], 'ip6 saddr fd00:10:64::/48 ip6 daddr != ff00::/8 counter masquerade');
});

const EMPTY = '-P INPUT ACCEPT\n-P FORWARD DROP\n-P OUTPUT ACCEPT\n';
const OWN = '-A FLANNEL-FWD -s 10.64.0.0/10 -j ACCEPT\n-A FLANNEL-FWD -d 10.64.0.0/10 -j ACCEPT\n';
const JUMP = '-A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD\n';

test('forwarding is allowed by a chain of its own, once', async () => {
  const fresh = recordedPrograms(({ args }) => (args.includes('-S') ? { stdout: EMPTY } : undefined));
  assert.equal(await allowForwarding(fresh.run, FLANNEL_FORWARD, ['10.64.0.0/10']), true);
  assert.equal(fresh.calls[1]?.input, `*filter\n:FLANNEL-FWD - [0:0]\n${OWN}COMMIT\n`);
  assert.equal(fresh.lines[2], 'iptables --wait 5 -A FORWARD -m comment --comment flanneld forward -j FLANNEL-FWD');
  const there = recordedPrograms(() => ({ stdout: `${EMPTY}-N FLANNEL-FWD\n${JUMP}${OWN}` }));
  await allowForwarding(there.run, FLANNEL_FORWARD, ['10.64.0.0/10']);
  assert.equal(there.calls.length, 1);
  await removeForwardRules(there.run, FLANNEL_FORWARD);
  assert.deepEqual(
    there.lines.slice(2).map((line) => line.replace('iptables --wait 5 ', '')),
    ['-D FORWARD -m comment --comment flanneld forward -j FLANNEL-FWD', '-F FLANNEL-FWD', '-X FLANNEL-FWD'],
  );
});

test('of IPv6 it is ip6tables that lets pods through', async () => {
  const programs = recordedPrograms(({ args }) => (args.includes('-S') ? { stdout: EMPTY } : undefined));
  await allowForwarding(programs.run, FLANNEL_FORWARD, ['fd00:10:64::/48'], 6);
  await removeForwardRules(programs.run, FLANNEL_FORWARD, 6);
  assert.deepEqual(
    programs.calls.map(({ program }) => program),
    ['ip6tables', 'ip6tables-restore', 'ip6tables', 'ip6tables'],
  );
});

test('without an iptables there is nothing to be allowed', async () => {
  const programs = recordedPrograms(() => ({
    exitCode: 3,
    stderr: "can't initialize iptables table `filter': Table does not exist",
  }));
  assert.equal(await allowForwarding(programs.run, FLANNEL_FORWARD, ['10.64.0.0/10']), false);
  await removeForwardRules(programs.run, FLANNEL_FORWARD);
});

test('files are written once, and it is said whose configuration the runtime uses', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'flannel-'));
  t.after(() => rm(root, { recursive: true }));
  const paths = {
    subnetFile: join(root, 'run', 'subnet.env'),
    cniConfigurationDirectory: join(root, 'net.d'),
    addressDirectory: undefined,
  };
  assert.equal(await writeNetworkFiles(paths, DEFAULT_CNI_CONF, ENV), undefined);
  const conflist = join(root, 'net.d', '10-flannel.conflist');
  assert.equal(JSON.parse(await readFile(conflist, 'utf8')).name, 'cbr0');
  const { ino } = await stat(conflist);
  await writeFile(join(root, 'net.d', '05-other.conf'), '{}');
  assert.equal(await writeNetworkFiles(paths, DEFAULT_CNI_CONF, ENV), '05-other.conf');
  assert.equal((await stat(conflist)).ino, ino, 'the same text is not written again');
  await removeNetworkFiles(paths);
  await removeNetworkFiles(paths);
  await assert.rejects(stat(paths.subnetFile), { code: 'ENOENT' });
  assert.ok(await stat(join(root, 'net.d', '05-other.conf')));
});
