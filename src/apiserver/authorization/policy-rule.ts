import { withoutTrailing } from '../../std/trailing.ts';
import type { AuthorizationAttributes } from '../contracts.ts';

/** rbac.authorization.k8s.io/v1 PolicyRule. */
export interface PolicyRule {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[] | null;
  readonly resources?: readonly string[] | null;
  readonly resourceNames?: readonly string[] | null;
  readonly nonResourceURLs?: readonly string[] | null;
}

export type RuleRequest = Pick<
  AuthorizationAttributes,
  'isResourceRequest' | 'verb' | 'group' | 'resource' | 'subresource' | 'name' | 'path'
>;

const ALL = '*';

const holds = (values: readonly string[] | null | undefined, value: string) =>
  values != null && (values.includes(value) || values.includes(ALL));

/** Whether a rule allows a request (pkg/apis/rbac/v1/evaluation_helpers.go). */
export function ruleAllows(rule: PolicyRule, request: RuleRequest): boolean {
  if (!holds(rule.verbs, request.verb)) return false;
  if (!request.isResourceRequest) return allowsPath(rule.nonResourceURLs, request.path);
  return (
    holds(rule.apiGroups, request.group) &&
    allowsResource(rule.resources, request.resource, request.subresource) &&
    (!rule.resourceNames?.length || rule.resourceNames.includes(request.name))
  );
}

function allowsResource(resources: PolicyRule['resources'], resource: string, subresource: string): boolean {
  if (resources == null) return false;
  if (holds(resources, subresource ? `${resource}/${subresource}` : resource)) return true;
  // `*/scale` is the scale of everything.
  return subresource !== '' && resources.includes(`*/${subresource}`);
}

/** `*` alone is every path; at the end it stands for any ending, elsewhere for itself. */
function allowsPath(urls: PolicyRule['nonResourceURLs'], path: string): boolean {
  return (
    urls?.some((url) => url === ALL || url === path || (url.endsWith(ALL) && path.startsWith(withoutTrailing(url, ALL)))) ?? false
  );
}

/** Whether any of the rules allows a request. */
export function rulesAllow(rules: readonly PolicyRule[], request: RuleRequest): boolean {
  return rules.some((rule) => ruleAllows(rule, request));
}
