import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ProgramError, type RunProgram } from '../../host/run-program.ts';
import { bridgeConflist, bridgeName } from './conflist.ts';
import { NEEDED_PLUGINS, requireCniPlugins } from './plugins.ts';
import { foreignNetwork, installPodNetwork, removePodNetwork } from './pod-network.ts';

const NETWORK = {
  name: 'muster-a',
  bridge: 'mstr-1',
  podCidrs: ['10.128.0.0/24'],
  hairpinMode: 'hairpin-veth',
  addressDirectory: '/nowhere/a',
} as const;

async function filesIn(t: TestContext) {
  const root = await mkdtemp(join(tmpdir(), 'cni-'));
  t.after(() => rm(root, { recursive: true }));
  return { directory: join(root, 'net.d'), addressDirectory: join(root, 'addresses') };
}

interface Plugin {
  type: string;
  hairpinMode?: boolean;
  promiscMode?: boolean;
  mtu?: number;
  ipam?: object;
}
const bridgeOf = (network: Parameters<typeof bridgeConflist>[0]) =>
  (bridgeConflist(network) as { plugins: Plugin[] }).plugins[0]!;

test('pods are on a bridge with addresses of the node’s ranges, of both families', () => {
  assert.deepEqual(bridgeOf({ ...NETWORK, podCidrs: ['10.128.0.0/24', 'fd00::/64'] }).ipam, {
    type: 'host-local',
    dataDir: '/nowhere/a',
    ranges: [[{ subnet: '10.128.0.0/24' }], [{ subnet: 'fd00::/64' }]],
    routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
  });
});

test('how a pod reaches itself follows hairpinMode', () => {
  const modes = (['none', 'hairpin-veth', 'promiscuous-bridge'] as const).map((hairpinMode) => {
    const { hairpinMode: hairpin, promiscMode } = bridgeOf({ ...NETWORK, hairpinMode });
    return [hairpin, promiscMode];
  });
  assert.deepEqual(modes, [
    [undefined, undefined],
    [true, undefined],
    [undefined, true],
  ]);
  assert.equal(bridgeOf({ ...NETWORK, mtu: 1400 }).mtu, 1400);
});

test('names of bridges fit the kernel and differ between clusters', () => {
  assert.ok(bridgeName('/a').length <= 15);
  assert.notEqual(bridgeName('/a'), bridgeName('/b'));
});

test('the network is written for all to read, and again only when it changes', async (t) => {
  const { directory } = await filesIn(t);
  const { path, own } = await installPodNetwork(directory, NETWORK);
  assert.ok(own);
  assert.equal(JSON.parse(await readFile(path, 'utf8')).name, 'muster-a');
  assert.deepEqual(await readdir(directory), ['90-muster-a.conflist'], 'no temporary file stays');
  assert.deepEqual(await installPodNetwork(directory, NETWORK), { path, own });
});

test('somebody else’s network stays and is used', async (t) => {
  const { directory } = await filesIn(t);
  await mkdir(directory);
  await writeFile(join(directory, '.hidden'), '');
  assert.equal(await foreignNetwork(directory, 'muster-a'), undefined);
  await writeFile(join(directory, '10-calico.conflist'), '{}');
  const { path, own } = await installPodNetwork(directory, NETWORK);
  assert.deepEqual([path, own], [join(directory, '10-calico.conflist'), false]);
  assert.equal((await readdir(directory)).length, 2);
});

test('what was made goes, others’ stays, and a second time does no harm', async (t) => {
  const { directory, addressDirectory } = await filesIn(t);
  const network = { ...NETWORK, addressDirectory };
  await installPodNetwork(directory, network);
  await writeFile(join(directory, 'other.txt'), '');
  await mkdir(join(addressDirectory, 'muster-a'), { recursive: true });
  const ran: string[] = [];
  const run: RunProgram = async (program, args) => {
    ran.push([program, ...args].join(' '));
    return { stdout: '', stderr: '' };
  };
  await removePodNetwork(directory, network, run);
  assert.deepEqual(ran, ['ip link delete mstr-1 type bridge']);
  assert.deepEqual(await readdir(directory), ['other.txt']);
  await assert.rejects(readdir(addressDirectory), { code: 'ENOENT' });
  const failing =
    (stderr: string): RunProgram =>
    (program, args) =>
      Promise.reject(new ProgramError('ip failed', 'PROGRAM_FAILED', { program, args, exitCode: 1, stdout: '', stderr }));
  await removePodNetwork(directory, network, failing('Cannot find device "mstr-1"'));
  await assert.rejects(
    removePodNetwork(directory, network, failing('Operation not permitted')),
    /cannot remove the pods' bridge mstr-1/,
  );
});

test('plugins that are missing are named, with where they are or what to install', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'cni-'));
  t.after(() => rm(root, { recursive: true }));
  const [full, empty] = [join(root, 'full'), join(root, 'empty')];
  await mkdir(full);
  await mkdir(empty);
  for (const plugin of NEEDED_PLUGINS) {
    await writeFile(join(full, plugin), '');
    await chmod(join(full, plugin), 0o755);
  }
  await requireCniPlugins([full], []);
  await requireCniPlugins([], [full]);
  await assert.rejects(requireCniPlugins([empty], [full]), {
    message: `CNI plugins bridge, host-local, loopback, portmap are not in ${empty}; they are in ${full}: set bin_dir in the runtime's configuration, or link them`,
  });
  await assert.rejects(requireCniPlugins([empty], []), /install Debian's package containernetworking-plugins/);
});
