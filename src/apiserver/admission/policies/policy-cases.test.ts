/** What policies of Kubernetes 1.36 answer, case by case: expectations are its own server's answers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeOf } from '../../../../test/harness/admission.ts';
import { allKinds } from '../../../api/all-kinds.ts';
import { configMapKind } from '../../../api/core/v1/config-map.ts';
import { podKind } from '../../../api/core/v1/pod.ts';
import { apiVersionOf, type KindDefinition } from '../../../api/machinery/kind.ts';
import type { DynamicObject } from '../../../api/machinery/object.ts';
import { StatusError } from '../../../api/machinery/status-error.ts';
import type { AdmissionAttributes, Authorizer } from '../../contracts.ts';
import { ChangingKinds } from '../../kinds/kind-registry.ts';
import { createMutatingPolicies } from './mutating-policies.ts';
import { createValidatingPolicies } from './validating-policies.ts';

const kinds = new ChangingKinds(allKinds);
const authorizer: Authorizer = { authorize: async () => ({ decision: 'allow', reason: 'may' }) };
const map = (name: string, labels: Record<string, string>, data: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default', labels },
  data,
});
const OBJECTS = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default', labels: { team: 'x' } } },
  map('p', { role: 'p' }, { max: '3' }),
  map('q', { role: 'p' }, { max: '5' }),
];

interface Options {
  readonly binding?: object;
  readonly bindings?: readonly object[];
  readonly match?: object;
  readonly request?: Partial<AdmissionAttributes>;
}
interface Outcome {
  readonly code?: number | undefined;
  readonly message?: string | undefined;
  readonly causes: number;
  readonly warnings: readonly string[];
  readonly notes: Readonly<Record<string, string>>;
  readonly object: DynamicObject | undefined;
}

const RULES = [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*/*'] }];

async function ask(kind: 'Validating' | 'Mutating', spec: object, options: Options = {}): Promise<Outcome> {
  const group = { apiVersion: 'admissionregistration.k8s.io/v1' };
  const policy = {
    ...group,
    kind: `${kind}AdmissionPolicy`,
    metadata: { name: 'pol' },
    spec: { failurePolicy: 'Fail', matchConstraints: { resourceRules: RULES, ...options.match }, ...spec },
  };
  const bindings = (options.bindings ?? [{ validationActions: ['Deny'], ...options.binding }]).map((binding, i) => ({
    ...group,
    kind: `${kind}AdmissionPolicyBinding`,
    metadata: { name: `b${i}` },
    spec: { policyName: 'pol', ...binding },
  }));
  const objects = [policy, ...bindings, ...OBJECTS] as DynamicObject[];
  const of = (wanted: KindDefinition) =>
    objects.filter((object) => object.kind === wanted.kind && object.apiVersion === apiVersionOf(wanted));
  const reader = {
    get: (wanted: KindDefinition, namespace: string, name: string) =>
      of(wanted).find(({ metadata }) => metadata.name === name && (metadata.namespace ?? '') === namespace),
    list: (wanted: KindDefinition, namespace?: string) =>
      of(wanted).filter(({ metadata }) => !namespace || metadata.namespace === namespace),
    waitFresh: async () => undefined,
    subscribe: () => () => undefined,
  };
  const notes: Record<string, string> = {};
  const attributes = writeOf({
    kind: configMapKind,
    name: 'c',
    namespace: 'default',
    object: map('c', { l: '1' }, { x: '1' }),
    audit: {
      addAuditAnnotation(key: string, value: string) {
        notes[key] ??= value;
      },
    },
    ...options.request,
  });
  const deps = { reader, kinds, authorizer };
  const plugin = kind === 'Mutating' ? createMutatingPolicies(deps) : createValidatingPolicies(deps);
  const round = async () => {
    if (plugin.handles(attributes)) await (plugin.admit ?? plugin.validate)!(attributes);
  };
  let status: StatusError['status'] | undefined;
  try {
    await round();
    if (attributes.reinvocation?.wanted) {
      attributes.reinvocation.again = true;
      await round();
    }
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    status = error.status;
  }
  const message = status?.message?.replace(/^configmaps "c" is forbidden: |^pods "pod" is forbidden: /, '');
  const { warnings, object } = attributes;
  return { code: status?.code, message, causes: status?.details?.causes?.length ?? 0, warnings, notes, object };
}

