import assert from 'node:assert/strict';
import { test } from 'node:test';
import { revisionData, templateIn } from './revisions.ts';

test('a template is kept with its keys in order, as kubectl writes it to compare', () => {
  const template = {
    spec: { restartPolicy: 'Always', containers: [{ name: 'c', image: 'i', env: [{ value: '1', name: 'B' }] }] },
    metadata: { labels: { b: '2', a: '1' } },
  };
  const data = revisionData(template);
  assert.equal(
    JSON.stringify(data),
    '{"spec":{"template":{"$patch":"replace","metadata":{"labels":{"a":"1","b":"2"}},"spec":{"containers":[{"env":[{"name":"B","value":"1"}],"image":"i","name":"c"}],"restartPolicy":"Always"}}}}',
  );
  assert.deepEqual(templateIn({ data, revision: 1 }), template);
});
