import { validatingAdmissionPolicyKind } from '../../../api/admissionregistration/v1/validating-admission-policy.ts';
import { validatingAdmissionPolicyBindingKind } from '../../../api/admissionregistration/v1/validating-admission-policy-binding.ts';
import { withoutHtml } from '../../../api/machinery/go-format.ts';
import type { KindDefinition } from '../../../api/machinery/kind.ts';
import type { StatusError, StatusReason } from '../../../api/machinery/status-error.ts';
import type { AdmissionAttributes, AdmissionPlugin, Authorizer } from '../../contracts.ts';
import type { AdmissionMetrics } from '../../metrics/admission-metrics.ts';
import { requestNamespace } from '../matching/admission-request.ts';
import { AuthorizerDecisions } from '../matching/authorizer-decisions.ts';
import { currentObjects } from '../matching/current-objects.ts';
import type { MatchDeps } from '../matching/request-matcher.ts';
import { refuse } from '../refusal.ts';
import { requestTimedOut } from '../webhooks/refusals.ts';
import { CompiledPolicies } from './compiled-policies.ts';
import type { CompiledValidatingPolicy, Denial, Verdict } from './evaluate-validating-policy.ts';
import {
  type Binding,
  ConfigurationError,
  collectParams,
  isPolicyRequest,
  matchOrConfigurationError,
  type PolicyHook,
  paramKindOf,
  policyHooks,
  type VersionedRequest,
  versionedRequest,
} from './policy-hooks.ts';

export interface PolicyDeps extends MatchDeps {
  readonly authorizer: Authorizer;
  readonly metrics?: AdmissionMetrics | undefined;
}

interface Denied {
  readonly hook: PolicyHook;
  readonly binding: Binding | undefined;
  readonly message: string;
  readonly reason: StatusReason;
}

const CODES: Readonly<Record<string, number>> = { Forbidden: 403, Unauthorized: 401, RequestEntityTooLarge: 413, Invalid: 422 };
const COUNTED_AS: Readonly<Record<string, 'deny' | 'audit' | 'warn'>> = { Deny: 'deny', Audit: 'audit', Warn: 'warn' };
const LONGEST_ANNOTATION_BYTES = 10 * 1024;

/** Refuses, warns or notes what policies say must not be written (apiserver/pkg/admission/plugin/policy/validating). */
export function createValidatingPolicies(deps: PolicyDeps): AdmissionPlugin {
  const { reader, authorizer, metrics } = deps;
  const hooks = currentObjects(
    reader,
    [validatingAdmissionPolicyKind, validatingAdmissionPolicyBindingKind],
    (policies, bindings) => policyHooks(policies!, bindings!, deps),
  );
  const compiled = new CompiledPolicies<CompiledValidatingPolicy>(metrics);

  async function judge(hook: PolicyHook, attributes: AdmissionAttributes, kind: KindDefinition, denied: Denied[]): Promise<void> {
    const { compileValidatingPolicy, evaluateValidatingPolicy } = await import('./evaluate-validating-policy.ts');
    const policy = await compiled.of(hook.spec, () => compileValidatingPolicy(hook.spec));
    const paramKind = paramKindOf(hook.spec, deps);
    let request: VersionedRequest | undefined;
    const decisions = new AuthorizerDecisions(authorizer, attributes.user);
    const annotations = new Map<string, string[]>();
    for (const binding of hook.bindings) {
      try {
        if (!matchOrConfigurationError(binding.matches, attributes)) continue;
        for (const params of await collectParams(paramKind, binding.spec.paramRef, requestNamespace(attributes), reader)) {
          if (attributes.deadlineMs !== undefined && performance.now() >= attributes.deadlineMs) throw requestTimedOut();
          request ??= await versionedRequest(attributes, kind, reader);
          const startMs = performance.now();
          const of = { metrics, name: hook.name, kind: 'policy', type: 'validate' } as const;
          const verdict = await evaluateValidatingPolicy(policy, { attributes, kind, ...request, params, decisions }, of);
          const seconds = (performance.now() - startMs) / 1000;
          metrics?.evaluated(seconds);
          const count = (action: 'allow' | 'deny' | 'audit' | 'warn', message: string) =>
            metrics?.validation(action, { policy: hook.name, binding: binding.name, seconds, message });
          act({ hook, binding, attributes, verdict, denied, count });
          collect(annotations, verdict);
        }
      } catch (error) {
        if (!(error instanceof ConfigurationError)) throw error;
        misconfigured(denied, hook, binding, error);
      }
    }
    for (const [key, values] of annotations) attributes.audit?.addAuditAnnotation(`${hook.name}/${key}`, values.join(', '));
  }

  return {
    name: 'ValidatingAdmissionPolicy',
    handles: (attributes) => hooks().length > 0 && !isPolicyRequest(attributes),
    async validate(attributes) {
      const denied: Denied[] = [];
      for (const hook of hooks()) {
        try {
          const kind = matchOrConfigurationError(hook.matches, attributes);
          if (!kind) continue;
          await judge(hook, attributes, kind, denied);
        } catch (error) {
          if (!(error instanceof ConfigurationError)) throw error;
          misconfigured(denied, hook, undefined, error);
        }
      }
      if (denied.length) throw refusal(attributes, denied[0]!);
    },
  };
}

