import type { Steps } from '../../../std/pauses.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { type DynamicObject, formatTime } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { statusPart } from '../../machinery/status-part.ts';
import { CLEANUP_FINALIZER, type Definition, type DefinitionStatus } from './definition.ts';
import { setDefinitionDefaults } from './definition-defaults.ts';
import { setCondition } from './definition-status.ts';

type Validation = typeof import('./definition-validation.ts');

/** What checks definitions: everything about schemas and expressions. Loaded with the first write of one; kept, since it never changes. */
let validation: Validation | undefined;

const asDefinition = (object: DynamicObject) => object as object as Definition;

/** Everything that a definition must be, in whichever version it is written: `asBeta` with the older one's rules. After `loadFirst`. */
export function* checkDefinition(
  object: DynamicObject,
  existing?: DynamicObject,
  options?: { readonly asBeta: boolean },
): Steps<FieldError[]> {
  yield* validation!.prepareDefinition(asDefinition(object));
  return validation!.validateDefinition(asDefinition(object), existing && asDefinition(existing), options);
}

export const customResourceDefinitionKind = defineKind({
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  resource: 'customresourcedefinitions',
  namespaced: false,
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  storagePath: 'apiextensions.k8s.io/customresourcedefinitions',
  hasGeneration: true,
  anyFinalizers: true,
  loadFirst: async () => {
    validation ??= await import('./definition-validation.ts');
  },
  parts: [statusPart({ validate: (updated) => validation!.validateStatus(asDefinition(updated)) })],
  setDefaults: setDefinitionDefaults,
  prepareForCreate: (object) => {
    object['status'] = { acceptedNames: { plural: '', kind: '' }, storedVersions: [] } satisfies DefinitionStatus;
    addStoredVersion(object);
  },
  prepareForUpdate: addStoredVersion,
  prepareForDelete: (object, { nowMs }) => {
    const finalizers = object.metadata.finalizers ?? [];
    if (!finalizers.includes(CLEANUP_FINALIZER)) object.metadata.finalizers = [...finalizers, CLEANUP_FINALIZER];
    const definition = asDefinition(object);
    object['status'] = setCondition(definition.status ?? {}, {
      type: 'Terminating',
      status: 'True',
      reason: 'InstanceDeletionPending',
      message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
      lastTransitionTime: formatTime(nowMs),
    });
  },
  validateInSteps: (object, _context, existing) => checkDefinition(object, existing),
  warnings: (object, existing) => validation!.warnOfFormats(asDefinition(object), existing && asDefinition(existing)),
});

/** Versions that objects may lie in the store in: the one that is written now belongs to them from now on. */
function addStoredVersion(object: DynamicObject): void {
  const { spec, status } = asDefinition(object);
  const stored = spec.versions.find(({ storage }) => storage)?.name;
  if (stored === undefined || status?.storedVersions?.includes(stored)) return;
  object['status'] = { ...status, storedVersions: [...(status?.storedVersions ?? []), stored] };
}