const DENIED = "ValidatingAdmissionPolicy 'pol' with binding 'b0' denied request: ";

/** [what an expression is, what is said of it: undefined where it holds] */
const EXPRESSIONS: readonly (readonly [string, string | undefined])[] = [
  ['oldObject == null', undefined],
  ['has(oldObject.data)', 'failed expression: has(oldObject.data)'],
  ['oldObject.data.x == "1"', 'no such key: data'],
  ['oldObject["a"] == 1', 'no such key: a'],
  ['!oldObject.?data.hasValue()', undefined],
  ['!oldObject[?"a"].hasValue()', undefined],
  ['has(oldObject.a.b)', 'no such key: a'],
  ['object.data.x.y == 1', 'no such key: y'],
  ['int(object.data.x + "z") == 1', "type conversion error from 'string' to 'int'"],
  ['int("x") == 1', "compilation error: program instantiation failed: type conversion error from 'string' to 'int'"],
  ['int(1e30) == 1', 'compilation error: program instantiation failed: integer overflow'],
  ['"a".find("(") == ""', 'compilation error: program instantiation failed: error parsing regexp: missing closing ): `(`'],
  ['cidr("10.0.0.0/8").containsIP("nope")', 'no such overload'],
  ['request.namespace == "default" && namespaceObject.metadata.labels.team == "x"', undefined],
  ['authorizer.requestResource.check("create").allowed()', undefined],
  [
    '["a", object.data.x] == []',
    `compilation error: compilation failed: ERROR: <input>:1:18: expected type 'string' but found 'dyn'\n | ["a", object.data.x] == []\n | .................^`,
  ],
  [
    '{"a": "b", "c": dyn(1)} == {}',
    `compilation error: compilation failed: ERROR: <input>:1:20: expected type 'string' but found 'dyn'\n | {"a": "b", "c": dyn(1)} == {}\n | ...................^`,
  ],
  ['"%s %s".format(["a", object.data.x]) == "a 1"', undefined],
  ['[[1], []] == [[1], []]', undefined],
];

test('an expression is said to fail in upstream’s words', async () => {
  for (const [expression, expected] of EXPRESSIONS) {
    const { message } = await ask('Validating', { validations: [{ expression }] });
    const why =
      expected === undefined || /^(?:failed|compilation)/.test(expected)
        ? expected
        : `expression '${expression}' resulted in error: ${expected}`;
    assert.equal(message, why && `${DENIED}${why}`, expression);
  }
});

test('match conditions see no namespace', async () => {
  const expression = 'namespaceObject.metadata.name == "default"';
  const { message } = await ask('Validating', {
    matchConditions: [{ name: 'a', expression }],
    validations: [{ expression: 'true' }],
  });
  assert.equal(message, `${DENIED}expression '${expression}' resulted in error: no such key: metadata`);
});

test('neither messages nor annotations can ask the authorizer, not even by a variable', async () => {
  const asks = 'authorizer.group("").resource("pods").check("create").reason()';
  const spec = {
    variables: [{ name: 'v', expression: asks }],
    validations: [{ expression: 'variables.v != "may"', messageExpression: 'variables.v', message: 'fallback' }],
  };
  assert.equal((await ask('Validating', spec)).message, `${DENIED}fallback`);
  const { message, notes } = await ask('Validating', { auditAnnotations: [{ key: 'k', valueExpression: asks }] });
  assert.deepEqual([message, notes], [`${DENIED}expression '${asks}' resulted in error: no such attribute(s): authorizer`, {}]);
});

const ten = '[1,2,3,4,5,6,7,8,9,10]';
const nested = (depth: number): string => (depth === 0 ? 'true' : `${ten}.all(a${depth}, ${nested(depth - 1)})`);

test('a variable is paid for once, and messages run on what the validations have left', async () => {
  const uses = { variables: [{ name: 'a', expression: nested(5) }] };
  const many = Array.from({ length: 60 }, () => ({ expression: 'variables.a' }));
  assert.equal((await ask('Validating', { ...uses, validations: many })).message, undefined);
  const costly = Array.from({ length: 60 }, () => ({ expression: 'true', messageExpression: `${nested(5)} ? "a" : "b"` }));
  const { message, causes } = await ask('Validating', { validations: [...costly, { expression: 'false', message: 'no' }] });
  assert.deepEqual(
    [message, causes],
    [
      `${DENIED}failed messageExpression: validation failed due to running out of cost budget, no further validation rules will be run`,
      1,
    ],
  );
});

