import { isDeepStrictEqual } from 'node:util';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { notFound } from '../../api/machinery/status-error.ts';
import { clusterRoleKind } from '../../api/rbac/v1/cluster-role.ts';
import { roleKind } from '../../api/rbac/v1/role.ts';
import { exactJsonText, parseExactJson } from '../../std/exact-json.ts';
import { runWithPauses } from '../../std/pauses.ts';
import { MASTERS } from '../authentication/identities.ts';
import type { PolicyRule } from '../authorization/policy-rule.ts';
import type { RbacAuthorizer } from '../authorization/rbac-authorizer.ts';
import type { RoleRef } from '../authorization/rbac-index.ts';
import { describeEscalation } from '../authorization/rule-coverage.ts';
import type { RuleResolver } from '../authorization/rule-resolver.ts';
import type { AdmissionAttributes, AdmissionPlugin, Authorizer, ObjectReader } from '../contracts.ts';
import { refuse } from './refusal.ts';

const RBAC_GROUP = 'rbac.authorization.k8s.io';
const EVERYTHING: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

export interface RoleEscalationDeps {
  readonly reader: ObjectReader;
  readonly authorizer: Authorizer;
  readonly rbac: Pick<RbacAuthorizer, 'rulesOfRole'> & RuleResolver;
}

/**
 * Nobody gives away by roles or bindings what he does not hold himself, unless allowed the verb `escalate` or `bind`
 * (pkg/registry/rbac/*\/policybased). Upstream keeps this in the registry: it cannot be switched off.
 */
export function createRoleEscalationCheck(deps: RoleEscalationDeps): AdmissionPlugin {
  return {
    name: 'RoleEscalation',
    handles: ({ kind, operation, subresource, user }) =>
      kind.group === RBAC_GROUP &&
      !subresource &&
      (operation === 'CREATE' || operation === 'UPDATE') &&
      !user.groups.includes(MASTERS),
    async validate(attributes) {
      if (attributes.kind.resource.endsWith('roles')) await checkRole(attributes, deps);
      else await checkBinding(attributes, deps);
    },
  };
}

/**
 * Whether an update does only what a garbage collector does (pkg/registry/rbac/helpers.go). Nothing else goes unchecked: by its labels
 * alone a role can become a part of others that aggregate it.
 */
function changesOwnersOnly({ object, oldObject }: AdmissionAttributes): boolean {
  if (!object || !oldObject) return false;
  const rest = ({ metadata, ...fields }: DynamicObject) => {
    const { ownerReferences: _o, finalizers: _f, managedFields: _m, resourceVersion: _r, selfLink: _s, ...kept } = metadata;
    return parseExactJson(exactJsonText({ ...fields, metadata: kept })) as unknown;
  };
  return isDeepStrictEqual(rest(object), rest(oldObject));
}

const nameOf = ({ name, object }: AdmissionAttributes) => name || object?.metadata.name || '';

async function checkRole(attributes: AdmissionAttributes, deps: RoleEscalationDeps): Promise<void> {
  if (changesOwnersOnly(attributes)) return;
  if (await allowed(attributes, deps.authorizer, 'escalate', attributes.kind.resource, nameOf(attributes))) return;
  const object = attributes.object as DynamicObject;
  await confirm(attributes, deps, (object['rules'] as PolicyRule[] | null | undefined) ?? []);
  const gathers = (role: DynamicObject | undefined) => role?.['aggregationRule'] != null;
  if (!gathers(object) && !gathers(attributes.oldObject)) return;
  // Whoever gathers the rules of others takes what anybody may ever put into them.
  if (await describe(attributes, deps, EVERYTHING)) {
    throw refuse(attributes, 'must have cluster-admin privileges to use the aggregationRule');
  }
}

async function checkBinding(attributes: AdmissionAttributes, deps: RoleEscalationDeps): Promise<void> {
  if (changesOwnersOnly(attributes)) return;
  const roleRef = attributes.object?.['roleRef'] as RoleRef | undefined;
  if (!roleRef) return; // the schema asks for it
  const kind = roleRef.kind === 'Role' ? roleKind : clusterRoleKind;
  if (await allowed(attributes, deps.authorizer, 'bind', kind.resource, roleRef.name)) return;
  let rules = deps.rbac.rulesOfRole(roleRef, attributes.namespace);
  if (typeof rules === 'string') {
    await deps.reader.waitFresh(kind);
    rules = deps.rbac.rulesOfRole(roleRef, attributes.namespace);
  }
  if (typeof rules === 'string') throw notFound(kind, roleRef.name);
  await confirm(attributes, deps, rules);
}

function describe({ user, namespace }: AdmissionAttributes, { rbac }: RoleEscalationDeps, rules: readonly PolicyRule[]) {
  const held = rbac.rulesFor(user, namespace);
  return runWithPauses(describeEscalation(user, held.rules, rules, held.problems));
}

async function confirm(attributes: AdmissionAttributes, deps: RoleEscalationDeps, rules: readonly PolicyRule[]): Promise<void> {
  const why = await describe(attributes, deps, rules);
  if (why) throw refuse(attributes, why);
}

async function allowed(
  { user, namespace }: AdmissionAttributes,
  authorizer: Authorizer,
  verb: 'escalate' | 'bind',
  resource: string,
  name: string,
): Promise<boolean> {
  const { decision } = await authorizer.authorize({
    user,
    verb,
    isResourceRequest: true,
    path: '',
    group: RBAC_GROUP,
    version: 'v1',
    namespace,
    resource,
    subresource: '',
    name,
  });
  return decision === 'allow';
}
