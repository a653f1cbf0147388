import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alreadyExists } from '../../api/machinery/status-error.ts';
import { TestingCluster } from '../../controllers/framework/testing-client.test-support.ts';
import { silentLogger } from '../../std/logger.ts';
import { keepBlocks, releaseBlocks } from './block-keeper.ts';
import { type BlockAffinity, blockAffinityKind } from './calico-kinds.ts';

const node = (name: string, uid = `uid-${name}`) => ({ metadata: { name, uid } });
const POOL = { cidr: '10.64.0.0/24', blockSize: 26 };

function open() {
  const cluster = new TestingCluster();
  const known = () => cluster.list<BlockAffinity>(blockAffinityKind);
  return {
    cluster,
    known,
    keep: (name: string, more: { used?: string[]; known?: BlockAffinity[]; uid?: string } = {}) =>
      keepBlocks(
        { client: cluster.client, logger: silentLogger },
        { node: node(name, more.uid), family: 4, pools: [POOL], usedAddresses: more.used ?? [], known: more.known ?? known() },
      ),
  };
}

const addresses = (block: string, count: number) => {
  const [network = ''] = block.split('/');
  const [a, b, c, d] = network.split('.');
  return Array.from({ length: count }, (_, i) => `${a}.${b}.${c}.${Number(d) + 2 + i}`);
};

test('a node has one block, keeps it, and no other node gets it', async () => {
  const { cluster, keep } = open();
  const first = await keep('n1');
  assert.equal(first.length, 1);
  assert.deepEqual(await keep('n1'), first);
  const others = [await keep('n2'), await keep('n3'), await keep('n4')].flat();
  assert.equal(new Set([...first, ...others]).size, 4);
  await assert.rejects(keep('n5'), { code: 'BLOCKS_EXHAUSTED' });
  assert.equal(cluster.sent('create', 'blockaffinities').length, 4);
});

test('a node whose copy is old does not claim twice', async () => {
  const { keep } = open();
  const first = await keep('n1', { known: [] });
  assert.deepEqual(await keep('n1', { known: [] }), first);
});

test('another block is taken when few addresses are left, and only addresses of the blocks count', async () => {
  const { keep } = open();
  const [block = ''] = await keep('n1');
  assert.equal((await keep('n1', { used: addresses(block, 45) })).length, 1);
  assert.equal((await keep('n1', { used: ['192.168.0.1', ...addresses(block, 45)] })).length, 1);
  assert.equal((await keep('n1', { used: addresses(block, 46) })).length, 2);
  for (const name of ['n2', 'n3']) await keep(name);
  const full = (await keep('n1')).flatMap((one) => addresses(one, 61));
  assert.equal((await keep('n1', { used: full })).length, 2, 'the pool is used up, and pods go on');
});

test('who comes second takes another block', async () => {
  const { cluster, keep } = open();
  let refused = 0;
  cluster.beforeWrite = ({ verb, name = '' }) => {
    if (verb === 'create' && refused++ === 0) throw alreadyExists(blockAffinityKind, name);
  };
  assert.equal((await keep('n1')).length, 1);
  assert.equal(cluster.sent('create', 'blockaffinities').length, 2);
});

test('blocks belong to the Node, also to one that was made anew, and can be given back', async () => {
  const { cluster, keep, known } = open();
  const before = await keep('n1');
  await keep('n2');
  assert.deepEqual(await keep('n1', { uid: 'another' }), before);
  const owners = known()
    .filter(({ spec }) => spec?.node === 'n1')
    .map(({ metadata }) => metadata?.ownerReferences?.[0]?.uid);
  assert.deepEqual(owners, ['another']);
  await releaseBlocks({ client: cluster.client }, 'n1');
  assert.deepEqual(
    known().map(({ spec }) => spec?.node),
    ['n2'],
  );
});
