import { namesOfDottedPath, valueAt } from '../../api/apiextensions/schema/simple-path.ts';
import { customResourceDefinitionKind } from '../../api/apiextensions/v1/custom-resource-definition.ts';
import {
  type Definition,
  type DefinitionVersion,
  isCondition,
  type ScaleSubresource,
} from '../../api/apiextensions/v1/definition.ts';
import { compareVersions } from '../../api/apiextensions/v1/version-order.ts';
import { apiServiceKind } from '../../api/apiregistration/v1/api-service.ts';
import { defineKind } from '../../api/machinery/define-kind.ts';
import { apiVersionOf, type KindDefinition, type PartSubresource, type RemoteConversion } from '../../api/machinery/kind.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { forbidden, type StatusError } from '../../api/machinery/status-error.ts';
import { columnsOf } from './columns.ts';
import { type CustomSchema, createCustomSchema } from './custom-schema.ts';
import { type DefinedVersions, storedFormOf } from './stored-form.ts';
import { finalizerWarnings, validateObject, validateStatus } from './validate-object.ts';

/** How objects are converted between versions; undefined: their apiVersion is all that differs. */
export type ConversionOf = (definition: Definition) => RemoteConversion | undefined;

/** The kinds that an established definition serves, newest version first, and the one that objects are stored as. */
export interface CustomKinds {
  readonly served: readonly KindDefinition[];
  /** Of the storage version, which need not be served. */
  readonly stored: KindDefinition;
}

/** Makes the kinds of a definition, from its spec and the names that were accepted. */
export function customKindsOf(definition: Definition, conversionOf: ConversionOf): CustomKinds {
  const { spec } = definition;
  const remote = spec.conversion?.strategy === 'Webhook' ? conversionOf(definition) : undefined;
  const schemas = new Map(
    spec.versions.map((version) => {
      const selectable = Object.keys(selectableFieldsOf(version));
      const { openAPIV3Schema } = version.schema ?? {};
      return [version.name, createCustomSchema(openAPIV3Schema, spec.preserveUnknownFields === true, selectable)];
    }),
  );
  const { group } = spec;
  const sorted = [...spec.versions].sort((a, b) => compareVersions(a.name, b.name));
  const versions: DefinedVersions = {
    stored: spec.versions.find(({ storage }) => storage)!.name,
    schemas,
    byApiVersion: new Map([...schemas].map(([version, schema]) => [apiVersionOf({ group, version }), schema])),
    remote,
    newest: sorted.find(({ served, deprecated }) => served && !deprecated)?.name,
  };
  const all = sorted.map((version) => ({ version, kind: kindOf(definition, version, versions) }));
  return {
    served: all.filter(({ version }) => version.served).map(({ kind }) => kind),
    stored: all.find(({ version }) => version.storage)!.kind,
  };
}

function kindOf(definition: Definition, version: DefinitionVersion, versions: DefinedVersions): KindDefinition {
  const { spec } = definition;
  const { group, scope } = spec;
  const names = { ...definition.spec.names, ...definition.status?.acceptedNames };
  const own = versions.schemas.get(version.name)!;
  const { scale, status } = version.subresources ?? {};
  const named = { group, version: version.name, kind: names.kind, resource: names.plural };
  const terminating = isCondition(definition, 'Terminating');
  const { schema } = own;
  const deprecation = deprecationOf(definition, version, versions);
  return defineKind({
    ...named,
    namespaced: scope === 'Namespaced',
    singular: names.singular ?? '',
    ...(names.listKind && { listKind: names.listKind }),
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    schema: `${apiVersionOf(named)} ${names.kind}`,
    ownSchema: own,
    storagePath: storagePathOf(group, names.plural),
    storedAs: storedFormOf(named, versions),
    hasGeneration: true,
    anyFinalizers: true,
    jsonOnly: true,
    parts: status ? [statusPartOf(own, scale)] : [],
    actions: scale
      ? [{ name: 'scale', group: 'autoscaling', version: 'v1', kind: 'Scale', verbs: ['get', 'patch', 'update'] }]
      : [],
    selectableFields: selectableFieldsOf(version),
    columns: columnsOf(version.additionalPrinterColumns),
    ...(deprecation !== undefined && { deprecation }),
    setDefaults: (object) => void own.setDefaults(object),
    prepareForCreate: (object) => {
      if (terminating) throw notWhileTerminating(named, object.metadata.name ?? '');
      if (status) delete object['status'];
      own.prune(object);
    },
    prepareForUpdate: (updated) => void own.prune(updated),
    validateInSteps: (object, { warn }, existing) => validateObject(object, { schema, scale, warn }, existing),
    warnings: finalizerWarnings,
  });
}

/** Where the server keeps kinds of its own below names that a definition may bear too. */
const TAKEN: ReadonlySet<string> = new Set([apiServiceKind, customResourceDefinitionKind].map(({ storagePath }) => storagePath));

/** As upstream lays them out, but that nobody gets at what is not his by a definition of the same name. No group has a colon. */
function storagePathOf(group: string, plural: string): string {
  const path = `${group}/${plural}`;
  return TAKEN.has(path) ? `${group}:custom/${plural}` : path;
}

function notWhileTerminating(kind: { group: string; resource: string }, name: string): StatusError {
  return forbidden(kind, name, 'create not allowed while custom resource definition is terminating');
}

/** The status subresource writes the status and nothing else of the object. */
function statusPartOf(own: CustomSchema, scale: ScaleSubresource | undefined): PartSubresource {
  return {
    name: 'status',
    verbs: ['get', 'patch', 'update'],
    merge: (existing, requested) => {
      const { status: _, ...rest } = existing;
      const { managedFields } = requested.metadata;
      const metadata = { ...existing.metadata, ...(managedFields && { managedFields }) };
      const merged: DynamicObject = { ...rest, metadata };
      if (requested['status'] !== undefined) merged['status'] = requested['status'];
      own.prune(merged);
      return merged;
    },
    validateInSteps: (updated, existing, { warn }) => validateStatus(updated, { schema: own.schema, scale, warn }, existing),
  };
}

function selectableFieldsOf({ selectableFields = [] }: DefinitionVersion): KindDefinition['selectableFields'] {
  return Object.fromEntries(
    selectableFields.map(({ jsonPath }) => {
      const names = namesOfDottedPath(jsonPath);
      const read = (object: DynamicObject): string => {
        const value = valueAt(object, names);
        return value === undefined || value === null || typeof value === 'object' ? '' : String(value);
      };
      return [names.join('.'), read];
    }),
  );
}

/** What requests for a deprecated version are told. */
function deprecationOf({ spec }: Definition, version: DefinitionVersion, { newest }: DefinedVersions): string | undefined {
  if (!version.deprecated) return undefined;
  if (version.deprecationWarning !== undefined) return version.deprecationWarning;
  const { group, names } = spec;
  const isNewer = newest !== undefined && compareVersions(newest, version.name) < 0;
  const instead = isNewer ? `; use ${group}/${newest} ${names.kind}` : '';
  return `${group}/${version.name} ${names.kind} is deprecated${instead}`;
}
