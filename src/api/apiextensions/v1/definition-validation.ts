import { goQuote } from '../../../std/go-text.ts';
import { runAtOnce, type Steps } from '../../../std/pauses.ts';
import { patternSize } from '../../cel/pattern-size.ts';
import { equalJson } from '../../machinery/clone.ts';
import {
  addErrors,
  forbiddenField,
  IMMUTABLE,
  invalidField,
  notSupportedField,
  requiredField,
} from '../../machinery/field-error.ts';
import { checkDns1035Label, checkDnsSubdomain } from '../../machinery/names.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { validateCaBundle } from '../../machinery/webhook-client-config.ts';
import { createRuleChecks, prepareSchema } from '../rules/rule-checks.ts';
import { validateRules } from '../rules/validate-rules.ts';
import { validateEmbeddedResources } from '../schema/embedded-resources.ts';
import { child, index } from '../schema/field-path.ts';
import { isKnownFormat } from '../schema/formats.ts';
import { DEEPEST_SCHEMA, isTooDeep, type JsonSchema, someSchema } from '../schema/json-schema.ts';
import { validateDefaults } from '../schema/validate-defaults.ts';
import { validateRoot, validateSchema } from '../schema/validate-schema.ts';
import { validateStructure } from '../schema/validate-structure.ts';
import { validateApproval } from './api-approval.ts';
import { type Definition, type DefinitionSpec, type DefinitionVersion, isCondition } from './definition.ts';
import { type InternalForm, internalForm } from './definition-form.ts';
import { validateNames, validateRequiredNames } from './names-validation.ts';
import {
  knowsReviewVersion,
  validateColumn,
  validateConversion,
  validateSelectableFields,
  validateSubresources,
} from './parts-validation.ts';
import { shownVersions } from './shown-versions.ts';

export interface DefinitionRules {
  /** Written as v1beta1: schemas may be missing and need no structure while unknown fields are kept, and nobody must approve. */
  readonly asBeta: boolean;
}

/** Everything that a new or changed definition must be (apiextensions/validation/validation.go); `old` of an update. */
export function validateDefinition(
  definition: Definition,
  old?: Definition,
  { asBeta }: DefinitionRules = { asBeta: false },
): FieldError[] {
  const { metadata, spec, status } = definition;
  const errors: FieldError[] = [];
  // What another name would be is told as what may not be changed.
  if (!old && metadata.name !== `${spec.names?.plural ?? ''}.${spec.group}`)
    errors.push(invalidField('metadata.name', metadata.name, 'must be spec.names.plural+"."+spec.group'));
  // What is as it was is let through as it is.
  if (!old || !equalJson(spec, old.spec)) addErrors(errors, validateSpec(spec, old, asBeta));
  if (old) addErrors(errors, validateImmutable(spec, old));
  addErrors(errors, validateStatus(definition));
  addErrors(errors, validateStoredVersions(status?.storedVersions ?? [], spec.versions, 'status.storedVersions'));
  if (!asBeta) addErrors(errors, validateApproval(definition, old));
  if (!asBeta && spec.preserveUnknownFields && !old?.spec.preserveUnknownFields)
    errors.push(
      invalidField(
        'spec.preserveUnknownFields',
        true,
        'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead',
      ),
    );
  return errors;
}

/** Of a write to the status. */
export function validateStatus({ status }: Definition): FieldError[] {
  return status?.acceptedNames ? validateNames(status.acceptedNames, 'status.acceptedNames') : [];
}

function validateImmutable(spec: DefinitionSpec, old: Definition): FieldError[] {
  const errors: FieldError[] = [];
  const keep = (path: string, value: unknown, before: unknown) => {
    if (value !== before) errors.push(invalidField(path, value, IMMUTABLE));
  };
  if (isCondition(old, 'Established')) {
    keep('spec.scope', spec.scope, old.spec.scope);
    keep('spec.names.kind', spec.names.kind, old.spec.names.kind);
  }
  keep('spec.group', spec.group, old.spec.group);
  keep('spec.names.plural', spec.names.plural, old.spec.names.plural);
  return errors;
}

function validateStoredVersions(stored: readonly string[], versions: readonly DefinitionVersion[], path: string): FieldError[] {
  if (!stored.length) return [invalidField(path, null, 'must have at least one stored version')];
  const errors: FieldError[] = [];
  const [storedNames, names] = [new Set(stored), new Set(versions.map(({ name }) => name))];
  for (const { name, storage } of versions)
    if (storage && !storedNames.has(name)) errors.push(invalidField(path, stored, `must have the storage version ${name}`));
  stored.forEach((name, i) => {
    if (names.has(name)) return;
    errors.push(
      invalidField(
        index(path, i),
        name,
        `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`,
      ),
    );
  });
  return errors;
}

