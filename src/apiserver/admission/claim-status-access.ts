import type { ResourceV1ResourceClaim, V1AllocatedDeviceStatus } from '../../api/gen/types.ts';
import { sameMeaning } from '../../api/machinery/field-checks.ts';
import { forbiddenField } from '../../api/machinery/field-error.ts';
import { checkDnsSubdomain } from '../../api/machinery/names.ts';
import { type FieldError, invalid } from '../../api/machinery/status-error.ts';
import { parseServiceAccountUserName } from '../authentication/identities.ts';
import { forbiddenTo } from '../authorization/forbidden.ts';
import type { AdmissionAttributes, AdmissionPlugin, AuthorizationAttributes, Authorizer, UserInfo } from '../contracts.ts';
import { isAbout } from './refusal.ts';

const CLAIMS = 'resourceclaims.resource.k8s.io';
const NODE_NAME = 'authentication.kubernetes.io/node-name';

type ClaimStatus = NonNullable<ResourceV1ResourceClaim['status']>;

/**
 * Who may write the status of claims may not yet write all of it: what is given to a claim, and to whom, needs a right to
 * `resourceclaims/binding`; what a device says of itself one to `resourceclaims/driver` for its driver, in general or on the claim's
 * own node (pkg/registry/resource/utils.go AuthorizedForBinding, AuthorizedForDeviceStatus).
 */
export function createClaimStatusAccess(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'ClaimStatusAccess',
    handles: (attributes) => attributes.operation === 'UPDATE' && isAbout(attributes, CLAIMS, 'status'),
    async validate(attributes) {
      const [after, before] = [statusOf(attributes.object), statusOf(attributes.oldObject)];
      const errors = [
        ...(await refuseBinding(authorizer, attributes, after, before)),
        ...(await refuseDevices(authorizer, attributes, after, before)),
      ];
      if (errors.length) throw invalid(attributes.kind, attributes.name, errors);
    },
  };
}

const statusOf = (object: unknown): ClaimStatus => (object as ResourceV1ResourceClaim | undefined)?.status ?? {};

const verbOf = ({ isPatch }: AdmissionAttributes) => (isPatch ? 'patch' : 'update');

/** The right is asked for everywhere at once: who binds claims binds any. */
async function refuseBinding(
  authorizer: Authorizer,
  write: AdmissionAttributes,
  after: ClaimStatus,
  before: ClaimStatus,
): Promise<FieldError[]> {
  if (sameMeaning(after.allocation, before.allocation) && sameMeaning(after.reservedFor, before.reservedFor)) return [];
  const verb = verbOf(write);
  const denial = await denialOf(authorizer, write, { verb, subresource: 'binding', namespace: '', name: '' });
  if (denial === undefined) return [];
  const needed = `resource="resourceclaims/binding", verb="${verb}"`;
  return [forbiddenField('status', `changing status.allocation or status.reservedFor requires ${needed} permission: ${denial}`)];
}

async function refuseDevices(
  authorizer: Authorizer,
  write: AdmissionAttributes,
  after: ClaimStatus,
  before: ClaimStatus,
): Promise<FieldError[]> {
  const drivers = changedDrivers(after, before);
  const isAtHome = isOnNode(write.user, nodeOf(after));
  const verbs = (isAtHome ? ['associated-node', 'arbitrary-node'] : ['arbitrary-node']).map(
    (where) => `${where}:${verbOf(write)}`,
  );
  const errors: FieldError[] = [];
  for (const name of drivers) {
    let first: string | undefined;
    let isAllowed = false;
    for (const verb of verbs) {
      const denial = await denialOf(authorizer, write, { verb, subresource: 'driver', namespace: write.namespace, name });
      isAllowed = denial === undefined;
      if (isAllowed) break;
      first ??= denial;
    }
    const needed = `resource="resourceclaims/driver", verb="[${verbs.join(' ')}]"`;
    if (!isAllowed)
      errors.push(forbiddenField('status.devices', `changing status.devices requires ${needed} permission: ${first}`));
  }
  return errors;
}

/**
 * The drivers of devices that have come, gone or say something else than before, sorted. What the server itself forgets, since the claim has
 * the device no more, is nobody's word on it: who may take devices back needs no driver's right for that.
 */
function changedDrivers(after: ClaimStatus, before: ClaimStatus): string[] {
  const key = ({ driver, pool, device, shareID = '' }: Pick<V1AllocatedDeviceStatus, 'driver' | 'pool' | 'device' | 'shareID'>) =>
    JSON.stringify([driver, pool, device, shareID]);
  const allocatedIn = ({ allocation }: ClaimStatus) => new Set(allocation?.devices?.results?.map(key));
  const left = new Map(before.devices?.map((device) => [key(device), device]));
  for (const id of allocatedIn(before).difference(allocatedIn(after))) left.delete(id);
  const drivers = new Set<string>();
  for (const device of after.devices ?? []) {
    const old = left.get(key(device));
    left.delete(key(device));
    if (!old || !sameMeaning(old, device)) drivers.add(device.driver);
  }
  for (const { driver } of left.values()) drivers.add(driver);
  return [...drivers].sort();
}

/** The one node that a claim's devices are on; undefined when they may be on any of several. */
function nodeOf({ allocation }: ClaimStatus): string | undefined {
  const [term, ...more] = allocation?.nodeSelector?.nodeSelectorTerms ?? [];
  if (!term || more.length || term.matchExpressions?.length) return undefined;
  const [field, ...others] = term.matchFields ?? [];
  if (!field || others.length || field.key !== 'metadata.name' || field.operator !== 'In') return undefined;
  return field.values?.length === 1 ? field.values[0] : undefined;
}

/** Whether a service account's token is of a pod on that node. */
function isOnNode({ name, extra }: UserInfo, node: string | undefined): boolean {
  if (!node || !parseServiceAccountUserName(name)) return false;
  const [own, ...more] = extra?.[NODE_NAME] ?? [];
  return own === node && !more.length && !checkDnsSubdomain(own).length;
}

/** Why the writer lacks a right, as the answer to a request for it would say it; undefined: it has it. */
async function denialOf(
  authorizer: Authorizer,
  { user, kind: { group, version, resource } }: AdmissionAttributes,
  right: Pick<AuthorizationAttributes, 'verb' | 'subresource' | 'namespace' | 'name'>,
): Promise<string | undefined> {
  const asked = { user, isResourceRequest: true, path: '', group, version, resource, ...right };
  const { decision, reason, evaluationError } = await authorizer.authorize(asked);
  if (decision === 'allow') return undefined;
  return forbiddenTo(asked, [evaluationError, reason].filter(Boolean).join(': ')).message;
}
