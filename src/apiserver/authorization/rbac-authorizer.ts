import { clusterRoleKind } from '../../api/rbac/v1/cluster-role.ts';
import { roleKind } from '../../api/rbac/v1/role.ts';
import type { AuthorizationAttributes, Authorizer, Decision, ObjectReader, UserInfo } from '../contracts.ts';
import { quote } from './forbidden.ts';
import { type PolicyRule, ruleAllows } from './policy-rule.ts';
import { type Grant, RbacIndex, type RoleRef } from './rbac-index.ts';
import type { ResolvedRules, RuleResolver } from './rule-resolver.ts';

export interface RbacAuthorizer extends Authorizer, RuleResolver {
  /** The rules of a role, or the text that says it is not there. */
  rulesOfRole(roleRef: RoleRef, namespace: string): readonly PolicyRule[] | string;
  close(): void;
}

/** Role-based access control (plugin/pkg/auth/authorizer/rbac): allows, or has no opinion. */
export function createRbacAuthorizer(reader: ObjectReader): RbacAuthorizer {
  const index = new RbacIndex(reader);

  const rulesOfRole = (roleRef: RoleRef, namespace: string): readonly PolicyRule[] | string => {
    const [kind, where] = roleRef.kind === 'Role' ? [roleKind, namespace] : [clusterRoleKind, ''];
    const role = reader.get(kind, where, roleRef.name);
    if (!role) return `${roleRef.kind.toLowerCase()}.rbac.authorization.k8s.io ${quote(roleRef.name)} not found`;
    return (role['rules'] as PolicyRule[] | null | undefined) ?? [];
  };

  const decide = (attributes: AuthorizationAttributes): Decision => {
    const problems = new Set<string>();
    for (const grant of rolesOnce(index.grantsOf(attributes.user, attributes.namespace))) {
      const rules = rulesOfRole(grant.roleRef, grant.namespace);
      if (typeof rules === 'string') problems.add(rules);
      else if (rules.some((rule) => ruleAllows(rule, attributes))) {
        return { decision: 'allow', reason: `RBAC: allowed by ${describeGrant(grant)}` };
      }
    }
    return { decision: 'no-opinion', reason: problems.size ? `RBAC: ${joinProblems([...problems])}` : '' };
  };

  return {
    authorize: async (attributes) => decide(attributes),
    rulesFor(user: UserInfo, namespace: string): ResolvedRules {
      const rules: PolicyRule[] = [];
      const problems = new Set<string>();
      for (const grant of rolesOnce(index.grantsOf(user, namespace))) {
        const found = rulesOfRole(grant.roleRef, grant.namespace);
        if (typeof found === 'string') problems.add(found);
        else for (const rule of found) rules.push(rule);
      }
      return { rules, incomplete: false, problems: [...problems] };
    },
    rulesOfRole,
    close: () => index.close(),
  };
}

/** The first grant of each role. Who may make bindings makes thousands to one role of thousands of rules, all of which say the same. */
function* rolesOnce(grants: Iterable<Grant>): Generator<Grant> {
  const seen = new Set<string>();
  for (const grant of grants) {
    if (seen.has(grant.role)) continue;
    seen.add(grant.role);
    yield grant;
  }
}

const joinProblems = (problems: readonly string[]) => (problems.length === 1 ? problems[0]! : `[${problems.join(', ')}]`);

function describeGrant({ bindingName, namespace, roleRef, subject }: Grant): string {
  const binding = namespace ? `RoleBinding ${quote(`${bindingName}/${namespace}`)}` : `ClusterRoleBinding ${quote(bindingName)}`;
  const who = subject.kind === 'ServiceAccount' ? `${subject.name}/${subject.namespace || namespace}` : subject.name;
  return `${binding} of ${roleRef.kind} ${quote(roleRef.name)} to ${subject.kind} ${quote(who)}`;
}
