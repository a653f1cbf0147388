import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeOf } from '../../../../test/harness/admission.ts';
import { configMapKind } from '../../../api/core/v1/config-map.ts';
import type { DynamicObject } from '../../../api/machinery/object.ts';
import { silentLogger } from '../../../std/logger.ts';
import { AdmissionMetrics } from '../../metrics/admission-metrics.ts';
import { createMutatingWebhooks } from './mutating-webhooks.ts';

const RULES = [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*'] }];
const base64 = (patch: unknown) => Buffer.from(JSON.stringify(patch)).toString('base64');

interface Reply {
  readonly response?: object;
  readonly failurePolicy?: string;
  /** The end of the request's time, which the webhook waits for. */
  readonly untilMs?: number;
  readonly more?: object;
  readonly dryRun?: boolean;
}

/** What one webhook's answer leaves behind. */
async function after({ response, failurePolicy = 'Fail', untilMs, more = {}, dryRun = false }: Reply) {
  const annotations: Record<string, string> = {};
  const metrics = new AdmissionMetrics();
  const configuration = {
    metadata: { name: 'conf' },
    webhooks: [
      {
        ...{ name: 'h.example.com', clientConfig: { url: 'https://h' }, admissionReviewVersions: ['v1'], rules: RULES },
        ...{ failurePolicy, sideEffects: 'None', ...more },
      },
    ],
  };
  const reader = { list: () => [configuration], get: () => undefined, subscribe: () => () => {} };
  const connections = {
    ask: async ({ body }: { body: string }) => {
      // Says nothing for as long as the request has time.
      while (performance.now() < (untilMs ?? 0));
      if (!response) throw new Error('nobody there');
      const { uid } = JSON.parse(body).request;
      return JSON.stringify({ kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', response: { uid, ...response } });
    },
  };
  const kinds = { all: () => [configMapKind] };
  const deps = { reader, connections, kinds, metrics, authorizer: {}, logger: silentLogger };
  const attributes = writeOf({
    ...{ kind: configMapKind, name: 'a', namespace: 'default', dryRun },
    object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'default' }, data: {} } as DynamicObject,
    audit: {
      addAuditAnnotation: (key, value) => {
        annotations[key] = value;
      },
      addRequestAnnotation: (key, value) => {
        annotations[key] = value();
      },
    },
    ...(untilMs !== undefined && { deadlineMs: untilMs }),
  });
  const refusal = await createMutatingWebhooks(deps as never).admit!(attributes).then(
    () => undefined,
    (error: Error & { code: number }) => [error.code, error.message] as const,
  );
  const counted = metrics
    .render()
    .split('\n')
    .filter((line) => /^apiserver_admission_webhook_(rejection_count|request_total|fail_open_count)\{/.test(line))
    .map((line) => line.replace(/^apiserver_admission_webhook_|,?\b(name|operation|type)="[^"]*"/g, ''));
  return { refusal, annotations, counted };
}

const AT = 'mutation.webhook.admission.k8s.io/round_0_index_0';
const note = (mutated: boolean) => JSON.stringify({ configuration: 'conf', webhook: 'h.example.com', mutated });

test('that a mutating webhook was asked is noted whatever became of it', async () => {
  const changed = await after({
    response: { allowed: true, patchType: 'JSONPatch', patch: base64([{ op: 'add', path: '/data/a', value: 'b' }]) },
  });
  assert.equal(changed.annotations[AT], note(true));
  assert.deepEqual(changed.counted, ['request_total{code="200",rejected="false"} 1']);
  assert.match(
    changed.annotations['patch.webhook.admission.k8s.io/round_0_index_0']!,
    /"patch":\[\{"op":"add","path":"\/data\/a","value":"b"\}\]/,
  );
  const refused = await after({ response: { allowed: false, status: { code: 999 } } });
  assert.deepEqual(refused.annotations, { [AT]: note(false) });
  const silent = await after({});
  assert.deepEqual(silent.annotations, { [AT]: note(false) });
  assert.deepEqual(silent.counted, [
    'request_total{code="503",rejected="true"} 1',
    'rejection_count{error_type="calling_webhook_error",rejection_code="503"} 1',
  ]);
  const open = await after({ failurePolicy: 'Ignore' });
  assert.deepEqual(open.annotations, { [AT]: note(false), [`failed-open.${AT}`]: 'h.example.com' });
  assert.deepEqual(open.counted, ['request_total{code="503",rejected="false"} 1', 'fail_open_count{} 1']);
});

test('annotations whose names make no keys are left out', async () => {
  const auditAnnotations = { fine: '1', 'a/b': '2', '': '3', 'two words': '4', ['l'.repeat(64)]: '5' };
  const { annotations } = await after({ response: { allowed: true, auditAnnotations } });
  assert.deepEqual(annotations, { 'h.example.com/fine': '1', [AT]: note(false) });
});

test('a patch that cannot be read is a failure to call, one that does not apply is an error, one of a refusal is not looked at', async () => {
  const patch = (operations: unknown, more: object = {}) => ({
    response: { allowed: true, patchType: 'JSONPatch', patch: base64(operations), ...more },
  });
  const unreadable = await after(patch({}));
  assert.deepEqual(unreadable.refusal, [
    500,
    'Internal error occurred: failed calling webhook "h.example.com": received undecodable patch in webhook response: json: cannot unmarshal object into Go value of type jsonpatch.Patch',
  ]);
  assert.equal((await after({ ...patch({}), failurePolicy: 'Ignore' })).refusal, undefined);
  const other = await after(patch([{ op: 'remove', path: '/data' }], { patchType: 'MergePatch' }));
  assert.match(other.refusal![1], /failed calling webhook "h\.example\.com": unsupported patch type "MergePatch"$/);
  assert.match(other.counted.join(), /rejection_code="400"/);
  const failing = await after({ ...patch([{ op: 'remove', path: '/data/none' }]), failurePolicy: 'Ignore' });
  assert.match(failing.refusal![1], /^Internal error occurred: error in remove for path: '\/data\/none'/);
  assert.match(failing.counted.join(), /error_type="apiserver_internal_error",rejection_code="0"/);
  assert.match((await after(patch([{ op: 1 }]))).refusal![1], /Unexpected kind: unknown$/);
  assert.match((await after(patch({}, { allowed: false }))).refusal![1], /denied the request without explanation$/);
});

test('when the request has no time left, a webhook that failed open is the last that is asked', async () => {
  assert.equal((await after({ failurePolicy: 'Ignore' })).refusal, undefined);
  const late = await after({ failurePolicy: 'Ignore', untilMs: performance.now() + 5 });
  assert.deepEqual(late.refusal, [504, 'Timeout: request did not complete within requested timeout']);
});

test('a webhook that says nothing of side effects cannot be asked in a dry run, which its failure policy is about', async () => {
  const told = await after({ dryRun: true, more: { sideEffects: undefined } });
  assert.match(told.refusal![1], /failed calling webhook "h\.example\.com": Webhook SideEffects is nil$/);
  assert.equal((await after({ dryRun: true, more: { sideEffects: undefined }, failurePolicy: 'Ignore' })).refusal, undefined);
});
