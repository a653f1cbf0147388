/** What is counted of policies and of match conditions, under upstream's names and labels. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeOf } from '../../../../test/harness/admission.ts';
import { allKinds } from '../../../api/all-kinds.ts';
import { configMapKind } from '../../../api/core/v1/config-map.ts';
import { apiVersionOf, type KindDefinition } from '../../../api/machinery/kind.ts';
import type { DynamicObject } from '../../../api/machinery/object.ts';
import type { Authorizer } from '../../contracts.ts';
import { ChangingKinds } from '../../kinds/kind-registry.ts';
import { AdmissionMetrics } from '../../metrics/admission-metrics.ts';
import { WebhookConditions } from '../webhooks/relevant-webhooks.ts';
import type { Webhook } from '../webhooks/webhook-list.ts';
import { createMutatingPolicies } from './mutating-policies.ts';
import { createValidatingPolicies } from './validating-policies.ts';

const kinds = new ChangingKinds(allKinds);
const authorizer: Authorizer = { authorize: async () => ({ decision: 'allow', reason: 'may' }) };
const MAP = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c', namespace: 'default' }, data: { x: '1' } };
const NAMESPACE = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } };
const RULES = [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*'] }];
const NOT_YET = 'object.data.none == "1"';

const readerOf = (objects: readonly object[]) => {
  const of = (wanted: KindDefinition) =>
    (objects as readonly DynamicObject[]).filter((one) => one.kind === wanted.kind && one.apiVersion === apiVersionOf(wanted));
  return {
    get: (wanted: KindDefinition, _namespace: string, name: string) => of(wanted).find(({ metadata }) => metadata.name === name),
    list: of,
    waitFresh: async () => undefined,
    subscribe: () => () => undefined,
  };
};

/** The counters only, without the times. */
const counted = (metrics: AdmissionMetrics) =>
  metrics
    .render()
    .split('\n')
    .filter((line) =>
      /^apiserver_(?:validating_admission_policy|mutating_admission_policy|admission_match).*_total\{/.test(line),
    );

async function countedOf(kind: 'Validating' | 'Mutating', spec: object, binding: object = {}): Promise<string[]> {
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const policy = {
    apiVersion,
    kind: `${kind}AdmissionPolicy`,
    metadata: { name: 'pol' },
    spec: { failurePolicy: 'Fail', matchConstraints: { resourceRules: RULES }, ...spec },
  };
  const bound = {
    apiVersion,
    kind: `${kind}AdmissionPolicyBinding`,
    metadata: { name: 'b' },
    spec: { policyName: 'pol', ...binding },
  };
  const metrics = new AdmissionMetrics();
  const deps = { reader: readerOf([policy, bound, NAMESPACE]), kinds, authorizer, metrics };
  const plugin = kind === 'Mutating' ? createMutatingPolicies(deps) : createValidatingPolicies(deps);
  const attributes = writeOf({ kind: configMapKind, object: MAP });
  assert.ok(plugin.handles(attributes));
  await (plugin.admit ?? plugin.validate)!(attributes).catch(() => undefined);
  const text = metrics.render();
  assert.match(text, /^apiserver_cel_compilation_duration_seconds_count 1$/m);
  assert.match(text, /^apiserver_cel_evaluation_duration_seconds_count 1$/m);
  return counted(metrics);
}

test('a validation that does not hold is counted once for each thing that is done about it', async () => {
  const line = (action: string, type = 'invalid_error') =>
    `apiserver_validating_admission_policy_check_total{enforcement_action="${action}",error_type="${type}",policy="pol",policy_binding="b"} 1`;
  const of = (expression: string, validationActions: readonly string[], failurePolicy = 'Fail') =>
    countedOf('Validating', { failurePolicy, validations: [{ expression }] }, { validationActions });
  assert.deepEqual(await of('true', ['Deny']), []);
  assert.deepEqual(await of('false', ['Deny']), [line('deny')]);
  assert.deepEqual((await of('false', ['Warn', 'Audit'])).sort(), [line('audit'), line('warn')]);
  assert.deepEqual(await of(NOT_YET, ['Deny'], 'Ignore'), [line('allow')], 'no value, and that does not matter');
  assert.deepEqual(await of('nope', ['Deny']), [line('deny', 'compile_error')]);
});

test('a mutation is counted whether it was made or not', async () => {
  const of = (expression: string) =>
    countedOf('Mutating', {
      reinvocationPolicy: 'Never',
      mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression } }],
    });
  const line = (type: string) =>
    `apiserver_mutating_admission_policy_check_total{error_type="${type}",policy="pol",policy_binding="b"} 1`;
  assert.deepEqual(await of('[JSONPatch{op: "add", path: "/data/y", value: "2"}]'), [line('no_error')]);
  assert.deepEqual(await of(`${NOT_YET} ? [JSONPatch{op: "remove", path: "/data"}] : []`), [line('invalid_error')]);
});

test('match conditions that fail are counted, and the webhooks that they keep out', async () => {
  const metrics = new AdmissionMetrics();
  const attributes = writeOf({ kind: configMapKind, object: MAP });
  const ask = async (type: 'admit' | 'validate', expression: string) => {
    const hook = { name: 'w.example.org', failurePolicy: 'Ignore', matchConditions: [{ name: 'a', expression }] };
    const conditions = new WebhookConditions({ reader: readerOf([]), authorizer, metrics }, type);
    return conditions.hold({ hook } as unknown as Webhook, attributes, configMapKind);
  };
  assert.equal(await ask('validate', 'true'), true);
  assert.deepEqual(counted(metrics), []);
  assert.equal(await ask('validate', 'false'), false);
  assert.equal(await ask('validate', NOT_YET), false);
  assert.equal(await ask('admit', NOT_YET), false);
  const line = (what: string, type: string, count: number) =>
    `apiserver_admission_match_condition_${what}_total{kind="webhook",name="w.example.org",operation="CREATE",type="${type}"} ${count}`;
  assert.deepEqual(counted(metrics).sort(), [
    line('evaluation_errors', 'admit', 1),
    line('evaluation_errors', 'validating', 1),
    line('exclusions', 'admit', 1),
    line('exclusions', 'validate', 2),
  ]);

  const condition = { matchConditions: [{ name: 'a', expression: NOT_YET }] };
  const ofPolicy = await countedOf('Validating', {
    ...condition,
    failurePolicy: 'Ignore',
    validations: [{ expression: 'true' }],
  });
  assert.match(ofPolicy[0]!, /evaluation_errors_total\{kind="policy",name="pol",operation="CREATE",type="validate"\} 1$/);
});