function validateSpec(spec: DefinitionSpec, old: Definition | undefined, asBeta: boolean): FieldError[] {
  const errors: FieldError[] = [];
  const path = 'spec';
  const { group, scope, names, conversion } = spec;
  if (!group) errors.push(requiredField(child(path, 'group')));
  else {
    const complaints = checkDnsSubdomain(group);
    if (complaints.length) errors.push(invalidField(child(path, 'group'), group, complaints.join()));
    else if (!group.includes('.'))
      errors.push(invalidField(child(path, 'group'), group, 'should be a domain with at least one dot'));
  }
  if (!scope) errors.push(requiredField(child(path, 'scope')));
  else if (scope !== 'Cluster' && scope !== 'Namespaced')
    errors.push(notSupportedField(child(path, 'scope'), scope, ['Cluster', 'Namespaced']));
  const form = internalForm(spec);
  const place = { spec, old, oldVersions: byName(old), asBeta, path };
  addErrors(errors, validateVersions(form, place));
  addErrors(errors, [...validateRequiredNames(names, child(path, 'names')), ...validateNames(names, child(path, 'names'))]);
  addErrors(errors, validateShared(form, place));
  const conversionAt = child(path, 'conversion');
  if (conversion && conversion.strategy !== 'None' && spec.preserveUnknownFields)
    errors.push(
      invalidField(child(conversionAt, 'strategy'), conversion.strategy, 'must be None if spec.preserveUnknownFields is true'),
    );
  const options = {
    anyCaBundle: allowsAnyBundle(old),
    anyReviewVersion: old !== undefined && !knowsReviewVersion(old.spec.conversion),
  };
  addErrors(errors, validateConversion(conversion, conversionAt, options));
  return errors;
}

function allowsAnyBundle(old: Definition | undefined): boolean {
  if (!old || !isCondition(old, 'Established')) return true;
  const bundle = old.spec.conversion?.webhook?.clientConfig?.caBundle;
  return bundle !== undefined && validateCaBundle('caBundle', bundle).length > 0;
}

function validateVersions({ shared, versions }: InternalForm, place: Place): FieldError[] {
  const { spec, old, asBeta, path } = place;
  const errors: FieldError[] = [];
  const schemas = old === undefined ? !asBeta : !asBeta && old.spec.versions.every((version) => version.schema?.openAPIV3Schema);
  if (!shared.schema?.openAPIV3Schema)
    versions.forEach(({ schema, served }, i) => {
      if (schema?.openAPIV3Schema || (!schemas && (!served || spec.preserveUnknownFields))) return;
      const at = child(index(child(path, 'versions'), i), 'schema', 'openAPIV3Schema');
      errors.push(requiredField(at, schemas ? '' : 'because otherwise all fields are pruned'));
    });
  if (spec.preserveUnknownFields && someVersionHas(spec, (schema) => schema.default !== undefined))
    errors.push(invalidField(child(path, 'preserveUnknownFields'), true, 'must be false in order to use defaults in the schema'));
  versions.forEach((version, i) => {
    const at = index(child(path, 'versions'), i);
    const complaints = checkDns1035Label(version.name);
    if (complaints.length) errors.push(invalidField(child(at, 'name'), version.name, complaints.join()));
    addErrors(errors, validateVersion(version, spec.versions[i]!, { ...place, path: at }));
  });
  const versionsAt = child(path, 'versions');
  if (new Set(versions.map(({ name }) => name)).size < versions.length)
    errors.push(invalidField(versionsAt, shownVersions(versions), 'must contain unique version names'));
  if (versions.filter(({ storage }) => storage).length !== 1)
    errors.push(
      invalidField(
        versionsAt,
        versions.length ? shownVersions(versions) : null,
        'must have exactly one version marked as storage version',
      ),
    );
  // The older form's single version is the first of them.
  const first = versions[0]?.name ?? '';
  const complaints = first === '' ? [] : checkDns1035Label(first);
  if (complaints.length) errors.push(invalidField(child(path, 'version'), first, complaints.join()));
  return errors;
}

interface Place {
  readonly spec: DefinitionSpec;
  readonly old: Definition | undefined;
  readonly oldVersions: ReadonlyMap<string, DefinitionVersion>;
  readonly asBeta: boolean;
  readonly path: string;
}

