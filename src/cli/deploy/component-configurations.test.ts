import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readInventory } from '../../deploy/inventory/read-inventory.ts';
import { configurationMistakes } from './component-configurations.ts';

/** The message with which an inventory is refused. */
const refusal = (more: Record<string, unknown>): Promise<string> =>
  readInventory(
    JSON.stringify(
      {
        ...{ apiVersion: 'config.muster.dev/v1', kind: 'Inventory' },
        hosts: [{ name: 'm', address: '192.168.20.31', roles: ['etcd', 'master', 'worker'] }],
        ...more,
      },
      null,
      1,
    ),
    configurationMistakes,
  ).then(
    () => 'taken',
    (error: Error) => error.message,
  );

test('what kubelet and kube-proxy would not start with is told before anything is done, with its field and line', async () => {
  assert.match(
    await refusal({ kubeProxy: { configuration: { mode: 'userspace' } } }),
    /^the inventory is not valid: line \d+: kubeProxy\.configuration: invalid configuration: mode: Unsupported value: "userspace"/,
  );
  assert.match(await refusal({ kubeProxy: { configuration: { mod: 'ipvs' } } }), /kubeProxy\.configuration\.mod: unknown field/);
  assert.match(
    await refusal({ kubeProxy: { configuration: { conntrack: { min: 'many' } } } }),
    /kubeProxy\.configuration\.conntrack\.min: must be an integer, got "many"/,
  );
  assert.match(await refusal({ kubelet: { configuration: { maxPods: -1 } } }), /kubelet\.configuration: .*maxPods/);
  assert.match(await refusal({ kubelet: { configuration: { kind: 'Pod' } } }), /kubelet\.configuration: .*no kind "Pod"/);
  assert.match(await refusal({ kubelet: { configuration: [1] } }), /kubelet\.configuration: must be an object/);
});

test('what they start with is taken, and what programs of another release are told is theirs to judge', async () => {
  const configuration = { mode: 'ipvs', ipvs: { scheduler: 'rr' } };
  assert.equal(await refusal({ kubeProxy: { configuration }, kubelet: { configuration: { maxPods: 50 } } }), 'taken');
  assert.equal(
    await refusal({ kubeProxy: { configuration: { mode: 'userspace' } }, distribution: { type: 'upstream', programs: 'x.tar' } }),
    'taken',
  );
});
