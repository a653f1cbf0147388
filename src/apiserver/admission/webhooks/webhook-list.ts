/** Webhooks as configurations name them, ready to be asked (apiserver/pkg/admission/configuration). */
import type { V1MutatingWebhook, V1ValidatingWebhook } from '../../../api/gen/types.ts';
import type { DynamicObject } from '../../../api/machinery/object.ts';
import type { AdmissionAttributes } from '../../contracts.ts';
import { createRequestMatcher, type MatchDeps, type RequestMatcher } from '../matching/request-matcher.ts';

export interface Webhook {
  readonly configuration: string;
  /** Unlike all others. */
  readonly id: string;
  readonly hook: V1MutatingWebhook & V1ValidatingWebhook;
  readonly matches: RequestMatcher;
}

/** In the order of their configurations' names, and as they stand in each. */
export function listWebhooks(configurations: readonly DynamicObject[], deps: MatchDeps): Webhook[] {
  return configurations.flatMap((configuration) => {
    const name = configuration.metadata.name!;
    const hooks = (configuration['webhooks'] as Webhook['hook'][] | undefined) ?? [];
    return hooks.map((hook, i) => ({
      configuration: name,
      id: `${name}/${hook.name}/${i}`,
      hook,
      matches: createRequestMatcher(
        {
          rules: hook.rules ?? [],
          ...(hook.matchPolicy !== undefined && { matchPolicy: hook.matchPolicy }),
          ...(hook.namespaceSelector && { namespaceSelector: hook.namespaceSelector }),
          ...(hook.objectSelector && { objectSelector: hook.objectSelector }),
        },
        deps,
      ),
    }));
  });
}

const ADMISSION_RESOURCES: ReadonlySet<string> = new Set([
  'validatingwebhookconfigurations',
  'mutatingwebhookconfigurations',
  'validatingadmissionpolicies',
  'validatingadmissionpolicybindings',
  'mutatingadmissionpolicies',
  'mutatingadmissionpolicybindings',
]);

/** A webhook that nobody can reach must not keep itself from being removed. */
export function isExempt({ kind }: AdmissionAttributes): boolean {
  return kind.group === 'admissionregistration.k8s.io' && ADMISSION_RESOURCES.has(kind.resource);
}
