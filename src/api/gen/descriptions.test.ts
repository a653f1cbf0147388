import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import {
  definitionKey,
  describeDeclaration,
  describeInterface,
  describeParameters,
  type FieldNotes,
  loadFieldNotes,
} from './descriptions.ts';
import schemas from './schema.json' with { type: 'json' };

let notes: FieldNotes;
let descriptions: FieldNotes['descriptions'];
before(async () => {
  notes = await loadFieldNotes();
  descriptions = notes.descriptions;
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

test('an interface and its fields are described by its definition, with the values that a field may have', () => {
  const text = `import { IIoK8sApiCoreV1B } from "./B.js";
/**
 * A is first.
 */
export interface IA {
    "apiVersion": "v1";
    /**
     * Refers to another.
     *
     * Second part.
     */
    "b"?: IIoK8sApiCoreV1B;
    "map"?: {
        [key: string]: string;
    };
    /**
     * One of two.
     */
    "policy"?: "Always" | "Never";
    "policies": Array<"x" | "y">;
}
/**
 * A is not this.
 */
export declare class A {
    "b": IA["b"];
}
export type { IA as IIoK8sApiCoreV1A, A as IoK8sApiCoreV1A };
`;
  assert.deepEqual(describeInterface(text), {
    key: 'IoK8sApiCoreV1A',
    descriptions: { '': 'A is first.', b: 'Refers to another.\n\nSecond part.', policy: 'One of two.' },
    choices: { policy: ['Always', 'Never'], policies: ['x', 'y'] },
  });
});

test('fields that refer to other types are described, and choices are known', () => {
  const pod = definitionKey('io.k8s.api.core.v1.Pod');
  assert.match(descriptions[pod]!['spec']!, /^Specification of the desired behavior of the pod/);
  assert.deepEqual(notes.choices[`${pod}Spec`]!['restartPolicy'], ['Always', 'Never', 'OnFailure']);
});

test('parameters are described once each, in plain text, under the names that they have in a query', () => {
  const text = `    /**
     * @param _continue Go on. Must &#x60;be&#x60; what was \\&quot;given\\&quot;.
     * @param limit How many.
     */
    list(): void;
    /**
     * @param limit How many, again.
     */`;
  assert.deepEqual(describeParameters(text), { continue: 'Go on. Must `be` what was "given".', limit: 'How many.' });
  assert.match(notes.parameters?.['watch'] ?? '', /^Watch for changes to the described resources/);
  assert.match(notes.parameters?.['fieldSelector'] ?? '', /list of returned objects by their fields/);
});
