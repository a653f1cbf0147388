import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeDifference } from './spec-difference.ts';

test('what differs is shown as lines of the form that upstream has inside, with three around them', () => {
  const spec = (resources: object) => ({ accessModes: ['ReadWriteOnce'], resources, volumeName: 'a<b' });
  const text = describeDifference('PersistentVolumeClaimSpec', spec({ requests: { storage: '1Gi' } }), {
    ...spec({ requests: { storage: '2Gi' } }),
    volumeName: 'c',
  });
  assert.equal(
    text,
    [
      '@@ -6,10 +6,10 @@',
      '  "Resources": {',
      '   "Limits": null,',
      '   "Requests": {',
      '-   "storage": "1Gi"',
      '+   "storage": "2Gi"',
      '   }',
      '  },',
      '- "VolumeName": "a\\u003cb",',
      '+ "VolumeName": "c",',
      '  "StorageClassName": null,',
      '  "VolumeMode": null,',
      '  "DataSource": null,',
      '',
    ].join('\n'),
  );
});

test('changes that are far from each other are shown apart, and what is added at the end has its place', () => {
  const text = describeDifference(
    'PodSpec',
    { containers: [{ name: 'c', image: 'i' }], hostNetwork: true },
    { containers: [{ name: 'c', image: 'i', stdin: true }], hostNetwork: true, tolerations: [{ key: 'k' }] },
  );
  assert.deepEqual(
    text.split('\n').filter((line) => /^[-+@]/.test(line)),
    [
      '@@ -29,7 +29,7 @@',
      '-   "Stdin": false,',
      '+   "Stdin": true,',
      '@@ -69,7 +69,15 @@',
      '- "Tolerations": null,',
      '+ "Tolerations": [',
      '+  {',
      '+   "Key": "k",',
      '+   "Operator": "",',
      '+   "Value": "",',
      '+   "Effect": "",',
      '+   "TolerationSeconds": null',
      '+  }',
      '+ ],',
    ],
  );
});

test('what is the same is not shown, and what is far too long is not compared', () => {
  const long = { nodeSelector: { a: 'x'.repeat(200_000) } };
  assert.equal(describeDifference('PodSpec', { hostname: 'a' }, { hostname: 'a' }), '');
  assert.equal(describeDifference('PodSpec', {}, long), '(what differs is too long to be shown)\n');
});
