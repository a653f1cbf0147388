import assert from 'node:assert/strict';
import { test } from 'node:test';
import { specimensOf } from '../../test-specimens.ts';
import { mutatingAdmissionPolicyKind } from './mutating-admission-policy.ts';
import { mutatingAdmissionPolicyBindingKind } from './mutating-admission-policy-binding.ts';
import { validatingAdmissionPolicyKind } from './validating-admission-policy.ts';
import { validatingAdmissionPolicyBindingKind } from './validating-admission-policy-binding.ts';

const validating = specimensOf(validatingAdmissionPolicyKind);
const mutating = specimensOf(mutatingAdmissionPolicyKind);
const validatingBinding = specimensOf(validatingAdmissionPolicyBindingKind);
const mutatingBinding = specimensOf(mutatingAdmissionPolicyBindingKind);

const rule = { operations: ['CREATE'], apiGroups: ['a'], apiVersions: ['a'], resources: ['a'] };
const matching = (...resourceRules: object[]) => ({ matchConstraints: { resourceRules } });
const checked = (spec: object) => ({ spec: { ...matching(rule), validations: [{ expression: 'true' }], ...spec } });
const OBJECT = { patchType: 'ApplyConfiguration', applyConfiguration: { expression: 'Object{}' } };
const changed = (spec: object) => ({ spec: { ...matching(rule), reinvocationPolicy: 'Never', mutations: [OBJECT], ...spec } });

test('a policy says what it is about, and does something', () => {
  assert.deepEqual(validating.complaints({ spec: {} }), [
    'spec.matchConstraints: Required value',
    'spec.validations: Required value: validations or auditAnnotations must contain at least one item',
    'spec.auditAnnotations: Required value: validations or auditAnnotations must contain at least one item',
  ]);
  assert.deepEqual(mutating.complaints({ spec: {} }), [
    'spec.matchConstraints: Required value',
    'spec.mutations: Required value: mutations must contain at least one item',
    'spec.reinvocationPolicy: Required value',
  ]);
  assert.deepEqual(validating.complaints(checked(matching())), ['spec.matchConstraints.resourceRules: Required value']);
  assert.deepEqual(validating.complaints(checked({ failurePolicy: 'other' })), [
    'spec.failurePolicy: Unsupported value: "other": supported values: "Fail", "Ignore"',
  ]);
});

test('rules name what exists, each name once', () => {
  const told = (more: object) => validating.complaints(checked(matching({ ...rule, ...more })));
  const at = 'spec.matchConstraints.resourceRules[0]';
  const alone = (what: string) => `if '*' is present, must not specify other ${what}`;
  const cases: [object, string[]][] = [
    [{ operations: [] }, [`${at}.operations: Required value`]],
    [
      { operations: ['PATCH', ''] },
      ['PATCH', ''].map(
        (v, i) =>
          `${at}.operations[${i}]: Unsupported value: "${v}": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"`,
      ),
    ],
    [{ operations: ['CREATE', '*'] }, [`${at}.operations: Invalid value: ["CREATE","*"]: ${alone('operations')}`]],
    [{ apiGroups: ['a', '*'] }, [`${at}.apiGroups: Invalid value: ["a","*"]: ${alone('API groups')}`]],
    [{ apiGroups: [] }, [`${at}.apiGroups: Required value`]],
    [
      { apiVersions: ['', '*'] },
      [`${at}.apiVersions: Invalid value: ["","*"]: ${alone('API versions')}`, `${at}.apiVersions[0]: Required value`],
    ],
    [{ resources: [] }, [`${at}.resources: Required value`]],
    [{ resources: [''] }, [`${at}.resources[0]: Required value`]],
    [{ resources: ['a/*', 'a/x'] }, [`${at}.resources[1]: Invalid value: "a/x": if 'a/*' is present, must not specify a/x`]],
    [{ resources: ['*/x', 'a/x'] }, [`${at}.resources[1]: Invalid value: "a/x": if '*/x' is present, must not specify a/x`]],
    [
      { resources: ['*/*', 'a'] },
      [`${at}.resources: Invalid value: ["*/*","a"]: if '*/*' is present, must not specify other resources`],
    ],
    [
      { resources: ['*', 'a'] },
      [`${at}.resources: Invalid value: ["*","a"]: if '*' is present, must not specify other resources without subresources`],
    ],
    [{ resources: ['a/x', '*', 'a/*'] }, []],
    [{ scope: 'Here' }, [`${at}.scope: Unsupported value: "Here": supported values: "*", "Cluster", "Namespaced"`]],
    [{ resourceNames: ['a', 'a'] }, [`${at}.resourceNames[1]: Duplicate value: "a"`]],
    [{ resourceNames: ['/./.'] }, [`${at}.resourceNames[0]: Invalid value: "/./.": may not contain '/'`]],
  ];
  for (const [more, complaints] of cases) assert.deepEqual(told(more), complaints, JSON.stringify(more));
});