/** `whole` has what all versions share, too. */
function validateVersion(version: DefinitionVersion, whole: DefinitionVersion, place: Place): FieldError[] {
  const { path } = place;
  const errors = validateDeprecation(version, child(path, 'deprecationWarning'));
  const schema = version.schema?.openAPIV3Schema;
  const hasStatus = whole.subresources?.status !== undefined;
  if (schema)
    addErrors(
      errors,
      validateWholeSchema(schema, { ...place, path: child(path, 'schema') }, { hasStatus, versions: [version.name] }),
    );
  addErrors(errors, validateSubresources(version.subresources, child(path, 'subresources')));
  version.additionalPrinterColumns?.forEach((column, i) => {
    addErrors(errors, validateColumn(column, index(child(path, 'additionalPrinterColumns'), i)));
  });
  const fields = version.selectableFields;
  if (fields?.length) {
    const at = child(path, 'selectableFields');
    const known = whole.schema?.openAPIV3Schema;
    if (known) addErrors(errors, validateSelectableFields(fields, known, at, hadTooMany(place, version)));
    else errors.push(invalidField(at, '', 'may only be set when `version.schema.openAPIV3Schema` is not included'));
  }
  return errors;
}

const byName = (old: Definition | undefined) => new Map(old?.spec.versions.map((version) => [version.name, version]));

function hadTooMany({ oldVersions }: Place, { name, selectableFields }: DefinitionVersion): boolean {
  const before = oldVersions.get(name)?.selectableFields;
  return before !== undefined && equalJson(before, selectableFields);
}

function validateDeprecation({ deprecated, deprecationWarning }: DefinitionVersion, path: string): FieldError[] {
  if (deprecationWarning === undefined) return [];
  const refuse = (why: string) => invalidField(path, deprecationWarning, why);
  if (!deprecated) return [refuse('can only be set for deprecated versions')];
  const errors: FieldError[] = [];
  if (Buffer.byteLength(deprecationWarning) > 256) errors.push(refuse('must be <= 256 characters long'));
  if (deprecationWarning === '') errors.push(refuse('must not be an empty string'));
  const at = deprecationWarning.search(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u);
  if (at >= 0)
    errors.push(
      refuse(
        `must only contain printable UTF-8 characters; non-printable character found at index ${Buffer.byteLength(deprecationWarning.slice(0, at))}`,
      ),
    );
  return errors;
}

/** What is said once for all versions. */
function validateShared({ shared }: InternalForm, place: Place): FieldError[] {
  const { spec, path } = place;
  const errors: FieldError[] = [];
  const schema = shared.schema?.openAPIV3Schema;
  const hasStatus = spec.versions.some(({ subresources }) => subresources?.status !== undefined);
  const versions = spec.versions.map(({ name }) => name);
  if (schema)
    addErrors(errors, validateWholeSchema(schema, { ...place, path: child(path, 'validation') }, { hasStatus, versions }));
  addErrors(errors, validateSubresources(shared.subresources, child(path, 'subresources')));
  shared.columns?.forEach((column, i) => {
    addErrors(errors, validateColumn(column, index(child(path, 'additionalPrinterColumns'), i)));
  });
  if (shared.selectableFields?.length) {
    const at = child(path, 'selectableFields');
    if (schema)
      addErrors(errors, validateSelectableFields(shared.selectableFields, schema, at, hadTooMany(place, spec.versions[0]!)));
    else if (spec.versions.every((version) => !version.schema))
      errors.push(invalidField(at, '', 'may only be set when validations.schema is included'));
    else
      spec.versions.forEach((version) => {
        const own = version.schema?.openAPIV3Schema;
        if (own) addErrors(errors, validateSelectableFields(shared.selectableFields!, own, at, hadTooMany(place, version)));
      });
  }
  return errors;
}

/** Compiling as many takes some seconds. Ordinary patterns have tens to hundreds; a repeat counts as often as it may be. */
const LARGEST_PATTERNS = 500_000;

function sizeOfPatterns(schema: JsonSchema): number {
  let size = 0;
  someSchema(schema, ({ pattern }) => {
    if (pattern) size += patternSize(pattern);
    return size > LARGEST_PATTERNS;
  });
  return size;
}

/** Does what takes long about the schemas of a definition, with pauses, before it is checked or served. */
export function* prepareDefinition({ spec }: Definition): Steps<void> {
  for (const { schema } of spec.versions) {
    const root = schema?.openAPIV3Schema;
    if (root && !isTooDeep(root) && sizeOfPatterns(root) <= LARGEST_PATTERNS) yield* prepareSchema(root);
  }
}

interface SchemaUse {
  readonly hasStatus: boolean;
  /** Whose schema it is. */
  readonly versions: readonly string[];
}

