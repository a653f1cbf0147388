/** Autoscalers, budgets, priorities, flow control and leases: kinds that are small or alone in their group. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { validatingWebhookConfigurationKind } from './admissionregistration/v1/validating-webhook-configuration.ts';
import { horizontalPodAutoscalerKind as olderAutoscalerKind } from './autoscaling/v1/horizontal-pod-autoscaler.ts';
import { horizontalPodAutoscalerKind } from './autoscaling/v2/horizontal-pod-autoscaler.ts';
import { leaseKind } from './coordination/v1/lease.ts';
import { flowSchemaKind } from './flowcontrol/v1/flow-schema.ts';
import { priorityLevelConfigurationKind } from './flowcontrol/v1/priority-level-configuration.ts';
import type { KindDefinition } from './machinery/kind.ts';
import { validateMetadata } from './machinery/validate-metadata.ts';
import { runtimeClassKind } from './node/v1/runtime-class.ts';
import { podDisruptionBudgetKind } from './policy/v1/pod-disruption-budget.ts';
import { clusterRoleKind } from './rbac/v1/cluster-role.ts';
import { priorityClassKind } from './scheduling/v1/priority-class.ts';
import { csiNodeKind } from './storage/v1/csi-node.ts';
import { specimensOf } from './test-specimens.ts';

// As a write does.
for (const { loadFirst } of [horizontalPodAutoscalerKind, flowSchemaKind, priorityLevelConfigurationKind]) await loadFirst?.();

const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
const autoscaler = (spec: object) =>
  specimensOf(horizontalPodAutoscalerKind).complaints({ spec: { scaleTargetRef, maxReplicas: 3, ...spec } });
const metric = (fields: object) => autoscaler({ metrics: [fields] });

function assertTold(cases: readonly (readonly [string[], ...RegExp[]])[]): void {
  for (const [told, ...wanted] of cases) {
    assert.equal(told.length, wanted.length, `${wanted.join(' ')}\n${told.join('\n')}`);
    for (const [i, pattern] of wanted.entries()) assert.match(told[i]!, pattern);
  }
}

test('a HorizontalPodAutoscaler from before the rule may keep a target without a group', () => {
  const spec = (apiVersion: string | undefined, maxReplicas: number) => ({
    spec: { scaleTargetRef: { ...scaleTargetRef, apiVersion }, maxReplicas },
  });
  const autoscalers = specimensOf(horizontalPodAutoscalerKind);
  assert.deepEqual(autoscalers.changes(spec(undefined, 3), spec(undefined, 4)), []);
  assert.equal(autoscalers.changes(spec('apps/v1', 3), spec('v1', 3)).length, 1);
});

test('what is said of an autoscaler is checked in each version', () => {
  for (const kind of [horizontalPodAutoscalerKind, olderAutoscalerKind]) {
    const autoscalers = specimensOf(kind);
    const before = autoscalers.created({ spec: { scaleTargetRef, maxReplicas: 3 } });
    const after = { ...before, status: { currentReplicas: -1, desiredReplicas: -2 } };
    assertTold([
      [
        autoscalers.refusals(before, after, 'status'),
        /^status\.currentReplicas: Invalid value: -1: must be greater than or equal to 0$/,
        /^status\.desiredReplicas: Invalid value: -2: must be greater than or equal to 0$/,
      ],
    ]);
  }
});

test('an autoscaler that may scale to nothing stays so while it has something to wake by', () => {
  const autoscalers = specimensOf(horizontalPodAutoscalerKind);
  const none = (metrics: object[]) => autoscalers.created({ spec: { scaleTargetRef, minReplicas: 0, maxReplicas: 3, metrics } });
  const external = { type: 'External', external: { metric: { name: 'm' }, target: { type: 'Value', value: '1' } } };
  assert.deepEqual(autoscalers.refusals(none([external]), none([external])), []);
  assertTold([
    [autoscalers.refusals(none([external]), none([])), /^spec\.metrics: Forbidden: must specify at least one Object or/],
  ]);
});

test('what is wrong with a HorizontalPodAutoscaler is told', () => {
  const utilization = { type: 'Utilization', averageUtilization: 80 };
  assertTold([
    [autoscaler({})],
    [
      autoscaler({ maxReplicas: 0 }),
      /^spec\.maxReplicas: Invalid value: 0: must be greater than 0/,
      /^spec\.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`/,
    ],
    [autoscaler({ minReplicas: 4 }), /^spec\.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`/],
    [
      autoscaler({ minReplicas: 0 }),
      /^spec\.minReplicas: Invalid value: 0: must be greater than or equal to 1/,
      /^spec\.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas/,
    ],
    [autoscaler({ scaleTargetRef: { ...scaleTargetRef, kind: '' } }), /^spec\.scaleTargetRef\.kind: Required value/],
    [
      autoscaler({ scaleTargetRef: { kind: 'Deployment', name: 'web' } }),
      /^spec\.scaleTargetRef\.apiVersion: Invalid value: "": apiVersion must specify API group$/,
    ],
    [
      autoscaler({ scaleTargetRef: { ...scaleTargetRef, apiVersion: 'a/b/c' } }),
      /^spec\.scaleTargetRef\.apiVersion: Invalid value: "a\/b\/c": unexpected GroupVersion string: a\/b\/c$/,
    ],
    [autoscaler({ scaleTargetRef: { kind: 'ReplicationController', name: 'web' } })],
    [
      metric({ type: 'ContainerResource', containerResource: { name: 'speed', container: 'A', target: utilization } }),
      /^spec\.metrics\[0\]\.containerResource\.name: Invalid value: "speed": must be a standard resource type or fully qualified$/,
      /^spec\.metrics\[0\]\.containerResource\.name: Invalid value: "speed": must be a standard resource for containers$/,
      /^spec\.metrics\[0\]\.containerResource\.container: Invalid value: "A": a lowercase RFC 1123 label/,
    ],
    [metric({ type: 'Resource', resource: { name: 'cpu', target: utilization } })],
    [
      metric({ type: 'Resource' }),
      /^spec\.metrics\[0\]\.resource: Required value: must populate information for the given metric source/,
    ],
    [metric({ type: 'Guess' }), /^spec\.metrics\[0\]\.type: Unsupported value: "Guess"/],
    [
      metric({ type: 'Resource', resource: { name: '', target: utilization } }),
      /^spec\.metrics\[0\]\.resource\.name: Required value: must specify a resource name/,
    ],
    [
      metric({ type: 'Pods', pods: { metric: { name: 'hits' }, target: { type: 'AverageValue' } } }),
      /^spec\.metrics\[0\]\.pods\.target\.averageValue: Required value: must specify a positive target averageValue/,
    ],
    [
      autoscaler({ behavior: { scaleUp: { stabilizationWindowSeconds: 3601 } } }),
      /^spec\.behavior\.scaleUp\.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600/,
    ],
  ]);
});

test('what is wrong with budgets and priorities is told', () => {
  const budgets = specimensOf(podDisruptionBudgetKind);
  const classes = specimensOf(priorityClassKind);
  assertTold([
    [budgets.complaints({ spec: { minAvailable: '50%' } })],
    [
      budgets.complaints({ spec: { minAvailable: 1, maxUnavailable: 1 } }),
      /^spec: Invalid value: .*: minAvailable and maxUnavailable cannot be both set$/,
    ],
    [
      budgets.complaints({ spec: { minAvailable: '101%' } }),
      /^spec\.minAvailable: Invalid value: "101%": must not be greater than 100%/,
    ],
    [
      budgets.complaints({ spec: { maxUnavailable: -1 } }),
      /^spec\.maxUnavailable: Invalid value: -1: must be greater than or equal to 0/,
    ],
    [
      budgets.complaints({ spec: { unhealthyPodEvictionPolicy: 'No' } }),
      /^spec\.unhealthyPodEvictionPolicy: Unsupported value: "No"/,
    ],
    [classes.complaints({ value: 5 })],
    [
      classes.complaints({ value: 5 }, { name: 'system-mine' }),
      /^metadata\.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only/,
    ],
    [
      classes.complaints({ value: 1_000_000_001 }),
      /^value: Forbidden: maximum allowed value of a user defined priority is 1000000000$/,
    ],
    [classes.complaints({ value: 1, preemptionPolicy: 'Ask' }), /^preemptionPolicy: Unsupported value: "Ask"|^PreemptionPolicy/],
    [
      classes.changes({ value: 1 }, { value: 2 }),
      /^value: (Forbidden: may not be changed in an update\.|Invalid value: 2: field is immutable)/,
    ],
    [classes.changes({ value: 1 }, { value: 1, description: 'x', globalDefault: true })],
  ]);
});

test('what is wrong with flow schemas, priority levels and leases is told', () => {
  const schemas = specimensOf(flowSchemaKind);
  const levels = specimensOf(priorityLevelConfigurationKind);
  const leases = specimensOf(leaseKind);
  const priorityLevelConfiguration = { name: 'a' };
  assertTold([
    [schemas.complaints({ spec: { priorityLevelConfiguration } })],
    [
      schemas.complaints({ spec: { priorityLevelConfiguration: { name: '' } } }),
      /^spec\.priorityLevelConfiguration\.name: Required value/,
    ],
    [
      schemas.complaints({ spec: { priorityLevelConfiguration, matchingPrecedence: 10_001 } }),
      /^spec\.matchingPrecedence: Invalid value: 10001: must not be greater than 10000/,
    ],
    [
      schemas.complaints({ spec: { priorityLevelConfiguration, rules: [{ subjects: [] }] } }),
      /^spec\.rules\[0\]\.subjects: Required value/,
      /^spec\.rules\[0\]: Required value/,
    ],
    [levels.complaints({ spec: { type: 'Limited', limited: { limitResponse: { type: 'Reject' } } } })],
    [levels.complaints({ spec: { type: 'Limited' } }), /^spec\.limited: Required value/],
    [
      levels.complaints({ spec: { type: 'Some' } }),
      /^spec\.type: Unsupported value: "Some": supported values: "Exempt", "Limited"/,
    ],
    [
      levels.complaints({ spec: { type: 'Exempt' } }),
      /^spec\.type: Invalid value: "Exempt": type 'Exempt' is reserved|^spec\.type/,
    ],
    [leases.complaints({ spec: { holderIdentity: 'a', leaseDurationSeconds: 15 } })],
    [
      leases.complaints({ spec: { leaseDurationSeconds: 0 } }),
      /^spec\.leaseDurationSeconds: Invalid value: 0: must be greater than 0/,
    ],
    [
      leases.complaints({ spec: { leaseTransitions: -1 } }),
      /^spec\.leaseTransitions: Invalid value: -1: must be greater than or equal to 0/,
    ],
  ]);
});

test('what is stored is looked at again when it is written, and complaints say where', () => {
  const runtimes = specimensOf(runtimeClassKind);
  const roles = specimensOf(clusterRoleKind);
  const nodes = specimensOf(csiNodeKind);
  const classes = specimensOf(priorityClassKind);
  const webhooks = specimensOf(validatingWebhookConfigurationKind);
  const driver = { name: 'd.example', nodeID: 'n' };
  const hook = (path: string) => ({
    webhooks: [
      {
        name: 'a.example.com',
        clientConfig: { service: { name: 's', namespace: '', path } },
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
      },
    ],
  });
  assertTold([
    [
      runtimes.changes({ handler: 'h' }, { handler: 'Other' }),
      /^handler: Invalid value: "Other": a lowercase RFC 1123 label/,
      /^handler: Invalid value: "Other": field is immutable$/,
    ],
    [
      roles.complaints({ aggregationRule: { clusterRoleSelectors: [{ matchExpressions: [{ key: 'a', operator: 'Like' }] }] } }),
      /^aggregationRule\.clusterRoleSelectors\[0\]\.matchExpressions\[0\]\.operator: Invalid value: "Like": not a valid selector operator$/,
      /^aggregationRule\.clusterRoleSelectors\[0\]: Invalid value: null: invalid label selector\.$/,
    ],
    [
      nodes.changes({ spec: { drivers: [driver] } }, { spec: { drivers: [{ ...driver, nodeID: 'm' }] } }),
      /^spec\.drivers: Invalid value: .*: field is immutable$/,
    ],
    [
      runtimes.complaints({ handler: 'h', scheduling: { tolerations: [{ operator: 'Equal' }] } }),
      /^scheduling\.tolerations\[0\]\.operator: Invalid value: "Equal": operator must be Exists when `key` is empty/,
    ],
    // Only what may not change is looked at.
    [classes.changes({ value: 2_000_000_000 }, { value: 2_000_000_000, description: 'mine' })],
    [
      webhooks.complaints(hook('a/B')),
      /^webhooks\[0\]\.clientConfig\.service\.name: Required value$/,
      /^webhooks\[0\]\.clientConfig\.service\.path: Invalid value: "a\/B": must start with a '\/'$/,
      /^webhooks\[0\]\.clientConfig\.service\.path: Invalid value: "a\/B": segment\[0\] may not be empty$/,
      /^webhooks\[0\]\.clientConfig\.service\.path: Invalid value: "a\/B": segment\[1\]: a lowercase RFC 1123 subdomain/,
    ],
  ]);
});

test('where a webhook is reached is said by a URL as Go reads it, and what is empty is not what is missing', () => {
  const webhooks = specimensOf(validatingWebhookConfigurationKind);
  const hook = (url: string, sideEffects?: string) =>
    webhooks.complaints({
      webhooks: [
        {
          name: 'a.example.com',
          clientConfig: { url },
          ...(sideEffects !== undefined && { sideEffects }),
          admissionReviewVersions: ['v1'],
        },
      ],
    });
  const at = 'webhooks\\[0\\]\\.clientConfig\\.url: ';
  assertTold([
    [hook('https://a.example/x', 'None')],
    [
      hook('a.example/x', 'None'),
      new RegExp(`^${at}Invalid value: "": 'https' is the only allowed URL scheme`),
      new RegExp(`^${at}Invalid value: "": host must be specified`),
    ],
    [hook('https://u:p@a.example', 'None'), new RegExp(`^${at}Invalid value: "u:p": user information is not permitted`)],
    [
      hook('https://a b', 'None'),
      new RegExp(
        `^${at}Required value: url must be a valid URL: parse "https://a b": invalid character " " in host name; desired`,
      ),
    ],
    [hook('https://a'), /^webhooks\[0\]\.sideEffects: Required value: must specify one of None, NoneOnDryRun$/],
    [hook('https://a', ''), /^webhooks\[0\]\.sideEffects: Unsupported value: "": supported values: "None", "NoneOnDryRun"$/],
  ]);
});

test('a PriorityClass says what its policy is, and stays of its first generation', () => {
  const classes = specimensOf(priorityClassKind);
  assert.deepEqual(classes.complaints({ value: 1, preemptionPolicy: '' }), ['preemptionPolicy: Required value']);
  assert.equal(classes.created({ value: 1 }).metadata.generation, 1);
  assert.equal(priorityClassKind.hasGeneration, false);
});

test("conditions of a PodDisruptionBudget's status are whole", () => {
  const budgets = specimensOf(podDisruptionBudgetKind);
  const condition = {
    type: 'DisruptionAllowed',
    status: 'True',
    reason: 'SufficientPods',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  };
  const told = (...conditions: object[]) =>
    budgets.refusals(budgets.created({ spec: {} }), budgets.make({ spec: {}, status: { conditions } }), 'status');
  assertTold([
    [told(condition)],
    [told(condition, condition), /^status\.conditions\[1\]\.type: Duplicate value: "DisruptionAllowed"$/],
    [
      told({ ...condition, reason: 'no reason' }),
      /^status\.conditions\[0\]\.reason: Invalid value: "no reason": a condition reason must start/,
    ],
    [
      told({ type: 'A', status: 'True' }),
      /^status\.conditions\[0\]\.lastTransitionTime: Required value$/,
      /^status\.conditions\[0\]\.reason: Required value$/,
    ],
  ]);
});

test('kinds whose metadata upstream checks as any server does take finalizers and names that others do not', () => {
  const told = (kind: KindDefinition, metadata: object) =>
    validateMetadata({ ...(kind.namespaced && { namespace: 'b' }), name: 'a', ...metadata }, kind).map(({ field }) => field);
  const finalizers = ['mine'];
  for (const kind of [leaseKind, runtimeClassKind, podDisruptionBudgetKind, validatingWebhookConfigurationKind])
    assert.deepEqual(told(kind, { finalizers }), [], kind.kind);
  assert.deepEqual(told(flowSchemaKind, { finalizers }), ['metadata.finalizers[0]']);
  assert.deepEqual(told(podDisruptionBudgetKind, { name: 'A_b' }), []);
  assert.deepEqual(told(podDisruptionBudgetKind, { name: 'a/b' }), ['metadata.name']);
  assert.deepEqual(told(leaseKind, { name: 'A_b' }), ['metadata.name']);
});