test('what is deleted cannot be changed by a policy', () => {
  const supported = 'supported values: "*", "CONNECT", "CREATE", "UPDATE"';
  const deleting = { ...rule, operations: ['CREATE', 'DELETE'] };
  assert.deepEqual(mutating.complaints(changed(matching(deleting))), [
    `spec.matchConstraints.resourceRules.operations: Unsupported value: "DELETE": ${supported}`,
  ]);
  assert.deepEqual(
    mutating.complaints(changed(matching({ ...rule, operations: ['*'] }, { ...rule, operations: ['CONNECT', 'UPDATE'] }))),
    [],
  );
  const binding = { policyName: 'p', matchResources: { resourceRules: [deleting] } };
  assert.deepEqual(mutatingBinding.complaints({ spec: binding }), [
    `spec.matchResources.resourceRules.operations: Unsupported value: "DELETE": ${supported}`,
  ]);
  assert.deepEqual(validatingBinding.complaints({ spec: { ...binding, validationActions: ['Deny'] } }), []);
});

test('a mutation is of one type', () => {
  const told = (mutation: object) => mutating.complaints(changed({ mutations: [mutation] }));
  const at = 'spec.mutations[0]';
  assert.deepEqual(told({ ...OBJECT, patchType: 'other' }), [
    `${at}.patchType: Unsupported value: "other": supported values: "ApplyConfiguration", "JSONPatch"`,
  ]);
  assert.deepEqual(told({ applyConfiguration: { expression: 'Object{}' } }), [`${at}.patchType: Required value`]);
  assert.deepEqual(told({ ...OBJECT, patchType: 'JSONPatch' }), [
    `${at}.jsonPatch: Required value: must be specified when patchType is JSONPatch`,
    `${at}.applyConfiguration: Invalid value: "{applyConfiguration}": must not be specified when patchType is JSONPatch`,
  ]);
  assert.deepEqual(told({ patchType: 'ApplyConfiguration', jsonPatch: { expression: '[]' } }), [
    `${at}.applyConfiguration: Required value: must be specified when patchType is ApplyConfiguration`,
    `${at}.jsonPatch: Invalid value: "{jsonPatch}": must not be specified when patchType is ApplyConfiguration`,
  ]);
  assert.deepEqual(told({ patchType: 'JSONPatch', jsonPatch: { expression: ' ' } }), [
    `${at}.jsonPatch.expression: Required value`,
  ]);
  assert.deepEqual(told({ patchType: 'JSONPatch', jsonPatch: { expression: ' [JSONPatch{op: "remove", path: "/x"}] ' } }), []);
});

test('names, messages and annotations of a policy', () => {
  const told = (spec: object, metadata = {}) => validating.complaints(checked(spec), metadata);
  const variable = (name: string) => told({ variables: [{ name, expression: 'true' }] });
  assert.deepEqual(variable('4ever'), ['spec.variables[0].name: Invalid value: "4ever": must be a valid CEL identifier']);
  assert.deepEqual(variable('namespace'), ['spec.variables[0].name: Invalid value: "namespace": must be a valid CEL identifier']);
  assert.deepEqual(told({ variables: [{ name: 'v', expression: ' ' }] }), [
    'spec.variables[0].expression: Required value: expression is not specified',
  ]);
  const validation = (more: object) => told({ validations: [{ expression: 'true', ...more }] });
  const at = 'spec.validations[0]';
  assert.deepEqual(validation({ message: ' ' }), [`${at}.message: Invalid value: " ": must be non-empty if specified`]);
  assert.deepEqual(validation({ message: 'a\nb' }), [`${at}.message: Invalid value: "a\\nb": must not contain line breaks`]);
  assert.deepEqual(validation({ messageExpression: ' ' }), [
    `${at}.messageExpression: Invalid value: " ": must be non-empty if specified`,
  ]);
  assert.deepEqual(validation({ messageExpression: '0 == 0' }), [
    `${at}.messageExpression: Invalid value: "0 == 0": must evaluate to string but got bool`,
  ]);
  assert.deepEqual(validation({ reason: 'other' }), [
    `${at}.reason: Unsupported value: "other": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"`,
  ]);
  const notes = (...auditAnnotations: object[]) => told({ auditAnnotations }, { name: 'config' });
  assert.match(
    notes({ key: '@', valueExpression: "'v'" })[0]!,
    /^spec\.auditAnnotations\[0\]\.key: Invalid value: "config\/@": name part must/,
  );
  assert.deepEqual(notes({ key: 'a', valueExpression: "'1'" }, { key: 'a', valueExpression: 'null' }), [
    'spec.auditAnnotations[1].key: Duplicate value: "a"',
  ]);
  assert.deepEqual(notes({ key: 'a', valueExpression: 'true' }), [
    'spec.auditAnnotations[0].valueExpression: Invalid value: "true": must evaluate to one of [string null_type] but got bool',
  ]);
});

