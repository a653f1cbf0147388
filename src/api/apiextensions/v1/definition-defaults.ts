import type { DynamicObject } from '../../machinery/object.ts';
import type { Definition, DefinitionNames } from './definition.ts';

/** Fills in names and versions that follow from others, in place (apiextensions/v1/defaults.go and the strategy's). */
export function setDefinitionDefaults(object: DynamicObject): void {
  const { spec, status } = object as object as Definition;
  setNames(spec.names);
  // A status always says where objects may lie.
  const stored = spec.versions?.find(({ storage }) => storage)?.name;
  if (status && !status.storedVersions?.length && stored !== undefined)
    object['status'] = { ...status, storedVersions: [stored] };
  const changed = spec as { -readonly [K in keyof typeof spec]: (typeof spec)[K] };
  if (!spec.scope) changed.scope = '';
  changed.conversion ??= { strategy: 'None' };
  const service = spec.conversion?.webhook?.clientConfig?.service;
  if (service && service.port === undefined) (service as { port?: number }).port = 443;
  if (changed.preserveUnknownFields === false) delete changed.preserveUnknownFields;
}

/** Of names in the spec: what is not said follows from the kind. */
function setNames(names: DefinitionNames): void {
  if (!names.kind) return;
  names.singular ||= names.kind.toLowerCase();
  names.listKind ||= `${names.kind}List`;
}
