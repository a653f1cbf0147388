/** CustomResourceDefinitions as apiextensions.k8s.io/v1beta1 had them: one schema for all versions, or none, and fields kept unless said. */
import type { Steps } from '../../std/pauses.ts';
import { checkDefinition, customResourceDefinitionKind } from '../apiextensions/v1/custom-resource-definition.ts';
import type { DefinitionConversion, DefinitionSpec, DefinitionVersion, PrinterColumn } from '../apiextensions/v1/definition.ts';
import { setDefinitionDefaults } from '../apiextensions/v1/definition-defaults.ts';
import { internalForm } from '../apiextensions/v1/definition-form.ts';
import type { KindDefinition } from '../machinery/kind.ts';
import type { DynamicObject } from '../machinery/object.ts';
import type { FieldError } from '../machinery/status-error.ts';
import { deprecationWarning } from './deprecation.ts';
import { checkNoDefaults, checkOldForm, type OldForm } from './older-definition-checks.ts';
import { servedAs } from './served-as.ts';

const GROUP = 'apiextensions.k8s.io';

type OldColumn = Omit<PrinterColumn, 'jsonPath'> & { readonly JSONPath: string };
type OldVersion = Omit<DefinitionVersion, 'additionalPrinterColumns'> & { additionalPrinterColumns?: readonly OldColumn[] };
type Webhook = NonNullable<DefinitionConversion['webhook']>;

interface OldConversion {
  readonly strategy: string;
  readonly webhookClientConfig?: NonNullable<Webhook['clientConfig']>;
  readonly conversionReviewVersions?: readonly string[];
}

type OldSpec = Omit<DefinitionSpec, 'versions' | 'conversion'> & {
  readonly version?: string;
  readonly validation?: DefinitionVersion['schema'];
  readonly subresources?: DefinitionVersion['subresources'];
  readonly additionalPrinterColumns?: readonly OldColumn[];
  readonly selectableFields?: DefinitionVersion['selectableFields'];
  readonly versions?: readonly OldVersion[];
  readonly conversion?: OldConversion;
};

/** Leaves out what is not there, so that fields come back as they went. */
const present = <T extends object>(fields: T): T =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;

const columnsToday = (columns: readonly OldColumn[] | undefined) =>
  columns?.map(({ JSONPath, ...column }) => ({ ...column, jsonPath: JSONPath }));
const columnsBefore = (columns: readonly PrinterColumn[] | undefined) =>
  columns?.map(({ jsonPath, ...column }) => ({ ...column, JSONPath: jsonPath }));

function specToday(spec: OldSpec): DefinitionSpec {
  const { version, validation, subresources, additionalPrinterColumns, selectableFields, versions, conversion, ...rest } = spec;
  const given: readonly OldVersion[] = versions?.length
    ? versions
    : version
      ? [{ name: version, served: true, storage: true }]
      : [];
  return present({
    ...rest,
    versions: given.map((each) =>
      present({
        ...each,
        schema: each.schema ?? validation,
        subresources: each.subresources ?? subresources,
        additionalPrinterColumns: columnsToday(each.additionalPrinterColumns ?? additionalPrinterColumns),
        selectableFields: each.selectableFields ?? selectableFields,
      }),
    ) as DefinitionVersion[],
    conversion: conversion && conversionToday(conversion),
  }) as DefinitionSpec;
}

function conversionToday({ strategy, webhookClientConfig, conversionReviewVersions }: OldConversion): DefinitionConversion {
  if (!webhookClientConfig && !conversionReviewVersions?.length) return { strategy };
  return { strategy, webhook: present({ clientConfig: webhookClientConfig, conversionReviewVersions }) as Webhook };
}

function specBefore(spec: DefinitionSpec): OldSpec {
  const { shared, versions } = internalForm(spec);
  const { conversion, versions: _, ...rest } = spec;
  const { webhook } = conversion ?? {};
  return present({
    ...rest,
    preserveUnknownFields: spec.preserveUnknownFields ?? false,
    version: versions[0]?.name,
    validation: shared.schema,
    subresources: shared.subresources,
    additionalPrinterColumns: columnsBefore(shared.columns),
    selectableFields: shared.selectableFields,
    versions: versions.map((version) =>
      present({ ...version, additionalPrinterColumns: columnsBefore(version.additionalPrinterColumns) }),
    ),
    conversion:
      conversion &&
      present({
        strategy: conversion.strategy,
        webhookClientConfig: webhook?.clientConfig,
        conversionReviewVersions: webhook?.conversionReviewVersions,
      }),
  }) as OldSpec;
}

const toToday = (object: DynamicObject): DynamicObject => ({ ...object, spec: specToday((object['spec'] ?? {}) as OldSpec) });
const fromToday = (object: DynamicObject): DynamicObject => ({
  ...object,
  spec: specBefore(object['spec'] as DefinitionSpec),
});

function setDefaults(object: DynamicObject): void {
  const spec = object['spec'] as { -readonly [K in keyof OldSpec]: OldSpec[K] };
  spec.scope ||= 'Namespaced';
  const keeps = spec.preserveUnknownFields ?? true;
  const [first] = spec.versions ?? [];
  if (!spec.version && first) spec.version = first.name;
  if (!spec.versions?.length && spec.version) spec.versions = [{ name: spec.version, served: true, storage: true }];
  if (spec.conversion?.strategy === 'Webhook' && !spec.conversion.conversionReviewVersions?.length)
    spec.conversion = { ...spec.conversion, conversionReviewVersions: ['v1beta1'] };
  setDefinitionDefaults(object);
  spec.preserveUnknownFields = keeps;
}

/** What a write prepares is the status alone: the rest stays as it was written, to be checked in that form. */
function prepare(object: DynamicObject, change: (current: DynamicObject) => void): void {
  const current = toToday(object);
  change(current);
  object['status'] = current['status'];
}

function* validate(object: DynamicObject, existing: DynamicObject | undefined): Steps<FieldError[]> {
  const spec = (object['spec'] ?? {}) as OldForm;
  const hadDefaults = existing && checkNoDefaults((existing['spec'] ?? {}) as OldForm).length > 0;
  const defaults = hadDefaults ? [] : checkNoDefaults(spec);
  const found = yield* checkDefinition(toToday(object), existing && toToday(existing), { asBeta: true });
  const errors = [...found, ...checkOldForm(spec)];
  // What defaults would ask for is not asked where they may not be.
  return defaults.length ? [...errors.filter(({ message }) => !message.endsWith(FOR_DEFAULTS)), ...defaults] : errors;
}
const FOR_DEFAULTS = 'must be false in order to use defaults in the schema';

export const olderDefinitions: readonly KindDefinition[] = [
  servedAs(customResourceDefinitionKind, {
    group: GROUP,
    version: 'v1beta1',
    schema: 'ApiextensionsV1beta1CustomResourceDefinition',
    // Its numbers on the wire are others than v1's, and are not known here.
    jsonOnly: true,
    conversion: { toToday, fromToday },
    setDefaults,
    prepareForCreate: (object, context) =>
      prepare(object, (current) => customResourceDefinitionKind.prepareForCreate!(current, context)),
    prepareForUpdate: (updated, existing, context) =>
      prepare(updated, (current) => customResourceDefinitionKind.prepareForUpdate!(current, toToday(existing), context)),
    validateInSteps: (object, _context, existing) => validate(object, existing),
    deprecation: deprecationWarning(`${GROUP}/v1beta1`, 'CustomResourceDefinition', {
      deprecated: 16,
      removed: 22,
      replacement: `${GROUP}/v1`,
    }),
  }),
];
