/** What the names of resources mean (pkg/apis/core/helper/helpers.go). */
import { invalidField, notSupportedField } from '../../machinery/field-error.ts';
import { checkQualifiedName } from '../../machinery/names.ts';
import type { FieldError } from '../../machinery/status-error.ts';

const HUGE_PAGES = 'hugepages-';
const NATIVE_PREFIX = 'kubernetes.io/';

const OF_CONTAINERS: ReadonlySet<string> = new Set(['cpu', 'memory', 'ephemeral-storage']);

/** Things, of which there are whole ones only. */
const COUNTED: ReadonlySet<string> = new Set([
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
]);

/** All that is counted in quotas and on nodes. */
const STANDARD: ReadonlySet<string> = new Set([
  ...OF_CONTAINERS,
  ...COUNTED,
  'requests.cpu',
  'requests.memory',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
  'storage',
  'requests.storage',
]);

export const isHugePages = (name: string) => name.startsWith(HUGE_PAGES);

/** Those that Kubernetes itself knows: without a domain, or with its own. */
export const isNativeResource = (name: string) => !name.includes('/') || name.includes(NATIVE_PREFIX);

/** Those of devices and the like, which only whole numbers of can be had. */
export function isExtendedResource(name: string): boolean {
  if (isNativeResource(name) || name.startsWith('requests.')) return false;
  return checkQualifiedName(`requests.${name}`).length === 0;
}

/** Whether more may be promised than there is. */
export const allowsOvercommit = (name: string) => isNativeResource(name) && !isHugePages(name);

export const isIntegerResource = (name: string) => COUNTED.has(name) || isExtendedResource(name);

const isStandard = (name: string) => STANDARD.has(name) || isHugePages(name) || name.startsWith('requests.hugepages-');

/** What quotas bound without a domain. */
export const isQuotaResource = (name: string) => name !== 'storage' && isStandard(name);

/** What a pod as a whole can have. */
export const isPodLevelResource = (name: string) => name === 'cpu' || name === 'memory' || isHugePages(name);

/** Adds complaints; says whether there were none. */
export function checkResourceName(name: string, field: string, errors: FieldError[]): boolean {
  const complaints = checkQualifiedName(name);
  for (const complaint of complaints) errors.push(invalidField(field, name, complaint));
  if (complaints.length) return false;
  if (name.includes('/') || isStandard(name)) return true;
  errors.push(invalidField(field, name, 'must be a standard resource type or fully qualified'));
  return false;
}

export function checkContainerResourceName(name: string, field: string, errors: FieldError[]): void {
  if (OF_CONTAINERS.has(name)) return;
  checkResourceName(name, field, errors);
  if (!name.includes('/')) {
    if (!isHugePages(name)) errors.push(invalidField(field, name, 'must be a standard resource for containers'));
  } else if (!isNativeResource(name) && !isExtendedResource(name))
    errors.push(invalidField(field, name, "doesn't follow extended resource name standard"));
}

export function checkPodResourceName(name: string, field: string, errors: FieldError[]): void {
  if (checkResourceName(name, field, errors) && !isPodLevelResource(name))
    errors.push(notSupportedField(field, name, ['cpu', 'hugepages-', 'memory']));
}
