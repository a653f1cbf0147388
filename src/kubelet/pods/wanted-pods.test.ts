import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Pod } from '../../api/gen/types.ts';
import type { Informer } from '../../client/informer.ts';
import { isCritical } from './critical-pod.ts';
import type { StaticPods } from './real-pod-options.ts';
import { WantedPods } from './wanted-pods.ts';

const podOf = (name: string, annotations: Record<string, string>): V1Pod => ({
  metadata: { name, namespace: 'default', uid: `uid-${name}`, annotations },
  spec: { containers: [{ name: 'c' }] },
});

function wantedPods(bound: readonly V1Pod[], own: readonly V1Pod[]) {
  const informer = {
    addIndex: () => undefined,
    byIndex: (_index: string, uid: string) => bound.filter(({ metadata }) => metadata?.uid === uid),
    list: () => bound,
    get: (name: string) => bound.find(({ metadata }) => metadata?.name === name),
  } as unknown as Informer<V1Pod>;
  const manifests = { list: () => own, find: (uid: string) => own.find(({ metadata }) => metadata?.uid === uid) };
  return new WantedPods(informer, manifests as StaticPods);
}

test('a pod of the API that says it is of the node’s own manifests is not, and no more critical than others', () => {
  const forged = podOf('forged', { 'kubernetes.io/config.source': 'file', 'kubernetes.io/config.hash': 'x', note: 'kept' });
  const own = podOf('own', { 'kubernetes.io/config.source': 'file' });
  const wanted = wantedPods([forged], [own]);
  for (const found of [wanted.find('uid-forged'), wanted.named('default', 'forged'), wanted.list()[1]]) {
    assert.equal(isCritical(found!.pod), false);
    assert.equal(found!.pod.metadata?.annotations?.['kubernetes.io/config.source'], 'api');
    assert.equal(found!.pod.metadata?.annotations?.['note'], 'kept');
    assert.equal(found!.told, forged, 'what the API server was told is as it was');
    assert.equal(found!.pod, wanted.find('uid-forged')!.pod, 'the same object each time');
  }
  assert.equal(isCritical(wanted.find('uid-own')!.pod), true);
});
