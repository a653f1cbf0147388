import type { KindDefinition } from '../../api/machinery/kind.ts';

/** What upstream's registries decide one by one, by `resource` or `resource.group`. */
const id = ({ group, resource }: Pick<KindDefinition, 'group' | 'resource'>) => (group ? `${resource}.${group}` : resource);

const RBAC = ['roles', 'rolebindings', 'clusterroles', 'clusterrolebindings'].map((r) => `${r}.rbac.authorization.k8s.io`);

const CREATED_ON_UPDATE = new Set([
  'endpoints',
  'events',
  'events.events.k8s.io',
  'limitranges',
  'services',
  'leases.coordination.k8s.io',
  'runtimeclasses.node.k8s.io',
  ...RBAC,
]);

const ADMISSION = [
  ...['validatingwebhookconfigurations', 'mutatingwebhookconfigurations'],
  ...['validatingadmissionpolicies', 'validatingadmissionpolicybindings'],
  ...['mutatingadmissionpolicies', 'mutatingadmissionpolicybindings'],
].map((r) => `${r}.admissionregistration.k8s.io`);

const NEVER_UNCONDITIONAL = new Set([
  ...ADMISSION,
  'apiservices.apiregistration.k8s.io',
  'customresourcedefinitions.apiextensions.k8s.io',
  'leases.coordination.k8s.io',
  'runtimeclasses.node.k8s.io',
  'volumeattachments.storage.k8s.io',
  'csinodes.storage.k8s.io',
  'csidrivers.storage.k8s.io',
  'csistoragecapacities.storage.k8s.io',
  'poddisruptionbudgets.policy',
]);

const ANSWERED_WHEN_DELETED = new Set([
  'pods',
  'podtemplates',
  'resourcequotas',
  'serviceaccounts',
  'persistentvolumes',
  'persistentvolumeclaims',
  'services',
  ...['deviceclasses', 'resourceclaims', 'resourceclaimtemplates', 'resourceslices'].map((r) => `${r}.resource.k8s.io`),
  ...['csidrivers', 'csinodes', 'storageclasses', 'volumeattachments', 'volumeattributesclasses'].map(
    (r) => `${r}.storage.k8s.io`,
  ),
]);

const EVENTS = new Set(['events', 'events.events.k8s.io']);

/** Whether a PUT to a name that does not exist creates the object. */
export const allowsCreateOnUpdate = (kind: KindDefinition) => CREATED_ON_UPDATE.has(id(kind));

/** Whether a PUT without resourceVersion overwrites whatever is there. */
export const allowsUnconditionalUpdate = (kind: KindDefinition) => !kind.ownSchema && !NEVER_UNCONDITIONAL.has(id(kind));

/** Events own nothing, so that no deletion of one waits for dependents, and upstream reads them from its store. */
export const isEventKind = (kind: KindDefinition) => EVENTS.has(id(kind));

/** Whether a deletion answers with the object rather than a Status. */
export const answersDeletedObject = (kind: KindDefinition) => ANSWERED_WHEN_DELETED.has(id(kind));

/** Namespaces have a deletion of their own: their content goes first. */
export const isNamespaceKind = (kind: Pick<KindDefinition, 'group' | 'resource'>) =>
  kind.group === '' && kind.resource === 'namespaces';
