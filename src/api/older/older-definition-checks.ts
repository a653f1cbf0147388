/** What apiextensions.k8s.io/v1beta1 asked of a definition beyond what is asked today. */
import type { JsonSchema } from '../apiextensions/schema/json-schema.ts';
import { equalJson } from '../machinery/clone.ts';
import { forbiddenField, invalidField } from '../machinery/field-error.ts';
import type { FieldError } from '../machinery/status-error.ts';

interface Parts {
  readonly schema?: { readonly openAPIV3Schema?: JsonSchema } | undefined;
  readonly subresources?: object | undefined;
  readonly additionalPrinterColumns?: readonly object[] | undefined;
}

export interface OldForm extends Parts {
  readonly version?: string | undefined;
  readonly validation?: Parts['schema'];
  readonly versions?: readonly (Parts & { readonly name: string })[] | undefined;
}

const PARTS = [
  ['schema', 'validation', 'schemas'],
  ['subresources', 'subresources', 'subresources'],
  ['additionalPrinterColumns', 'additionalPrinterColumns', 'additionalPrinterColumns'],
] as const;

const isThere = (part: unknown) => part !== undefined && part !== null && !(Array.isArray(part) && !part.length);

/** What is said once for all versions is not said of one, and what is the same in each is said once. */
export function checkOldForm(spec: OldForm): FieldError[] {
  const { version, versions = [] } = spec;
  const errors: FieldError[] = [];
  for (const [part, shared, words] of PARTS)
    if (isThere(spec[shared]) && versions.some((each) => isThere(each[part])))
      errors.push(forbiddenField(`spec.${shared}`, `top-level and per-version ${words} are mutually exclusive`));
  for (const [part, shared, words] of PARTS)
    if (versions.length && versions.every((each) => isThere(each[part]) && equalJson(each[part], versions[0]![part])))
      errors.push(
        invalidField(
          'spec.versions',
          versions,
          `per-version ${words} may not all be set to identical values (top-level ${shared} should be used instead)`,
        ),
      );
  if (version && versions.length && versions[0]!.name !== version)
    errors.push(invalidField('spec.version', version, 'must match the first version in spec.versions'));
  return errors;
}

const NO_DEFAULTS =
  'must not be set (cannot set default values in apiextensions.k8s.io/v1beta1 CRDs, must use apiextensions.k8s.io/v1)';

/** Defaults were new in v1: each one is refused. */
export function checkNoDefaults({ validation, versions = [] }: OldForm): FieldError[] {
  const errors: FieldError[] = [];
  const waiting: [JsonSchema, string][] = [];
  const add = (schema: JsonSchema | readonly JsonSchema[] | boolean | undefined, path: string) => {
    if (schema && typeof schema === 'object' && !Array.isArray(schema)) waiting.push([schema as JsonSchema, path]);
  };
  add(validation?.openAPIV3Schema, 'spec.validation.openAPIV3Schema');
  for (const [i, { schema }] of versions.entries()) add(schema?.openAPIV3Schema, `spec.versions[${i}].schema.openAPIV3Schema`);
  // One by one: how deep they may be nested is checked elsewhere.
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [schema, path] = next;
    if (schema.default !== undefined) errors.push(forbiddenField(`${path}.default`, NO_DEFAULTS));
    for (const [name, property] of Object.entries(schema.properties ?? {})) add(property, `${path}.properties[${name}]`);
    add(schema.items, `${path}.items`);
    add(schema.additionalProperties, `${path}.additionalProperties`);
  }
  return errors;
}
