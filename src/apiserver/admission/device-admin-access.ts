import { namespaceKind } from '../../api/core/v1/namespace.ts';
import type { ResourceV1ResourceClaim, V1DeviceRequest, V1ResourceClaimTemplate } from '../../api/gen/types.ts';
import { forbiddenField } from '../../api/machinery/field-error.ts';
import { invalid } from '../../api/machinery/status-error.ts';
import type { AdmissionAttributes, AdmissionPlugin, ObjectReader } from '../contracts.ts';
import { isAbout } from './refusal.ts';

const LABEL = 'resource.kubernetes.io/admin-access';
const CLAIMS = 'resourceclaims.resource.k8s.io';
const TEMPLATES = 'resourceclaimtemplates.resource.k8s.io';

/**
 * Devices that are others' already are lent only to claims in namespaces whose label says so, which who may write in a namespace may
 * not set (pkg/registry/resource/utils.go AuthorizedForAdmin, AuthorizedForAdminStatus). The specs of claims never change.
 */
export function createDeviceAdminAccess(reader: ObjectReader): AdmissionPlugin {
  return {
    name: 'DeviceAdminAccess',
    handles: (attributes) => placeOfAdminAccess(attributes) !== undefined,
    async validate(attributes) {
      const field = placeOfAdminAccess(attributes);
      if (field === undefined) return;
      const { kind, name, namespace, object } = attributes;
      // The label may have been taken away a moment ago.
      await reader.waitFresh(namespaceKind);
      if (reader.get(namespaceKind, '', namespace)?.metadata.labels?.[LABEL] === 'true') return;
      const why = `admin access to devices requires the \`${LABEL}: true\` label on the containing namespace`;
      throw invalid(kind, name || object?.metadata.name || '', [forbiddenField(field, why)]);
    },
  };
}

/** The field in which this write asks for such access first, or is given it. */
function placeOfAdminAccess(attributes: AdmissionAttributes): string | undefined {
  const { operation, object, oldObject, kind } = attributes;
  if (kind.group !== 'resource.k8s.io') return undefined;
  if (operation === 'CREATE' && isAbout(attributes, CLAIMS))
    return placeOfRequest((object as unknown as ResourceV1ResourceClaim).spec?.devices?.requests);
  if (operation === 'CREATE' && isAbout(attributes, TEMPLATES))
    return placeOfRequest((object as unknown as V1ResourceClaimTemplate).spec?.spec?.devices?.requests);
  if (operation !== 'UPDATE' || !isAbout(attributes, CLAIMS, 'status')) return undefined;
  const resultsOf = (claim: unknown) =>
    (claim as ResourceV1ResourceClaim | undefined)?.status?.allocation?.devices?.results ?? [];
  if (resultsOf(oldObject).some(({ adminAccess }) => adminAccess)) return undefined;
  const at = resultsOf(object).findIndex(({ adminAccess }) => adminAccess);
  return at < 0 ? undefined : `status.allocation.devices.results[${at}].adminAccess`;
}

function placeOfRequest(requests: readonly V1DeviceRequest[] = []): string | undefined {
  const at = requests.findIndex(({ exactly }) => exactly?.adminAccess);
  return at < 0 ? undefined : `spec.devices.requests[${at}].adminAccess`;
}
