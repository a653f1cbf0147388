import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonSchema } from '../schema/json-schema.ts';
import type { Definition, DefinitionVersion } from './definition.ts';
import { setDefinitionDefaults } from './definition-defaults.ts';
import { validateDefinition, warnOfFormats } from './definition-validation.ts';

const OPEN: JsonSchema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

function define(
  change: { schema?: JsonSchema; version?: object; spec?: object; versions?: object[]; status?: object; metadata?: object } = {},
): Definition {
  const whole = { served: true, storage: true, schema: { openAPIV3Schema: change.schema ?? OPEN } };
  const versions = (change.versions ?? [change.version ?? {}]).map((version) => ({
    name: 'v1',
    ...whole,
    ...version,
  })) as DefinitionVersion[];
  const definition = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'widgets.example.com', ...change.metadata },
    spec: { group: 'example.com', scope: 'Namespaced', names: { plural: 'widgets', kind: 'Widget' }, versions, ...change.spec },
    status: { storedVersions: versions.filter(({ storage }) => storage).map(({ name }) => name), ...change.status },
  };
  setDefinitionDefaults(definition as never);
  return definition as unknown as Definition;
}

const complaints = (definition: Definition, old?: Definition) =>
  validateDefinition(definition, old).map(({ field, message }) => `${field}: ${message}`);
const ofSchema = (schema: JsonSchema) =>
  complaints(define({ schema })).map((text) => text.replace('spec.validation.openAPIV3Schema', '$'));
const ofProperty = (schema: JsonSchema) =>
  ofSchema({ type: 'object', properties: { a: schema } }).map((text) => text.replace('$.properties[a]', '@'));

test('a definition with nothing wrong is let through', () => {
  assert.deepEqual(complaints(define()), []);
});

