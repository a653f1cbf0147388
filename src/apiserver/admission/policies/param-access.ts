/** Who makes a policy read objects must be allowed to read them (pkg/registry/admissionregistration/.../authz.go). */
import type { V1ParamKind, V1ParamRef } from '../../../api/gen/types.ts';
import { sameMeaning } from '../../../api/machinery/field-checks.ts';
import { forbiddenField } from '../../../api/machinery/field-error.ts';
import type { KindDefinition } from '../../../api/machinery/kind.ts';
import type { DynamicObject } from '../../../api/machinery/object.ts';
import { invalid } from '../../../api/machinery/status-error.ts';
import { MASTERS } from '../../authentication/identities.ts';
import type { AdmissionAttributes, AdmissionPlugin, Authorizer, ObjectReader, UserInfo } from '../../contracts.ts';
import type { KindRegistry } from '../../kinds/kind-registry.ts';

export interface ParamAccessDeps {
  readonly reader: ObjectReader;
  readonly kinds: KindRegistry;
  readonly authorizer: Authorizer;
}

const POLICIES: ReadonlySet<string> = new Set(['validatingadmissionpolicies', 'mutatingadmissionpolicies']);
const POLICY_OF: Readonly<Record<string, string>> = {
  validatingadmissionpolicybindings: 'validatingadmissionpolicies',
  mutatingadmissionpolicybindings: 'mutatingadmissionpolicies',
};

interface Spec {
  readonly paramKind?: V1ParamKind;
  readonly paramRef?: V1ParamRef;
  readonly policyName?: string;
}
const specOf = (object: DynamicObject | undefined) => (object?.['spec'] ?? {}) as Spec;

/** As Go prints a user. */
const shown = ({ name, uid = '', groups, extra = {} }: UserInfo) =>
  `&{${name} ${uid} [${groups.join(' ')}] map[${Object.entries(extra)
    .map(([key, values]) => `${key}:[${values.join(' ')}]`)
    .join(' ')}]}`;

/** Cannot be switched off. Leaves what did not change alone. */
export function createParamAccessCheck({ reader, kinds, authorizer }: ParamAccessDeps): AdmissionPlugin {
  /** `*` for what cannot be resolved. */
  const resourceOf = ({ apiVersion = '', kind = '' }: V1ParamKind) => {
    const [group, version] = apiVersion.includes('/') ? (apiVersion.split('/') as [string, string]) : ['', apiVersion];
    return { group, version, resource: kinds.byKind(group, version, kind)?.resource ?? '*' };
  };

  async function mayGet(
    user: UserInfo,
    what: { group: string; version: string; resource: string; namespace: string; name: string },
  ): Promise<boolean> {
    const { decision } = await authorizer.authorize({
      user,
      isResourceRequest: true,
      verb: 'get',
      path: '',
      subresource: '',
      ...what,
    });
    return decision === 'allow';
  }

  async function checkPolicy({ kind, object, oldObject, user, name }: AdmissionAttributes): Promise<void> {
    const { paramKind } = specOf(object);
    if (!paramKind || sameMeaning(specOf(oldObject).paramKind, paramKind)) return;
    if (await mayGet(user, { ...resourceOf(paramKind), namespace: '*', name: '*' })) return;
    const why = `user ${shown(user)} must have "get" permission on all objects of the referenced paramKind (kind=${paramKind.kind}, apiVersion=${paramKind.apiVersion})`;
    throw invalid(kind, name, [forbiddenField('spec.paramKind', why)]);
  }

  async function checkBinding({ kind, object, oldObject, user, name }: AdmissionAttributes): Promise<void> {
    const { paramRef, policyName } = specOf(object);
    const old = specOf(oldObject);
    if (!paramRef || (sameMeaning(old.paramRef, paramRef) && old.policyName === policyName)) return;
    const policyKind = kinds.byResource(kind.group, kind.version, POLICY_OF[kind.resource]!);
    const { paramKind } = specOf(policyKind && policyName ? policyOf(policyKind, policyName) : undefined);
    const resource = paramKind ? resourceOf(paramKind) : { group: '*', version: '*', resource: '*' };
    if (await mayGet(user, { ...resource, namespace: paramRef.namespace ?? '', name: paramRef.name ?? '' })) return;
    const why = `user ${shown(user)} does not have "get" permission on the object referenced by paramRef`;
    throw invalid(kind, name, [forbiddenField('spec.paramRef', why)]);
  }
  const policyOf = (kind: KindDefinition, name: string) => reader.get(kind, '', name);

  return {
    name: 'ParamAccess',
    handles: ({ kind, subresource, operation, user }) =>
      kind.group === 'admissionregistration.k8s.io' &&
      subresource === '' &&
      (operation === 'CREATE' || operation === 'UPDATE') &&
      !user.groups.includes(MASTERS),
    async validate(attributes) {
      const { resource } = attributes.kind;
      if (POLICIES.has(resource)) await checkPolicy(attributes);
      else if (Object.hasOwn(POLICY_OF, resource)) await checkBinding(attributes);
    },
  };
}
