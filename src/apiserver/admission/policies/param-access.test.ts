import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runPlugin } from '../../../../test/harness/admission.ts';
import { validatingAdmissionPolicyKind } from '../../../api/admissionregistration/v1/validating-admission-policy.ts';
import { validatingAdmissionPolicyBindingKind } from '../../../api/admissionregistration/v1/validating-admission-policy-binding.ts';
import { allKinds } from '../../../api/all-kinds.ts';
import type { AuthorizationAttributes } from '../../contracts.ts';
import { ChangingKinds } from '../../kinds/kind-registry.ts';
import { createParamAccessCheck } from './param-access.ts';

const asked: AuthorizationAttributes[] = [];
const policy = { metadata: { name: 'p' }, spec: { paramKind: { apiVersion: 'v1', kind: 'Secret' } } };
const plugin = (allowed: boolean) =>
  createParamAccessCheck({
    kinds: new ChangingKinds(allKinds),
    reader: { get: () => policy as never, list: () => [], waitFresh: async () => undefined, subscribe: () => () => undefined },
    authorizer: {
      async authorize(attributes) {
        asked.push(attributes);
        return { decision: allowed ? 'allow' : 'no-opinion', reason: '' };
      },
    },
  });
const user = { name: 'alice', groups: ['system:authenticated'] };
const binding = { metadata: { name: 'b' }, spec: { policyName: 'p', paramRef: { name: 's', namespace: 'kube-system' } } };

test('nobody reads Secrets through a policy who may not read them', async () => {
  await assert.rejects(runPlugin(plugin(false), { kind: validatingAdmissionPolicyKind, object: policy, user }), {
    message:
      'ValidatingAdmissionPolicy.admissionregistration.k8s.io "p" is invalid: spec.paramKind: Forbidden: user &{alice  [system:authenticated] map[]} must have "get" permission on all objects of the referenced paramKind (kind=Secret, apiVersion=v1)',
  });
  await assert.rejects(runPlugin(plugin(false), { kind: validatingAdmissionPolicyBindingKind, object: binding, user }), {
    message: /spec\.paramRef: Forbidden: user &\{alice .* does not have "get" permission on the object referenced by paramRef/,
  });
  const [ofPolicy, ofBinding] = asked.splice(0);
  assert.deepEqual([ofPolicy!.resource, ofPolicy!.namespace, ofPolicy!.name], ['secrets', '*', '*']);
  assert.deepEqual([ofBinding!.resource, ofBinding!.namespace, ofBinding!.name], ['secrets', 'kube-system', 's']);
});

test('who may read them may, and so may who changes something else', async () => {
  await runPlugin(plugin(true), { kind: validatingAdmissionPolicyKind, object: policy, user });
  await runPlugin(plugin(false), { kind: validatingAdmissionPolicyKind, object: policy, oldObject: policy, user });
  await runPlugin(plugin(false), { kind: validatingAdmissionPolicyBindingKind, object: binding, oldObject: binding, user });
  await runPlugin(plugin(false), { kind: validatingAdmissionPolicyKind, object: policy });
});
