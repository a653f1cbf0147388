import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AssetFiles } from '../assets/asset-files.ts';
import { type PairName, readRotating, writePair } from '../assets/rotation.ts';
import { type RotationRun, rotateSubjects } from './stages.ts';

/** Assets in memory, of which every change may be the last. */
function memoryFiles(texts = new Map<string, string>()) {
  let left = Number.POSITIVE_INFINITY;
  const change = () => {
    if (left-- <= 0) throw new Error('ended');
  };
  const files: AssetFiles = {
    read: async (name) => texts.get(name),
    write: async (name, text) => {
      change();
      texts.set(name, text);
    },
    remove: async (name) => {
      change();
      texts.delete(name);
    },
  };
  return {
    files,
    texts,
    endAfter(changes: number) {
      left = changes;
    },
  };
}

const names: readonly PairName[] = ['one', 'two'].map((path) => ({ path, publicHalf: 'certificate' }));
const pairOf = (text: string) => ({ certificate: `certificate ${text}\n`, key: `key ${text}\n` });

async function start() {
  const memory = memoryFiles();
  for (const name of names) await writePair(memory.files, name, '', pairOf('old'));
  return memory;
}

function runOf(files: AssetFiles, story: string[], more: Partial<RotationRun> = {}): RotationRun {
  return {
    files,
    subjects: names.map((name) => ({ name, create: async () => pairOf('new') })),
    marker: 'marker',
    stopAfter: undefined,
    progress: () => undefined,
    async distribute(stage) {
      const states = await Promise.all(names.map((name) => readRotating(files, name)));
      const trusts = states.map((state) => state!.trust.replaceAll('certificate ', '').trim().replaceAll('\n', '+'));
      const signs = states.map((state) => state!.pair.key.slice(4).trim());
      story.push(`${stage}: ${signs[0]}/${signs[1]} signs, ${trusts[0]}/${trusts[1]} trusted`);
    },
    follow: async (stage) => void story.push(`after ${stage}`),
    ...more,
  };
}

const STORY = [
  'bundle: old/old signs, old+new/old+new trusted',
  'after bundle',
  'signing: new/new signs, new+old/new+old trusted',
  'after signing',
  'settled: new/new signs, new/new trusted',
];

test('what is new is known to all before it signs, and what is old is forgotten when nothing is signed by it', async () => {
  const { files, texts } = await start();
  const story: string[] = [];
  assert.equal(await rotateSubjects(runOf(files, story)), 'done');
  assert.deepEqual(story, STORY);
  assert.deepEqual([...texts.keys()].sort(), ['one.key', 'one.pem', 'two.key', 'two.pem']);
});

test('it stops where it was told to, and goes on from there', async () => {
  const { files } = await start();
  const story: string[] = [];
  assert.equal(await rotateSubjects(runOf(files, story, { stopAfter: 'bundle' })), 'stopped');
  assert.equal(await rotateSubjects(runOf(files, story, { stopAfter: 'signing' })), 'stopped');
  assert.equal(await rotateSubjects(runOf(files, story)), 'done');
  const [bundle, afterBundle, signing, afterSigning, settled] = STORY;
  assert.deepEqual(story, [
    ...[bundle, afterBundle],
    ...[bundle, afterBundle, signing, afterSigning],
    ...[signing, afterSigning, settled],
  ]);
});

test('ended after any change of its files it goes on, rotates once, and hosts never get a signature that others do not trust', async () => {
  for (let changes = 0; changes < 40; changes++) {
    const memory = await start();
    const story: string[] = [];
    memory.endAfter(changes);
    const first = await rotateSubjects(runOf(memory.files, story)).catch(() => 'ended');
    memory.endAfter(Number.POSITIVE_INFINITY);
    if (first === 'ended') await rotateSubjects(runOf(memory.files, story));
    // Each step may be seen twice, in order, and nothing else is ever seen.
    const steps = story.filter((line) => !line.startsWith('after'));
    // Ended while the old ones were being forgotten, which all are ready for.
    const places = steps.map((line) => STORY.indexOf(line.replace('new/new+old trusted', 'new+old/new+old trusted')));
    assert.ok(!places.includes(-1), `after ${changes} changes: ${steps.join('; ')}`);
    assert.deepEqual(
      places,
      [...places].sort((a, b) => a - b),
    );
    assert.equal(new Set(places).size, 3, `after ${changes} changes: ${steps.join('; ')}`);
    assert.equal((await readRotating(memory.files, names[0]!))!.pair.key, 'key new\n');
    assert.deepEqual([...memory.texts.keys()].sort(), ['one.key', 'one.pem', 'two.key', 'two.pem'], `after ${changes} changes`);
  }
});

test('a step that fails on hosts is done again by the next run', async () => {
  const { files } = await start();
  const story: string[] = [];
  let failures = 1;
  const run = runOf(files, story);
  const failing = {
    ...run,
    distribute: async (stage: 'settled' | 'bundle' | 'signing') => {
      if (stage === 'signing' && failures-- > 0) throw new Error('a host is away');
      await run.distribute(stage);
    },
  };
  await assert.rejects(rotateSubjects(failing), /a host is away/);
  await rotateSubjects(failing);
  assert.deepEqual(story, STORY);
});
