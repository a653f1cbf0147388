/** Namespaces' annotations that list tolerations, read as Go's encoding/json reads them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTolerations } from './annotated-tolerations.ts';

test('fields are found whatever their case, null is nothing, and what no toleration has is left out', () => {
  for (const [text, expected] of [
    ['', []],
    ['null', []],
    ['[]', []],
    ['[null]', [{}]],
    ['[{"Key":"a","OPERATOR":"Exists","more":[1]}]', [{ key: 'a', operator: 'Exists' }]],
    ['[{"key":"a","KEY":"b"}]', [{ key: 'b' }]],
    ['[{"key":"a","KEY":null,"effect":""}]', [{ key: 'a' }]],
    ['[{"tolerationSeconds":5},{"tolerationSeconds":null}]', [{ tolerationSeconds: 5 }, {}]],
    ['[{"tolerationSeconds":9007199254740993}]', [{ tolerationSeconds: 9007199254740993n }]],
  ] as const)
    assert.deepEqual(parseTolerations(text), expected, text);
});

test('what is no list of tolerations is refused in Go’s words', () => {
  for (const [text, why] of [
    ['{}', 'json: cannot unmarshal object into Go value of type []v1.Toleration'],
    ['5', 'json: cannot unmarshal number into Go value of type []v1.Toleration'],
    ['["a"]', 'json: cannot unmarshal string into Go value of type v1.Toleration'],
    ['[[]]', 'json: cannot unmarshal array into Go value of type v1.Toleration'],
    ['[{"key":5}]', 'json: cannot unmarshal number into Go struct field Toleration.key of type string'],
    ['[{"Effect":true}]', 'json: cannot unmarshal bool into Go struct field Toleration.effect of type v1.TaintEffect'],
    ['[{"operator":{}}]', 'json: cannot unmarshal object into Go struct field Toleration.operator of type v1.TolerationOperator'],
    [
      '[{"tolerationSeconds":"5"}]',
      'json: cannot unmarshal string into Go struct field Toleration.tolerationSeconds of type int64',
    ],
    [
      '[{"tolerationSeconds":1.5}]',
      'json: cannot unmarshal number 1.5 into Go struct field Toleration.tolerationSeconds of type int64',
    ],
    ['[', 'unexpected end of JSON input'],
    ['x', "invalid character 'x' looking for beginning of value"],
    ['[{}] x', "invalid character 'x' after top-level value"],
  ] as const)
    assert.throws(() => parseTolerations(text), { code: 500, message: why }, text);
});
