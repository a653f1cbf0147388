import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { type Descriptions, describeDeclaration, loadDescriptions } from './descriptions.ts';
import schemas from './schema.json' with { type: 'json' };

let descriptions: Descriptions;
before(async () => {
  descriptions = await loadDescriptions();
});

test('a class and its fields are described in the words of their comments, under the names that they have in JSON', () => {
  const text = `/**
 * Made by a generator
 */
import { V1B } from '../models/V1B.js';
/**
* A is the pod\\'s \\"first\\" type.
* And more.
*/
export declare class V1A {
    /**
    * One.
    */
    'one': string;
    'undescribed'?: V1B;
    /**
    * Two.
    */
    '_default'?: Array<string>;
    /**
    * Three.
    */
    'x_kubernetes_list_type'?: string;
}
`;
  assert.deepEqual(describeDeclaration(text), {
    '': 'A is the pod\'s "first" type.\nAnd more.',
    one: 'One.',
    default: 'Two.',
    'x-kubernetes-list-type': 'Three.',
  });
});

test('every kind that has a schema is described', () => {
  assert.match(descriptions['V1Pod']!['']!, /^Pod is a collection of containers/);
  assert.match(descriptions['V1PodList']!['items']!, /^List of pods\./);
  const silent = Object.keys(schemas).filter((name) => !descriptions[name]?.['']);
  assert.deepEqual(silent, []);
});

test('only fields that there are have descriptions', () => {
  const table: Readonly<Record<string, Readonly<Record<string, string>>>> = schemas;
  const unknown = Object.entries(descriptions).flatMap(([type, fields]) =>
    Object.keys(fields)
      .filter((field) => field !== '' && type in table && !(field in table[type]!))
      .map((field) => `${type}.${field}`),
  );
  assert.deepEqual(unknown, []);
});
