import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { KubeList } from '../../api/machinery/object.ts';
import { parseYamlText } from '../request/parse-yaml.ts';
import { configMap, startTestApi, type TestApi } from '../test-api.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
const OBJECTS = 150;

let api: TestApi;
before(async () => {
  api = await startTestApi();
  const data = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`key-${i}`, 'v'.repeat(20)]));
  for (let i = 0; i < OBJECTS; i++) await api.call('POST', MAPS, configMap(`m${i}`, data));
});
after(() => api.stop());

/** The answer, and how many turns others had in the meantime. */
async function ask(path: string, accept: string) {
  let turns = 0;
  let asking = true;
  const turn = () => {
    if (!asking) return;
    turns++;
    setImmediate(turn);
  };
  setImmediate(turn);
  const answer = await api.call<KubeList>('GET', path, undefined, { accept });
  asking = false;
  assert.equal(answer.status, 200);
  return { text: answer.text, turns };
}

test('a long list is put together in turns, whatever it is sent as', async () => {
  const plain = await ask(MAPS, 'application/json');
  const list = JSON.parse(plain.text) as KubeList;
  assert.equal(list.items.length, OBJECTS);

  const yaml = await ask(MAPS, 'application/yaml');
  const { items } = parseYamlText(yaml.text).value as KubeList;
  assert.deepEqual(items, list.items);
  const pretty = await ask(`${MAPS}?pretty=true`, 'application/json');
  // The server may have written something else since.
  const { metadata } = JSON.parse(pretty.text) as KubeList;
  assert.ok(pretty.text === JSON.stringify({ ...list, metadata }, undefined, 2));
  const tables = await ask(`${MAPS}?includeObject=Object`, 'application/json;as=Table;v=v1;g=meta.k8s.io');
  const { rows } = JSON.parse(tables.text) as { rows: { object: { metadata: object } }[] };
  assert.deepEqual(
    rows.map(({ object }) => object.metadata),
    list.items.map(({ metadata }) => metadata),
  );
  const protobuf = await ask(MAPS, 'application/vnd.kubernetes.protobuf');
  for (const [form, { turns }] of Object.entries({ yaml, pretty, protobuf }))
    assert.ok(turns - plain.turns >= 4, `${form}: ${turns} turns beside ${plain.turns}`);
});
