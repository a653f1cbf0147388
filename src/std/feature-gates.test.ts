import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KnownGate, readFeatureGates } from './feature-gates.ts';
import { parseFlags } from './flags.ts';

const KNOWN: readonly KnownGate[] = [
  { name: 'Stable', stage: '', default: true },
  { name: 'Newer', stage: 'BETA', default: true },
  { name: 'Newest', stage: 'ALPHA', default: false },
];

const read = (text: string) =>
  readFeatureGates(
    parseFlags('x', [{ name: 'feature-gates', type: 'map', description: '' }], [`--feature-gates=${text}`]).values,
    'kube-apiserver',
    KNOWN,
  );

const on = (text: string) => read(text).all.flatMap(({ name, enabled }) => (enabled ? [name] : []));

test('gates are as they are given, else as all of their stage, else as they are by default', () => {
  assert.deepEqual(on('AllAlpha=true'), ['Stable', 'Newer', 'Newest']);
  assert.deepEqual(on('AllBeta=f'), ['Stable']);
  assert.deepEqual(on('AllBeta=False,Newer=T,Stable=0'), ['Newer']);
  assert.equal(read('Newest=1').enabled('Newest'), true);
  assert.equal(read('Newest=1').remark, undefined);
});

test('gates that switch nothing are named in one line', () => {
  assert.equal(
    read('RotateKubeletServerCertificate=true,Newer=true,AnyOther=false').remark,
    'feature gates that switch nothing in this kube-apiserver: AnyOther, RotateKubeletServerCertificate',
  );
});

test('a value that is no boolean is an error that names gate and value', () => {
  assert.throws(() => read('Newer=yes'), {
    name: 'FlagError',
    message: /invalid value of Newer=yes, err: strconv.ParseBool: parsing "yes": invalid syntax$/,
  });
});