test('parameters are of a kind that can be, and referred to in one way', () => {
  const kind = (paramKind: object) => validating.complaints(checked({ paramKind }));
  assert.deepEqual(kind({ kind: 'X' }), ['spec.paramKind.apiVersion: Required value']);
  assert.deepEqual(kind({ apiVersion: 'a/b/c', kind: 'X' }), [
    'spec.paramKind.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c',
  ]);
  assert.deepEqual(kind({ apiVersion: '/', kind: 'X' }), [
    'spec.paramKind.apiVersion: Invalid value: "/": version must be specified',
  ]);
  assert.deepEqual(kind({ apiVersion: 'v1' }), ['spec.paramKind.kind: Required value']);
  const reference = (paramRef: object) => mutatingBinding.complaints({ spec: { policyName: 'p', paramRef } });
  const deny = { parameterNotFoundAction: 'Deny' };
  assert.deepEqual(reference(deny), ['spec.paramRef: Required value: one of name or selector must be specified']);
  assert.deepEqual(reference({ name: 'a', selector: {}, ...deny }), [
    'spec.paramRef.name: Forbidden: name and selector are mutually exclusive',
    'spec.paramRef.selector: Forbidden: name and selector are mutually exclusive',
  ]);
  assert.deepEqual(reference({ name: 'a' }), ['spec.paramRef.parameterNotFoundAction: Required value']);
  assert.deepEqual(reference({ name: 'a', parameterNotFoundAction: 'Shrug' }), [
    'spec.paramRef.parameterNotFoundAction: Unsupported value: "Shrug": supported values: "Deny", "Allow"',
  ]);
  assert.deepEqual(mutatingBinding.complaints({ spec: {} }), ['spec.policyName: Required value']);
});

test('a binding says what is to be done, and not the same thing twice', () => {
  const told = (...validationActions: string[]) => validatingBinding.complaints({ spec: { policyName: 'p', validationActions } });
  assert.deepEqual(told(), ['spec.validationActions: Required value: at least one validation action is required']);
  assert.match(
    told('Deny', 'Warn').join(),
    /^spec\.validationActions: Invalid value: \["Deny","Warn"\]: must not contain both Deny and Warn /,
  );
  assert.deepEqual(told('Audit', 'Audit'), ['spec.validationActions[1]: Duplicate value: "Audit"']);
  assert.deepEqual(told('Shout'), [
    'spec.validationActions[0]: Unsupported value: "Shout": supported values: "Audit", "Deny", "Warn"',
  ]);
});

test('conditions that did not change are not looked at again, unless parameters come or go', () => {
  const conditions = { matchConditions: [{ name: 'has', expression: 'params.foo == "okay"' }] };
  const param = { paramKind: { apiVersion: 'g/v1', kind: 'Foo' } };
  assert.match(validating.complaints(checked(conditions)).join(), /undeclared reference to 'params'/);
  assert.deepEqual(validating.complaints(checked({ ...conditions, ...param })), []);
  assert.match(
    validating.changes(checked({ ...conditions, ...param }), checked(conditions)).join(),
    /undeclared reference to 'params'/,
  );
  assert.deepEqual(validating.changes(checked(conditions), checked({ ...conditions, failurePolicy: 'Ignore' })), []);
  const many = Array.from({ length: 65 }, (_, i) => ({ name: `c${i}`, expression: 'true' }));
  assert.match(
    validating.complaints(checked({ matchConditions: many })).join(),
    /^spec\.matchConditions: Too many: 65: must have at most 64 items$/,
  );
});
