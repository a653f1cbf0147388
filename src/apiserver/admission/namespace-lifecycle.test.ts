import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runPlugin } from '../../../test/harness/admission.ts';
import { MemoryObjects } from '../../../test/harness/memory-objects.ts';
import { namespaceKind } from '../../api/core/v1/namespace.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import { createNamespaceLifecycle } from './namespace-lifecycle.ts';

const objects = new MemoryObjects();
objects.put(namespaceKind, { metadata: { name: 'here' } });
objects.put(namespaceKind, { metadata: { name: 'ending' }, status: { phase: 'Terminating' } });
const plugin = createNamespaceLifecycle(objects);
const pod = (namespace: string) => ({ metadata: { name: 'p', namespace } });

test('a pod is created in a namespace that is there', async () => {
  await runPlugin(plugin, { kind: podKind, object: pod('here') });
});

test('nothing is created in a namespace that is not there', async () => {
  const message = 'namespaces "gone" not found';
  await assert.rejects(runPlugin(plugin, { kind: podKind, object: pod('gone') }), { code: 404, message });
});

test('nothing new is created in a namespace that ends, with the cause that clients look for', async () => {
  await assert.rejects(runPlugin(plugin, { kind: podKind, object: pod('ending') }), (error: unknown) => {
    const { status } = error as { status: { message: string; code: number; details: { causes: unknown[] } } };
    assert.equal(status.code, 403);
    assert.equal(
      status.message,
      'pods "p" is forbidden: unable to create new content in namespace ending because it is being terminated',
    );
    assert.deepEqual(status.details.causes, [
      { reason: 'NamespaceTerminating', message: 'namespace ending is being terminated', field: 'metadata.namespace' },
    ]);
    return true;
  });
});

test('what is there in an ending namespace can be changed and deleted', async () => {
  await runPlugin(plugin, { kind: podKind, object: pod('ending'), oldObject: pod('ending') });
  await runPlugin(plugin, { kind: podKind, oldObject: pod('ending') });
});

for (const name of ['default', 'kube-system', 'kube-public']) {
  test(`namespace ${name} may not be deleted`, async () => {
    const message = `namespaces "${name}" is forbidden: this namespace may not be deleted`;
    await assert.rejects(runPlugin(plugin, { kind: namespaceKind, oldObject: { metadata: { name } } }), { code: 403, message });
  });
}

test('other namespaces may be deleted', async () => {
  await runPlugin(plugin, { kind: namespaceKind, oldObject: { metadata: { name: 'here' } } });
});