/** A schema with everything that is asked of it. */
function validateWholeSchema(
  schema: JsonSchema,
  { spec, old, oldVersions, asBeta, path }: Place,
  { hasStatus, versions }: SchemaUse,
): FieldError[] {
  const at = child(path, 'openAPIV3Schema');
  if (isTooDeep(schema)) return [forbiddenField(at, `must not be nested more than ${DEEPEST_SCHEMA} levels deep`)];
  if (sizeOfPatterns(schema) > LARGEST_PATTERNS)
    return [forbiddenField(at, `must not have patterns that come to more than ${LARGEST_PATTERNS} instructions together`)];
  const errors = validateRoot(schema, at, hasStatus);
  const structural = !spec.preserveUnknownFields || someVersionHas(spec, usesExtensions) || (!asBeta && requiresStructure(old));
  let rules: ReturnType<typeof createRuleChecks> | undefined;
  // What says things that no structure has is told of those, and of nothing that it would lack as one.
  if (structural && !someSchema(schema, hasNoStructure)) {
    const broken = validateStructure(schema, at);
    const wrongDefaults = broken.length ? [] : validateDefaults(schema, at, checkDefault);
    addErrors(errors, [...broken, ...wrongDefaults]);
    if (!broken.length && !wrongDefaults.length) {
      const before = (name: string) => oldVersions.get(name)?.schema;
      const unchanged = old !== undefined && versions.some((name) => equalJson(before(name)?.openAPIV3Schema, schema));
      rules = createRuleChecks({ anyCost: unchanged });
    }
  }
  addErrors(errors, validateSchema(schema, at, rules));
  return errors;
}

const checkDefault = (value: unknown, schema: JsonSchema, path: string): FieldError[] => {
  const embedded = validateEmbeddedResources(value, schema, path);
  return embedded.length ? embedded : runAtOnce(validateRules({ value, schema, path }));
};

const hasNoStructure = (schema: JsonSchema): boolean =>
  !!schema.id ||
  !!schema.$schema ||
  !!schema.$ref ||
  schema.additionalItems !== undefined ||
  schema['x-kubernetes-preserve-unknown-fields'] === false ||
  Array.isArray(schema.items) ||
  ([schema.definitions, schema.dependencies, schema.patternProperties] as const).some(
    (map) => map !== undefined && Object.keys(map).length > 0,
  );

const usesExtensions = (schema: JsonSchema) =>
  schema.default !== undefined ||
  schema['x-kubernetes-embedded-resource'] === true ||
  schema['x-kubernetes-preserve-unknown-fields'] !== undefined ||
  schema['x-kubernetes-int-or-string'] === true ||
  schema['x-kubernetes-list-type'] !== undefined ||
  !!schema['x-kubernetes-list-map-keys']?.length ||
  !!schema['x-kubernetes-validations']?.length;

/** Unless the definition had schemas that are not structural before. */
function requiresStructure(old: Definition | undefined): boolean {
  if (!old) return true;
  return old.spec.versions.every(({ schema }) => {
    const before = schema?.openAPIV3Schema;
    return !before || isTooDeep(before) || validateStructure(before, '').length === 0;
  });
}

/** What is said of formats that mean nothing for their types, but for those that were there before (…/strategy.go WarningsOnCreate, WarningsOnUpdate). */
export function warnOfFormats({ spec }: Definition, old: Definition | undefined): string[] {
  const before = new Set(old ? unknownFormats(old.spec) : []);
  const found = unknownFormats(spec).filter((format) => !before.has(format));
  return [...new Set(found)].sort().map((format) => `unrecognized format ${goQuote(format)}`);
}

function unknownFormats({ versions }: DefinitionSpec): string[] {
  const unknown: string[] = [];
  for (const { schema } of versions)
    if (schema?.openAPIV3Schema)
      someSchema(schema.openAPIV3Schema, ({ format, type }) => {
        if (format && !isKnownFormat(format, type)) unknown.push(format);
        return false;
      });
  return unknown;
}

const someVersionHas = ({ versions }: DefinitionSpec, is: (schema: JsonSchema) => boolean): boolean =>
  versions.some(({ schema }) => schema?.openAPIV3Schema && someSchema(schema.openAPIV3Schema, is));

/** Whether a definition keeps to structural schemas, and if not, why. */
export function structuralProblems({ spec }: Definition): FieldError[] {
  const at = (i: number) => `spec.versions[${i}].schema.openAPIV3Schema`;
  return [
    ...(spec.preserveUnknownFields ? [invalidField('spec.preserveUnknownFields', true, 'must be false')] : []),
    ...spec.versions.flatMap(({ schema }, i) =>
      schema?.openAPIV3Schema ? validateStructure(schema.openAPIV3Schema, at(i)) : [],
    ),
  ];
}
