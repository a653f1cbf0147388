import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resizeMessage } from './resize-message.ts';

test('an event of a resize tells the resources of all that can be resized, and what went wrong', () => {
  const pod = {
    metadata: { generation: 3 },
    spec: {
      initContainers: [
        { name: 'once', resources: { requests: { cpu: '1' } } },
        { name: 'side', restartPolicy: 'Always' },
      ],
      containers: [{ name: 'c', resources: { requests: { memory: '1Gi', cpu: '1' }, limits: { cpu: '2' } } }],
    },
  };
  const resources = '"resources":{"limits":{"cpu":"2"},"requests":{"cpu":"1","memory":"1Gi"}}';
  const what = `{"initContainers":[{"name":"side","resources":{}}],"containers":[{"name":"c",${resources}}],"generation":3`;
  assert.equal(resizeMessage('completed', pod), `Pod resize completed: ${what}}`);
  assert.equal(resizeMessage('Deferred', pod, 'no "room"'), `Pod resize Deferred: ${what},"error":"no \\"room\\""}`);
  const whole = { spec: { resources: { limits: { cpu: '4' } }, containers: [{ name: 'c' }] } };
  assert.equal(
    resizeMessage('started', whole),
    'Pod resize started: {"resources":{"limits":{"cpu":"4"}},"containers":[{"name":"c","resources":{}}],"generation":0}',
  );
});
