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
import { refuse } from '../refusal.ts';
import { requestTimedOut } from '../webhooks/refusals.ts';
import { CompiledPolicies } from './compiled-policies.ts';
import type { CompiledMutatingPolicy } from './evaluate-mutating-policy.ts';
import {
  type Binding,
  ConfigurationError,
  collectParams,
  isPolicyRequest,
  matchOrConfigurationError,
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
  const { reader, authorizer, metrics } = deps;
  const hooks = currentObjects(reader, [mutatingAdmissionPolicyKind, mutatingAdmissionPolicyBindingKind], (policies, bindings) =>
    policyHooks(policies!, bindings!, deps),
  );
  const compiled = new CompiledPolicies<CompiledMutatingPolicy>(metrics);
  const memoryOf = createMemories();

  async function invocations(attributes: AdmissionAttributes, failures: Failure[]): Promise<Invocation[]> {
    const all: Invocation[] = [];
    const attempt = async (hook: PolicyHook, binding: Binding | undefined, configure: () => Promise<void>) => {
      try {
        await configure();
      } catch (error) {
        if (!(error instanceof ConfigurationError)) throw error;
        const message = `failed to configure ${binding ? 'binding' : 'policy'}: ${error.message}`;
        failures.push({ hook, binding, message, invalid: false });
      }
    };
    for (const hook of hooks())
      await attempt(hook, undefined, async () => {
        const kind = matchOrConfigurationError(hook.matches, attributes);
        if (!kind) return;
        const paramKind = paramKindOf(hook.spec, deps);
        for (const binding of hook.bindings)
          await attempt(hook, binding, async () => {
            if (!matchOrConfigurationError(binding.matches, attributes)) return;
            const found = await collectParams(paramKind, binding.spec.paramRef, requestNamespace(attributes), reader);
            for (const params of found) all.push({ hook, binding, kind, params });
          });
      });
    return all;
  }

  /** Resolves to whether a mutation was made, be it one that changes nothing. */
  async function invoke(
    { hook, binding, kind, params }: Invocation,
    attributes: AdmissionAttributes,
    { memory, failures, decisions }: { memory: ReinvocationMemory; failures: Failure[]; decisions: AuthorizerDecisions },
  ): Promise<boolean> {
    const { compileMutatingPolicy, MutationFailure, mutate, putInPlace } = await import('./evaluate-mutating-policy.ts');
    const { ConditionFailure, conditionsHold } = await import('../matching/match-conditions.ts');
    const spec = hook.spec as V1MutatingAdmissionPolicySpec;
    const policy = await compiled.of(hook.spec, () => compileMutatingPolicy(spec));
    const reinvocation = reinvocationOf(attributes);
    const fixed = { attributes, kind, params, decisions, variables: policy.variables };
    const id = `${hook.name}/${binding.name}/${params?.metadata.namespace ?? ''}/${params?.metadata.name ?? ''}`;
    const fail = (error: unknown) => {
      if (!(error instanceof MutationFailure || error instanceof ConditionFailure)) throw error;
      failures.push({ hook, binding, message: error.message, invalid: true });
    };
    try {
      // Upstream counts these conditions as those of a policy that checks.
      const of = { metrics, name: hook.name, kind: 'policy', type: 'validate' } as const;
      const asked = { ...fixed, ...(await versionedRequest(attributes, kind, reader)) };
      if (!(await conditionsHold(policy.conditions, asked, of))) return false;
    } catch (error) {
      fail(error);
      return false;
    }
    if (reinvocation.again && !memory.isDue(id)) return false;
    const before = cloneJson(attributes.object);
    let applied = false;
    for (const mutation of policy.mutations) {
      const request = await versionedRequest(attributes, kind, reader);
      if (!request.object) break;
      const startMs = performance.now();
      const count = (message: string | undefined) => {
        const seconds = (performance.now() - startMs) / 1000;
        metrics?.mutation({ policy: hook.name, binding: binding.name, seconds, message });
      };
      try {
        const made = await mutate(mutation, { ...fixed, ...request, object: request.object });
        await putInPlace(mutation, attributes, made, kind);
        applied = true;
        count(undefined);
      } catch (error) {
        count((error as Error).message);
        // The mutations behind one that fails are made all the same.
        fail(error);
      }
    }
    if (!equalJson(before, attributes.object)) memory.changed();
    memory.ran(id, spec.reinvocationPolicy === 'IfNeeded');
    return applied;
  }

  return {
    name: 'MutatingAdmissionPolicy',
    // What is deleted has no object that could be changed.
    handles: (attributes) => attributes.operation !== 'DELETE' && hooks().length > 0 && !isPolicyRequest(attributes),
    async admit(attributes) {
      const failures: Failure[] = [];
      const memory = memoryOf(attributes);
      memory.begin(attributes, reinvocationOf(attributes));
      const decisions = new AuthorizerDecisions(authorizer, attributes.user);
      let applied = false;
      for (const each of await invocations(attributes, failures)) {
        if (attributes.deadlineMs !== undefined && performance.now() >= attributes.deadlineMs) throw requestTimedOut();
        if (await invoke(each, attributes, { memory, failures, decisions })) applied = true;
      }
      if (applied) {
        // As upstream: whoever runs again if needed runs again after any mutation, its own included.
        memory.changed();
        reinvocationOf(attributes).wanted = true;
      }
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
