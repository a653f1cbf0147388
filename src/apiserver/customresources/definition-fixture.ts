/** What the tests of this folder share: definitions, and waiting for them. */
import assert from 'node:assert/strict';
import type { JsonSchema } from '../../api/apiextensions/schema/json-schema.ts';
import type { Definition, DefinitionVersion } from '../../api/apiextensions/v1/definition.ts';
import type { Answer, TestApi } from '../test-api.ts';

export const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** An object whose spec is of the schema. */
export const withSpec = (spec: JsonSchema): JsonSchema => ({ type: 'object', properties: { spec } });

export const ANYTHING: JsonSchema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

export interface DefinitionOptions {
  readonly schema?: JsonSchema;
  readonly versions?: readonly Partial<DefinitionVersion>[];
  readonly spec?: object;
  readonly plural?: string;
  readonly kind?: string;
  readonly group?: string;
}

/** Widgets of example.com, in one version unless said otherwise. */
export function widgets(options: DefinitionOptions = {}): Definition {
  const { plural = 'widgets', kind = 'Widget', group = 'example.com', schema = withSpec(ANYTHING) } = options;
  const whole = { served: true, storage: true, schema: { openAPIV3Schema: schema } };
  const versions = (options.versions ?? [{}]).map((version) => ({ name: 'v1', ...whole, ...version }));
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: { group, scope: 'Namespaced', names: { plural, kind }, versions, ...options.spec },
  };
}

/** Resolves with the definition when its status says so; looks again after each change. */
export async function untilCondition(api: TestApi, name: string, type: string, status = 'True'): Promise<Definition> {
  return untilDefinition(api, name, (definition) =>
    definition.status?.conditions?.some((each) => each.type === type && each.status === status),
  );
}

export async function untilDefinition(
  api: TestApi,
  name: string,
  is: (definition: Definition) => boolean | undefined,
): Promise<Definition> {
  const answer = await api.transport.request({
    method: 'GET',
    path: `${DEFINITIONS}?watch=1&fieldSelector=metadata.name%3D${name}&timeoutSeconds=20`,
    headers: {},
  });
  let text = '';
  for await (const chunk of answer.body) {
    text += Buffer.from(chunk).toString('utf8');
    const lines = text.split('\n');
    text = lines.pop()!;
    for (const line of lines) {
      const { object } = JSON.parse(line) as { object: Definition };
      if (is(object)) return object;
    }
  }
  throw new Error(`${name} never came to that`);
}

/** Resolves when there is no such definition any more. */
export async function untilGone(api: TestApi, name: string): Promise<void> {
  const answer = await api.transport.request({
    method: 'GET',
    path: `${DEFINITIONS}?watch=1&fieldSelector=metadata.name%3D${name}&timeoutSeconds=20`,
    headers: {},
  });
  const { status } = await api.call('GET', `${DEFINITIONS}/${name}`);
  if (status === 404) return;
  for await (const chunk of answer.body) if (Buffer.from(chunk).toString('utf8').includes('"DELETED"')) return;
  throw new Error(`${name} never went`);
}

/** Makes a definition and waits until it is served. */
export async function define(api: TestApi, definition: Definition): Promise<Definition> {
  const made = await api.call('POST', DEFINITIONS, definition);
  assert.equal(made.status, 201, made.text);
  return untilCondition(api, definition.metadata.name!, 'Established');
}

/** Where widgets of a version are. */
export const placeOf = (version = 'v1', { group = 'example.com', plural = 'widgets' } = {}) =>
  `/apis/${group}/${version}/namespaces/default/${plural}`;

export const widget = (name: string, more: Record<string, unknown> = {}, version = 'v1') => ({
  apiVersion: `example.com/${version}`,
  kind: 'Widget',
  metadata: { name, ...(more['metadata'] as object) },
  ...Object.fromEntries(Object.entries(more).filter(([key]) => key !== 'metadata')),
});

/** What is said to be wrong, field by field. */
export const causesOf = (answer: Answer<unknown>): string[] => {
  const { details } = answer.body as { details?: { causes?: { field: string; message: string }[] } };
  return (details?.causes ?? []).map(({ field, message }) => `${field}: ${message}`);
};
