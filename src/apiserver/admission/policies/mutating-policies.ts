import { mutatingAdmissionPolicyKind } from '../../../api/admissionregistration/v1/mutating-admission-policy.ts';
import { mutatingAdmissionPolicyBindingKind } from '../../../api/admissionregistration/v1/mutating-admission-policy-binding.ts';
import type { V1MutatingAdmissionPolicySpec } from '../../../api/gen/types.ts';
import { cloneJson, equalJson } from '../../../api/machinery/clone.ts';
import type { KindDefinition } from '../../../api/machinery/kind.ts';
import type { DynamicObject } from '../../../api/machinery/object.ts';
import type { StatusError } from '../../../api/machinery/status-error.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../../contracts.ts';
import { requestNamespace } from '../matching/admission-request.ts';
import { AuthorizerDecisions } from '../matching/authorizer-decisions.ts';
import { currentObjects } from '../matching/current-objects.ts';
import { createMemories, type ReinvocationMemory, reinvocationOf } from '../matching/reinvocation.ts';
import { replaceObject } from '../matching/replace-object.ts';
import { refuse } from '../refusal.ts';
import type { CompiledMutatingPolicy } from './evaluate-mutating-policy.ts';
import {
  type Binding,
  ConfigurationError,
  collectParams,
  isPolicyRequest,
  type PolicyHook,
  paramKindOf,
  policyHooks,
  versionedRequest,
} from './policy-hooks.ts';
import type { PolicyDeps } from './validating-policies.ts';

/** One policy with one binding and one object of parameters. */
interface Invocation {
  readonly hook: PolicyHook;
  readonly binding: Binding;
  readonly kind: KindDefinition;
  readonly params: DynamicObject | undefined;
}
interface Failure {
  readonly hook: PolicyHook;
  readonly binding: Binding | undefined;
  readonly message: string;
  readonly invalid: boolean;
}

/** Lets policies change what is written (apiserver/pkg/admission/plugin/policy/mutating). */
export function createMutatingPolicies(deps: PolicyDeps): AdmissionPlugin {
  const { reader, authorizer } = deps;
  const hooks = currentObjects(reader, [mutatingAdmissionPolicyKind, mutatingAdmissionPolicyBindingKind], (policies, bindings) =>
    policyHooks(policies!, bindings!, deps),
  );
  const compiled = new WeakMap<PolicyHook, CompiledMutatingPolicy>();
  const memoryOf = createMemories();

  async function invocations(attributes: AdmissionAttributes, failures: Failure[]): Promise<Invocation[]> {
    const all: Invocation[] = [];
    for (const hook of hooks()) {
      const kind = hook.matches(attributes);
      if (!kind) continue;
      let binding: Binding | undefined;
      try {
        const paramKind = paramKindOf(hook.spec, deps);
        for (binding of hook.bindings) {
          if (!binding.matches(attributes)) continue;
          const found = await collectParams(paramKind, binding.spec.paramRef, requestNamespace(attributes), reader);
          for (const params of found) all.push({ hook, binding, kind, params });
        }
      } catch (error) {
        if (!(error instanceof ConfigurationError)) throw error;
        const message = `failed to configure ${binding ? 'binding' : 'policy'}: ${error.message}`;
        failures.push({ hook, binding, message, invalid: false });
      }
    }
    return all;
  }

  async function invoke(
    { hook, binding, kind, params }: Invocation,
    attributes: AdmissionAttributes,
    { memory, failures, decisions }: { memory: ReinvocationMemory; failures: Failure[]; decisions: AuthorizerDecisions },
  ): Promise<void> {
    const { compileMutatingPolicy, MutationFailure, mutate } = await import('./evaluate-mutating-policy.ts');
    const { ConditionFailure, conditionsHold } = await import('../matching/match-conditions.ts');
    const spec = hook.spec as V1MutatingAdmissionPolicySpec;
    const policy = compiled.get(hook) ?? compileMutatingPolicy(spec);
    compiled.set(hook, policy);
    const reinvocation = reinvocationOf(attributes);
    const fixed = { attributes, kind, params, decisions, variables: policy.variables };
    const id = `${hook.name}/${binding.name}/${params?.metadata.namespace ?? ''}/${params?.metadata.name ?? ''}`;
    try {
      if (!(await conditionsHold(policy.conditions, { ...fixed, ...(await versionedRequest(attributes, kind, reader)) }))) return;
      if (reinvocation.again && !memory.isDue(id)) return;
      const before = cloneJson(attributes.object);
      for (const mutation of policy.mutations) {
        const request = await versionedRequest(attributes, kind, reader);
        if (!request.object) break;
        const made = await mutate(mutation, { ...fixed, ...request, object: request.object });
        await replaceObject(attributes, made, kind);
      }
      if (!equalJson(before, attributes.object)) {
        memory.changed();
        reinvocation.wanted = true;
      }
      memory.ran(id, spec.reinvocationPolicy === 'IfNeeded');
    } catch (error) {
      if (!(error instanceof MutationFailure || error instanceof ConditionFailure)) throw error;
      failures.push({ hook, binding, message: error.message, invalid: true });
    }
  }

  return {
    name: 'MutatingAdmissionPolicy',
    handles: (attributes) => hooks().length > 0 && !isPolicyRequest(attributes),
    async admit(attributes) {
      const failures: Failure[] = [];
      const memory = memoryOf(attributes);
      memory.begin(attributes, reinvocationOf(attributes));
      const decisions = new AuthorizerDecisions(authorizer, attributes.user);
      for (const each of await invocations(attributes, failures)) await invoke(each, attributes, { memory, failures, decisions });
      memory.end(attributes);
      const counting = failures.filter(({ hook }) => hook.spec.failurePolicy !== 'Ignore');
      if (counting.length) throw refusal(attributes, counting);
    },
  };
}

function refusal(attributes: AdmissionAttributes, failures: readonly Failure[]): StatusError {
  const texts = failures.map(({ hook, binding, message }) =>
    binding
      ? `policy '${hook.name}' with binding '${binding.name}' denied request: ${message}`
      : `policy ${JSON.stringify(hook.name)} denied request: ${message}`,
  );
  const error = refuse(attributes, 'admission request denied by policy');
  error.status.message = texts[0]!;
  error.message = texts[0]!;
  if (failures[0]!.invalid) error.status.reason = 'Invalid';
  error.status.details = { ...error.status.details, causes: texts.map((message) => ({ message })) };
  return error;
}