test('the audit log has annotations as Go writes JSON, and no more than 10 KiB of each', async () => {
  const failing = { validations: [{ expression: 'false', message: 'a < b && \u2028"c"' }] };
  const audited = await ask('Validating', failing, { binding: { validationActions: ['Audit'] } });
  assert.deepEqual(audited.notes, {
    'validation.policy.admission.k8s.io/validation_failure':
      '[{"message":"a \\u003c b \\u0026\\u0026 \\u2028\\"c\\"","policy":"pol","binding":"b0","expressionIndex":0,"validationActions":["Audit"]}]',
  });
  const long = await ask('Validating', { auditAnnotations: [{ key: 'k', valueExpression: `"${'é'.repeat(6000)}"` }] });
  assert.equal(long.notes['pol/k'], 'é'.repeat(5120));
});

test('what cannot be matched is a mistake of the configuration, which the failure policy is about', async () => {
  const gone = { match: { namespaceSelector: { matchLabels: { team: 'x' } } }, request: { namespace: 'gone' } };
  const validations = [{ expression: 'true' }];
  const why = 'failed to configure policy: namespaces "gone" not found';
  assert.equal(
    (await ask('Validating', { validations }, gone)).message,
    `ValidatingAdmissionPolicy 'pol' denied request: ${why}`,
  );
  assert.equal((await ask('Validating', { validations, failurePolicy: 'Ignore' }, gone)).code, undefined);
  assert.equal((await ask('Mutating', { mutations: [] }, gone)).message, `policy "pol" denied request: ${why}`);
  const unknown = { paramKind: { apiVersion: 'v1', kind: 'Nope' }, validations };
  assert.equal(
    (await ask('Validating', unknown)).message,
    "ValidatingAdmissionPolicy 'pol' denied request: failed to configure policy: failed to find resource referenced by paramKind: '/v1, Kind=Nope'",
  );
});

const apply = (expression: string) => ({ patchType: 'ApplyConfiguration', applyConfiguration: { expression } });
const patch = (expression: string) => ({ patchType: 'JSONPatch', jsonPatch: { expression } });
const BY_POLICY = "policy 'pol' with binding 'b0' denied request: ";
const untyped = (why: string) => `${BY_POLICY}error applying patch: failed to convert patch object to typed object: ${why}`;
const pod: Partial<AdmissionAttributes> = {
  kind: podKind,
  name: 'pod',
  object: {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'pod', namespace: 'default' },
    spec: { containers: [{ name: 'c', image: 'busybox' }] },
  } as DynamicObject,
};

/** [mutation, code, message] */
const REFUSED: readonly (readonly [object, number, string, Partial<AdmissionAttributes>?])[] = [
  [apply('Object{data: {"x": 1}}'), 403, untyped('.data.x: expected string, got &value.valueUnstructured{Value:1}')],
  [apply('Object{nope: "x"}'), 403, untyped('.nope: field not declared in schema')],
  [apply('Object{data: null}'), 403, untyped('.data: expected map, got &{NULL_VALUE}')],
  [apply('Object{immutable: null}'), 403, untyped('.immutable: expected boolean, got &{NULL_VALUE}')],
  [apply('Object{data: ["a"]}'), 403, untyped('.data: expected map, got &{[a]}')],
  [apply('{"data": {"a": "b"}}'), 403, `${BY_POLICY}must evaluate to Object but got map(string, map(string, string))`],
  [apply('Object{spec: Object.spec{hostNetwork: "yes"}}'), 403, untyped('.spec.hostNetwork: expected boolean, got &{yes}'), pod],
  [
    apply('Object{spec: Object.spec{containers: [Object.spec.containers{name: "c"}, Object.spec.containers{name: "c"}]}}'),
    403,
    untyped('.spec.containers: duplicate entries for key [name="c"]'),
    pod,
  ],
  [
    apply('Object{spec: Object.spec{containers: ["a"]}}'),
    403,
    untyped('.spec.containers: element 0: associative list with keys may not have non-map elements'),
    pod,
  ],
  [
    apply('Object{command: ["b"]}'),
    403,
    untyped('no corresponding type for /v1, Kind=PodExecOptions'),
    {
      ...pod,
      operation: 'CONNECT',
      subresource: 'exec',
      object: { apiVersion: 'v1', kind: 'PodExecOptions', metadata: {} } as DynamicObject,
    },
  ],
  [patch('[]'), 403, `${BY_POLICY}must evaluate to list(JSONPatch) but got list(dyn)`],
  [patch('[JSONPatch{op: "nope", path: "/data/x"}]'), 403, `${BY_POLICY}JSON Patch: Unexpected kind: nope`],
  [
    patch('[JSONPatch{op: "test", path: "/nope/x", value: "b"}]'),
    403,
    `${BY_POLICY}JSON Patch: test operation does not apply: is missing path: /nope/x: missing value`,
  ],
  [
    patch('[JSONPatch{op: "add", path: "/nope", value: "b"}]'),
    500,
    'Internal error occurred: strict decoding error: unknown field "nope"',
  ],
  [
    patch('[JSONPatch{op: "add", path: "/data/y", value: 2}]'),
    500,
    'Internal error occurred: json: cannot unmarshal number into Go struct field ConfigMap.data of type string',
  ],
];