function misconfigured(denied: Denied[], hook: PolicyHook, binding: Binding | undefined, error: ConfigurationError): void {
  if (hook.spec.failurePolicy === 'Ignore') return;
  const message = `failed to configure ${binding ? 'binding' : 'policy'}: ${error.message}`;
  denied.push({ hook, binding, message, reason: '' });
}

interface Action {
  readonly hook: PolicyHook;
  readonly binding: Binding;
  readonly attributes: AdmissionAttributes;
  readonly verdict: Verdict;
  readonly denied: Denied[];
  readonly count: (action: 'allow' | 'deny' | 'audit' | 'warn', message: string) => void;
}

/** Does with a verdict what the binding says is to be done. */
function act({ hook, binding, attributes, verdict, denied, count }: Action): void {
  for (const message of verdict.ignored) count('allow', message);
  for (const denial of verdict.denials) {
    for (const action of binding.spec.validationActions ?? []) {
      if (action === 'Deny') denied.push({ hook, binding, message: denial.message, reason: denial.reason });
      else if (action === 'Warn') warn(attributes, hook, binding, denial);
      else if (action === 'Audit') noteFailure(attributes, hook, binding, denial);
      if (Object.hasOwn(COUNTED_AS, action)) count(COUNTED_AS[action]!, denial.message);
    }
  }
  for (const message of verdict.annotationErrors) {
    denied.push({ hook, binding, message, reason: '' });
    count('deny', message);
  }
}

function warn({ warnings }: AdmissionAttributes, hook: PolicyHook, binding: Binding, { message }: Denial): void {
  const text = `Validation failed for ValidatingAdmissionPolicy '${hook.name}' with binding '${binding.name}': ${message}`;
  if (!warnings.includes(text)) warnings.push(text);
}

function noteFailure({ audit }: AdmissionAttributes, hook: PolicyHook, binding: Binding, { message, index }: Denial): void {
  const failure = {
    message,
    policy: hook.name,
    binding: binding.name,
    expressionIndex: index,
    validationActions: binding.spec.validationActions,
  };
  audit?.addAuditAnnotation('validation.policy.admission.k8s.io/validation_failure', withoutHtml(JSON.stringify([failure])));
}

function collect(annotations: Map<string, string[]>, verdict: Verdict): void {
  for (const { key, value } of verdict.annotations) {
    const values = annotations.get(key) ?? [];
    const bytes = Buffer.from(value);
    const shown = bytes.length > LONGEST_ANNOTATION_BYTES ? bytes.toString('utf8', 0, LONGEST_ANNOTATION_BYTES) : value;
    if (!values.includes(shown)) values.push(shown);
    annotations.set(key, values);
  }
}

function refusal(attributes: AdmissionAttributes, { hook, binding, message, reason }: Denied): StatusError {
  const by = binding ? `'${hook.name}' with binding '${binding.name}'` : `'${hook.name}'`;
  const text = `ValidatingAdmissionPolicy ${by} denied request: ${message}`;
  const error = refuse(attributes, text);
  error.status.reason = reason || 'Invalid';
  error.status.code = CODES[error.status.reason] ?? 422;
  error.status.details = { ...error.status.details, causes: [{ message: text }] };
  return error;
}