test('a schema with what no structure has is told of that alone', () => {
  assert.deepEqual(ofProperty({ type: 'array', items: { $ref: '#/x' } }), ['@.items.$ref: Forbidden: $ref is not supported']);
  assert.deepEqual(ofProperty({ patternProperties: { a: { type: 'string' } } }), [
    '@.patternProperties: Forbidden: patternProperties is not supported',
  ]);
  assert.deepEqual(ofProperty({ 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': false }), [
    '@.x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined',
  ]);
});

test('formats that mean nothing are warned of once, unless they were there before', () => {
  const schema: JsonSchema = {
    type: 'object',
    properties: {
      a: { type: 'string', format: 'int32' },
      b: { type: 'integer', format: 'int32' },
      c: { type: 'object', format: 'uri' },
    },
  };
  const definition = define({ schema });
  assert.deepEqual(warnOfFormats(definition, undefined), ['unrecognized format "int32"', 'unrecognized format "uri"']);
  assert.deepEqual(warnOfFormats(definition, definition), []);
});

test('schemas and versions are shown as Go shows its structures', () => {
  const [root] = complaints(define({ schema: { type: 'object', maxProperties: 1 }, version: { subresources: { status: {} } } }));
  assert.match(root!, /^spec\.validation\.openAPIV3Schema: Invalid value: \{"ID":"","Schema":"","Ref":null,.*"MaxProperties":1,/);
  const [versions] = complaints(define({ version: { storage: false }, status: { storedVersions: ['v1'] } }));
  assert.match(versions!, /^spec\.versions: Invalid value: \[\{"Name":"v1","Served":true,"Storage":false,/);
});

test('names, group, scope and versions are checked', () => {
  assert.deepEqual(complaints(define({ metadata: { name: 'else' } })), [
    'metadata.name: Invalid value: "else": must be spec.names.plural+"."+spec.group',
  ]);
  assert.deepEqual(complaints(define({ spec: { group: 'example' }, metadata: { name: 'widgets.example' } })), [
    'spec.group: Invalid value: "example": should be a domain with at least one dot',
  ]);
  assert.deepEqual(complaints(define({ spec: { scope: 'Galaxy' } })), [
    'spec.scope: Unsupported value: "Galaxy": supported values: "Cluster", "Namespaced"',
  ]);
  assert.deepEqual(complaints(define({ spec: { names: { plural: 'widgets', kind: 'Widget', listKind: 'Widget' } } })), [
    'spec.names.listKind: Invalid value: "Widget": kind and listKind may not be the same',
  ]);
  const none = complaints(define({ version: { storage: false }, status: { storedVersions: ['v1'] } }));
  assert.match(none.join(), /spec\.versions: Invalid value: .*: must have exactly one version marked as storage version/);
  const twice = complaints(define({ versions: [{}, { storage: false }] }));
  assert.match(twice.join(), /spec\.versions: Invalid value: .*: must contain unique version names/);
  assert.deepEqual(
    complaints(define({ version: { name: 'V1' } })).map((text) => text.split(': ', 2).join(': ')),
    ['spec.versions[0].name: Invalid value', 'spec.version: Invalid value'],
  );
  assert.deepEqual(complaints(define({ version: { schema: undefined } })), [
    'spec.versions[0].schema.openAPIV3Schema: Required value',
  ]);
  assert.deepEqual(complaints(define({ version: { deprecationWarning: 'x' } })), [
    'spec.versions[0].deprecationWarning: Invalid value: "x": can only be set for deprecated versions',
  ]);
  const warned = (bytes: number) => complaints(define({ version: { deprecated: true, deprecationWarning: 'x'.repeat(bytes) } }));
  assert.deepEqual(warned(256), []);
  assert.match(warned(257).join(), /deprecationWarning: Invalid value: .*must be <= 256 characters long$/);
});

test('what several versions say alike is told once at the top, what they say differently at its version', () => {
  const broken = { openAPIV3Schema: { type: 'string' } };
  const told = complaints(
    define({ versions: [{ schema: broken }, { name: 'v2', storage: false, schema: { openAPIV3Schema: OPEN } }] }),
  );
  assert.deepEqual(told, ['spec.versions[0].schema.openAPIV3Schema.type: Invalid value: "string": must be object at the root']);
  const both = complaints(define({ versions: [{ schema: broken }, { name: 'v2', storage: false, schema: broken }] }));
  assert.deepEqual(both, ['spec.validation.openAPIV3Schema.type: Invalid value: "string": must be object at the root']);
});

test('schemas must be structural', () => {
  assert.deepEqual(ofSchema({ properties: {} } as JsonSchema), ['$.type: Required value: must not be empty at the root']);
  assert.deepEqual(ofProperty({}), ['@.type: Required value: must not be empty for specified object fields']);
  assert.deepEqual(ofProperty({ type: 'array' }), ['@.items: Required value: must be specified']);
  assert.deepEqual(ofProperty({ type: 'array', items: {} }), [
    '@.items.type: Required value: must not be empty for specified array items',
  ]);
  assert.deepEqual(ofProperty({ type: 'object', anyOf: [{ type: 'object', description: 'd' }] }), [
    '@.anyOf[0].description: Forbidden: must be empty to be structural',
    '@.anyOf[0].type: Forbidden: must be empty to be structural',
  ]);
  const incomplete: JsonSchema = {
    type: 'object',
    properties: { b: { type: 'string' } },
    allOf: [{ properties: { c: { minLength: 1 } } }],
  };
  assert.deepEqual(ofSchema(incomplete), [
    '$.properties[c]: Required value: because it is defined in spec.validation.openAPIV3Schema.allOf[0].properties[c]',
  ]);
  assert.deepEqual(ofProperty(incomplete), []);
  assert.deepEqual(ofProperty({ 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] }), []);
  assert.deepEqual(ofProperty({ type: 'object', anyOf: [{ additionalProperties: true }, { additionalProperties: false }] }), [
    '@.anyOf[0].additionalProperties: Forbidden: must be undefined to be structural',
  ]);
  assert.deepEqual(
    ofSchema({ type: 'object', properties: { metadata: { type: 'object', properties: { labels: { type: 'object' } } } } }),
    [
      '$.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified',
    ],
  );
  assert.deepEqual(ofProperty({ type: 'string', pattern: '(' }), [
    '@.pattern: Invalid value: "(": must be a valid regular expression, but isn\'t: error parsing regexp: missing closing ): `(`',
  ]);
  assert.deepEqual(ofProperty({ 'x-kubernetes-embedded-resource': true, type: 'object' }), [
    '@.properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields',
  ]);
});

test('keywords that are not supported, or contradict each other, are refused', () => {
  assert.deepEqual(ofProperty({ type: 'strin' }), [
    '@.type: Unsupported value: "strin": supported values: "array", "boolean", "integer", "number", "object", "string"',
  ]);
  assert.deepEqual(ofProperty({ type: 'object', $ref: '#/x' }), ['@.$ref: Forbidden: $ref is not supported']);
  assert.match(
    ofProperty({ type: 'array', items: { type: 'string' }, uniqueItems: true }).join(),
    /uniqueItems cannot be set to true/,
  );
  assert.deepEqual(
    ofProperty({ type: 'object', properties: { b: { type: 'string' } }, additionalProperties: { type: 'string' } }),
    ['@.additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive'],
  );
  assert.deepEqual(ofProperty({ type: 'object', 'x-kubernetes-preserve-unknown-fields': false }), [
    '@.x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined',
  ]);
  assert.deepEqual(ofProperty({ type: 'string', 'x-kubernetes-list-type': 'set' }), [
    '@.type: Invalid value: "string": must be array if x-kubernetes-list-type is specified',
  ]);
  const items: JsonSchema = { type: 'object', properties: { k: { type: 'string' } } };
  assert.deepEqual(ofProperty({ type: 'array', items, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'] }), [
    '@.items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property',
  ]);
  assert.deepEqual(ofProperty({ type: 'array', items, 'x-kubernetes-list-type': 'set' }), [
    '@.items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with x-kubernetes-list-type=set',
  ]);
});

test('defaults must be values of their schemas with nothing in them that would be dropped', () => {
  assert.deepEqual(ofProperty({ type: 'string', default: 1 }), [
    '@.default: Invalid value: "integer":  in body must be of type string: "integer"',
  ]);
  assert.deepEqual(ofProperty({ type: 'object', properties: { b: { type: 'string' } }, default: { c: 1 } }), [
    '@.default: Invalid value: {"c":1}: must not have unknown fields',
  ]);
  assert.deepEqual(ofSchema({ type: 'object', properties: { kind: { type: 'string', default: 'x' } } }), [
    '$.properties[kind].default: Forbidden: must not be set in top-level kind',
  ]);
});

test('defaults of the type and the metadata of an embedded resource must make metadata', () => {
  const embedded = (properties: JsonSchema['properties']): JsonSchema => ({
    type: 'object',
    'x-kubernetes-embedded-resource': true,
    ...(properties && { properties }),
  });
  const metadata = (properties: JsonSchema['properties'], more: JsonSchema = {}) =>
    ofProperty(embedded({ metadata: { type: 'object', ...(properties && { properties }), ...more } }));
  assert.deepEqual(metadata({ name: { type: 'string', default: 'a' }, unknown: { type: 'string', default: 'b' } }), []);
  assert.deepEqual(metadata({ name: { type: 'string', default: '..' } }), [
    `@.properties[metadata].properties[name].default: Invalid value: "..": must result in valid metadata: metadata.name: Invalid value: "..": may not be '..'`,
  ]);
  assert.deepEqual(metadata({ name: { type: 'integer', default: 1 } }), [
    '@.properties[metadata].properties[name].default: Invalid value: 1: must result in valid metadata: metadata: Invalid value: {"name":1}: json: cannot unmarshal number into Go struct field ObjectMeta.name of type string',
  ]);
  assert.match(
    metadata({ finalizers: { type: 'array', items: { type: 'string', default: '-' } } }).join(),
    /properties\[finalizers\]\.items\.default: Invalid value: "-": must result in valid metadata: \[metadata\.finalizers: Invalid value: "-"/,
  );
  assert.deepEqual(ofProperty(embedded({ apiVersion: { type: 'string', default: 'a/b/c' } })), [
    '@.properties[apiVersion].default: Invalid value: "a/b/c": must result in valid metadata: apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c',
  ]);
});

test('columns, subresources, selectable fields and conversions are checked', () => {
  assert.deepEqual(
    complaints(define({ version: { additionalPrinterColumns: [{ name: '', type: 'text', jsonPath: 'spec' }] } })),
    [
      'spec.additionalPrinterColumns[0].name: Required value',
      'spec.additionalPrinterColumns[0].type: Invalid value: "text": must be one of boolean,date,integer,number,string',
      'spec.additionalPrinterColumns[0].JSONPath: Invalid value: "spec": must be a simple json path starting with .',
    ],
  );
  assert.deepEqual(
    complaints(define({ version: { subresources: { scale: { specReplicasPath: '.status.a', statusReplicasPath: '' } } } })),
    [
      'spec.subresources.scale.specReplicasPath: Invalid value: ".status.a": should be a json path under .spec',
      'spec.subresources.scale.statusReplicasPath: Required value',
    ],
  );
  const schema: JsonSchema = {
    type: 'object',
    properties: { a: { type: 'string' }, b: { type: 'array', items: { type: 'string' } } },
  };
  const selectable = (...paths: string[]) =>
    complaints(
      define({
        schema,
        version: { schema: { openAPIV3Schema: schema }, selectableFields: paths.map((jsonPath) => ({ jsonPath })) },
      }),
    );
  assert.deepEqual(selectable('.a'), []);
  assert.match(selectable('.a', '.a').join(), /spec\.selectableFields\[1\]\.jsonPath: Duplicate value: "\.a"/);
  assert.match(selectable('.b').join(), /must point to a field of type string, boolean or integer/);
  assert.match(selectable('.c').join(), /is an invalid path: does not refer to a valid field/);
  assert.deepEqual(complaints(define({ spec: { conversion: { strategy: 'Webhook' } } })), [
    'spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook',
    'spec.conversion.conversionReviewVersions: Required value',
  ]);
  const webhook = { clientConfig: { url: 'http://x' }, conversionReviewVersions: ['v3'] };
  assert.deepEqual(complaints(define({ spec: { conversion: { strategy: 'Webhook', webhook } } })), [
    'spec.conversion.webhookClientConfig.url: Invalid value: "http": \'https\' is the only allowed URL scheme; desired format: https://host[/path]',
    'spec.conversion.conversionReviewVersions: Invalid value: ["v3"]: must include at least one of v1, v1beta1',
  ]);
});

test('where the status is a subresource the root says no more than it can tell apart', () => {
  const schema: JsonSchema = { type: 'object', properties: { status: OPEN }, anyOf: [{ required: ['status'] }] };
  const [told] = complaints(define({ version: { schema: { openAPIV3Schema: schema }, subresources: { status: {} } } }));
  assert.match(
    told!,
    /^spec\.validation\.openAPIV3Schema: Invalid value: .*: only \[Description Type Format .* XValidations\] fields are allowed at the root/,
  );
});

test('a schema nested without end is refused, not followed', () => {
  let schema: JsonSchema = { type: 'string' };
  for (let depth = 0; depth < 5_000; depth++) schema = { type: 'object', properties: { a: schema } };
  assert.deepEqual(ofSchema(schema), ['$: Forbidden: must not be nested more than 200 levels deep']);
});

test('an empty type of list may not stand inside a combination either', () => {
  assert.ok(
    ofProperty({ type: 'object', oneOf: [{ 'x-kubernetes-list-type': '' }] }).includes(
      '@.oneOf[0].x-kubernetes-list-type: Forbidden: must be undefined to be structural',
    ),
  );
});

test('rules that cost too much together are told with the dear ones among them, whatever else is wrong', () => {
  const rules = (rule: string) => ({ 'x-kubernetes-validations': [{ rule }] });
  const texts: JsonSchema = { type: 'array', items: { type: 'string' }, ...rules("self.all(x, x.contains('a'))") };
  const cheap: JsonSchema = { type: 'integer', ...rules('self > 0') };
  const properties = { texts, cheap, flag: { type: 'boolean', 'x-kubernetes-map-type': 'atomic' } };
  const told = ofProperty({ type: 'object', properties });
  const dear = '@.properties[texts].x-kubernetes-validations[0].rule';
  assert.deepEqual(
    told.map((text) => text.replace(/ \(try.*/, '')),
    [
      '@.properties[flag].type: Invalid value: "boolean": must be object if x-kubernetes-map-type is specified',
      `${dear}: Forbidden: estimated rule cost exceeds budget by factor of more than 100x`,
      `${dear}: Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema`,
      '$: Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor of more than 100x',
    ],
  );
});