test('a mutation that cannot be made is refused in upstream’s words', async () => {
  for (const [mutation, code, message, request] of REFUSED) {
    const outcome = await ask('Mutating', { mutations: [mutation] }, request && { request: structuredCloneOf(request) });
    assert.deepEqual([outcome.code, outcome.message], [code, message], JSON.stringify(mutation));
  }
});

const structuredCloneOf = ({ object, ...rest }: Partial<AdmissionAttributes>): Partial<AdmissionAttributes> => ({
  ...rest,
  object: structuredClone(object),
});

test('a mutation that fails keeps none of the others from being made', async () => {
  const mutations = [apply('Object{data: {"y": object.nope}}'), apply('Object{data: {"z": "1"}}')];
  const ignored = await ask('Mutating', { mutations, failurePolicy: 'Ignore' });
  assert.deepEqual(ignored.object?.['data'], { x: '1', z: '1' });
  const both = [apply('Object{data: {"y": object.nope}}'), apply('Object{data: {"z": object.other}}')];
  assert.equal((await ask('Mutating', { mutations: both })).causes, 2);
});

test('a binding that cannot be configured keeps none of the others from being used', async () => {
  const outcome = await ask(
    'Mutating',
    {
      failurePolicy: 'Ignore',
      paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
      mutations: [apply('Object{data: {"max": params.data.max}}')],
    },
    {
      bindings: [
        { paramRef: { name: 'nope', parameterNotFoundAction: 'Deny' } },
        { paramRef: { name: 'p', parameterNotFoundAction: 'Deny' } },
      ],
    },
  );
  assert.deepEqual(outcome.object?.['data'], { x: '1', max: '3' });
});

test('whoever wants to run again runs again after any mutation, its own included', async () => {
  const mutations = [apply('Object{data: {"n": object.data.?n.orValue("") + "i"}}')];
  const counted = async (reinvocationPolicy: string, bindings: readonly object[]) =>
    (await ask('Mutating', { mutations, reinvocationPolicy }, { bindings })).object?.['data'];
  assert.deepEqual(await counted('Never', [{}]), { x: '1', n: 'i' });
  assert.deepEqual(await counted('IfNeeded', [{}]), { x: '1', n: 'ii' });
  assert.deepEqual(await counted('IfNeeded', [{}, {}]), { x: '1', n: 'iiii' });
});

test('nothing is asked about what is deleted', async () => {
  const spec = { paramKind: { apiVersion: 'v1', kind: 'ConfigMap' }, mutations: [apply('Object{}')] };
  const binding = { paramRef: { name: 'nope', parameterNotFoundAction: 'Deny' } };
  const oldObject = map('c', {}, {}) as DynamicObject;
  const { code } = await ask('Mutating', spec, { binding, request: { operation: 'DELETE', object: undefined, oldObject } });
  assert.equal(code, undefined);
});

test('only mutations make objects and patches: variables are refused for it', async () => {
  const variables = [{ name: 'o', expression: 'Object{data: {"k": "v"}}' }];
  const { message } = await ask('Mutating', { variables, mutations: [apply('variables.o')] });
  assert.equal(message, `${BY_POLICY}must evaluate to Object but got dyn`);
});
