import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type WriteCase, writeOf } from '../../../../test/harness/admission.ts';
import { MemoryObjects } from '../../../../test/harness/memory-objects.ts';
import { podKind } from '../../../api/core/v1/pod.ts';
import { resourceQuotaKind } from '../../../api/core/v1/resource-quota.ts';
import { secretKind } from '../../../api/core/v1/secret.ts';
import { serviceKind } from '../../../api/core/v1/service.ts';
import type { V1ResourceQuota } from '../../../api/gen/types.ts';
import { systemClock } from '../../../std/clock.ts';
import type { LimitedResource } from './limited-resources.ts';
import { createResourceQuota } from './resource-quota.ts';

type Amounts = Readonly<Record<string, string>>;

class Quotas {
  readonly objects = new MemoryObjects();
  readonly #limited: readonly LimitedResource[];
  #plugin: ReturnType<typeof createResourceQuota> | undefined;

  constructor(...limited: LimitedResource[]) {
    this.#limited = limited;
  }

  put(name: string, hard: Amounts, used: Amounts = zeros(hard), spec: object = {}) {
    this.objects.put(resourceQuotaKind, {
      metadata: { name, namespace: 'ns' },
      spec: { hard, ...spec },
      status: { hard, used },
    });
    return this;
  }

  used(name: string) {
    return (this.objects.get(resourceQuotaKind, 'ns', name) as unknown as V1ResourceQuota).status!.used;
  }

  async write(write: WriteCase): Promise<void> {
    this.#plugin ??= createResourceQuota({
      reader: this.objects,
      writer: this.objects,
      clock: systemClock,
      limited: this.#limited,
    });
    const attributes = writeOf(write);
    if (this.#plugin.handles(attributes)) await this.#plugin.validate!(attributes);
  }

  createPod(name: string, spec: object = {}) {
    return this.write({ kind: podKind, object: pod(name, spec) });
  }
}

const zeros = (hard: Amounts) => Object.fromEntries(Object.keys(hard).map((name) => [name, '0']));
const pod = (name: string, spec: object = {}) => ({
  metadata: { name, namespace: 'ns' },
  spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
});

test('what is made is charged, and refused in upstream\u2019s words when there is no room', async () => {
  const quotas = new Quotas().put('q', { pods: '2' }, { pods: '1' });
  await quotas.createPod('a');
  assert.deepEqual(quotas.used('q'), { pods: '2' });
  await assert.rejects(quotas.createPod('b'), {
    code: 403,
    message: 'pods "b" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2',
  });
  assert.deepEqual(quotas.used('q'), { pods: '2' });
});

test('of ten at once with room for one, exactly one passes', async () => {
  const quotas = new Quotas().put('q', { 'count/secrets': '1' });
  const make = (i: number) => quotas.write({ kind: secretKind, object: { metadata: { name: `s${i}`, namespace: 'ns' } } });
  const results = await Promise.allSettled(Array.from({ length: 10 }, (_, i) => make(i)));
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
  assert.deepEqual(quotas.used('q'), { 'count/secrets': '1' });
});

test('many at once are charged in few writes', async () => {
  const quotas = new Quotas().put('q', { pods: '100' });
  await Promise.all(Array.from({ length: 50 }, (_, i) => quotas.createPod(`p${i}`)));
  assert.deepEqual(quotas.used('q'), { pods: '50' });
  assert.ok(quotas.objects.writes.length <= 2, `${quotas.objects.writes.length} writes`);
});

test('a write that loses to another one is made anew on what is there then', async () => {
  const quotas = new Quotas().put('q', { pods: '5' });
  const { objects } = quotas;
  const modify = objects.modify.bind(objects);
  let interfered = false;
  objects.modify = (...args: Parameters<MemoryObjects['modify']>) => {
    if (!interfered) quotas.put('q', { pods: '5' }, { pods: '3' });
    interfered = true;
    return modify(...args);
  };
  await quotas.createPod('a');
  assert.deepEqual(quotas.used('q'), { pods: '4' });
});

