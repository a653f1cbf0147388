/** Which requests the rules of webhooks and policies mean (apiserver/pkg/admission/plugin/webhook/predicates/rules). */
import type { V1NamedRuleWithOperations } from '../../../api/gen/types.ts';
import type { KindDefinition } from '../../../api/machinery/kind.ts';
import type { AdmissionAttributes } from '../../contracts.ts';

type Rule = V1NamedRuleWithOperations;

const names = (list: readonly string[] | undefined, value: string) =>
  list?.some((item) => item === '*' || item === value) ?? false;

function namesResource(resources: readonly string[] | undefined, resource: string, subresource: string): boolean {
  return (resources ?? []).some((text) => {
    const slash = text.indexOf('/');
    const [wanted, sub] = slash < 0 ? [text, ''] : [text.slice(0, slash), text.slice(slash + 1)];
    return (wanted === '*' || wanted === resource) && (sub === '*' || sub === subresource);
  });
}

function inScope(scope: string | undefined, kind: KindDefinition): boolean {
  return scope === undefined || scope === '*' || (scope === 'Namespaced') === kind.namespaced;
}

/** Whether the rule means the request, were it made for `kind`. */
export function ruleMatches(rule: Rule, attributes: AdmissionAttributes, kind: KindDefinition): boolean {
  return (
    names(rule.operations, attributes.operation) &&
    names(rule.apiGroups, kind.group) &&
    names(rule.apiVersions, kind.version) &&
    namesResource(rule.resources, kind.resource, attributes.subresource) &&
    inScope(rule.scope, kind) &&
    (!rule.resourceNames?.length || rule.resourceNames.includes(attributes.name))
  );
}