test('who makes what is there already is not charged for it', async () => {
  const quotas = new Quotas().put('q', { pods: '1' }, { pods: '1' });
  quotas.objects.put(podKind, pod('a'));
  await quotas.createPod('a');
  assert.deepEqual(quotas.used('q'), { pods: '1' });
});

test('a dry run is checked and not charged', async () => {
  const quotas = new Quotas().put('q', { pods: '1' });
  await quotas.write({ kind: podKind, object: pod('a'), dryRun: true });
  assert.deepEqual(quotas.used('q'), { pods: '0' });
  assert.deepEqual(quotas.objects.writes, []);
});

test('a quota whose use is not known yet lets nothing in', async () => {
  await assert.rejects(
    new Quotas().put('q', { pods: '1', 'requests.cpu': '1' }, { 'requests.cpu': '0' }).createPod('a', {
      containers: [{ name: 'c', resources: { requests: { cpu: '1m' } } }],
    }),
    { message: 'pods "a" is forbidden: status unknown for quota: q, resources: pods,requests.cpu' },
  );
});

test('a container that does not say what a quota demands is named', async () => {
  await assert.rejects(new Quotas().put('q', { 'limits.cpu': '1', memory: '1Gi' }).createPod('a'), {
    message: 'pods "a" is forbidden: failed quota: q: must specify limits.cpu for: c; memory for: c',
  });
});

test('only quotas that count an object are charged for it', async () => {
  const quotas = new Quotas()
    .put('best', { pods: '5' }, { pods: '0' }, { scopes: ['BestEffort'] })
    .put('not', { pods: '5' }, { pods: '0' }, { scopes: ['NotBestEffort'] })
    .put('other', { secrets: '5' });
  await quotas.createPod('a');
  assert.deepEqual(
    [quotas.used('best'), quotas.used('not'), quotas.used('other')],
    [{ pods: '1' }, { pods: '0' }, { secrets: '0' }],
  );
});

test('a change is charged for what it uses more, and one that uses less is let in', async () => {
  const service = (spec: object) => ({ metadata: { name: 's', namespace: 'ns', resourceVersion: '1' }, spec });
  const quotas = new Quotas().put(
    'q',
    { services: '1', 'services.nodeports': '2' },
    { services: '1', 'services.nodeports': '0' },
  );
  const cluster = service({ type: 'ClusterIP', ports: [{}, {}] });
  const node = service({ type: 'NodePort', ports: [{}, {}] });
  await quotas.write({ kind: serviceKind, object: node, oldObject: cluster });
  assert.deepEqual(quotas.used('q'), { services: '1', 'services.nodeports': '2' });
  await quotas.write({ kind: serviceKind, object: cluster, oldObject: node });
  await assert.rejects(
    quotas.write({ kind: serviceKind, object: service({ type: 'NodePort', ports: [{}, {}, {}] }), oldObject: node }),
    /exceeded quota: q, requested: services\.nodeports=1, used: services\.nodeports=2, limited: services\.nodeports=2/,
  );
});

test('a namespace without quotas is asked for nothing more', async () => {
  const quotas = new Quotas();
  await quotas.createPod('a');
  assert.equal(quotas.objects.freshReads, 0);
});

test('what is limited by configuration is refused where no quota covers it', async () => {
  const limited: LimitedResource = {
    apiGroup: '',
    resource: 'pods',
    matchContains: ['requests.cpu'],
    matchScopes: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }],
  };
  const cpu = { containers: [{ name: 'c', resources: { requests: { cpu: '1' } } }] };
  await assert.rejects(new Quotas(limited).createPod('a', cpu), {
    code: 403,
    message: 'pods "a" is forbidden: insufficient quota to consume: requests.cpu',
  });
  await new Quotas(limited).put('q', { 'requests.cpu': '1' }).createPod('a', cpu);
  await assert.rejects(new Quotas(limited).createPod('a', { priorityClassName: 'high' }), {
    code: 500,
    message: 'insufficient quota to match these scopes: [{PriorityClass In [high]}]',
  });
});
