/** Volumes of pods. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { specimensOf } from '../../test-specimens.ts';
import { podKind } from './pod.ts';

const { complaints } = specimensOf(podKind);
const c = { name: 'c', image: 'i' };
const volume = (source: object) => complaints({ spec: { containers: [c], volumes: [{ name: 'v', ...source }] } });

test('a volume has one source, which is whole', () => {
  const cases: [string, object, ...string[]][] = [
    ['no source', {}],
    [
      'two sources',
      { emptyDir: {}, hostPath: { path: '/x' } },
      'spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type',
    ],
    [
      'an empty directory below nothing',
      { emptyDir: { sizeLimit: '-1' } },
      'spec.volumes[0].emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity',
    ],
    ['huge pages of no size', { emptyDir: { medium: 'HugePages-x' } }],
    [
      'a host path with dots',
      { hostPath: { path: '/a/../b' } },
      'spec.volumes[0].hostPath.path: Invalid value: "/a/../b": must not contain \'..\'',
    ],
    [
      'a host path of an unknown type',
      { hostPath: { path: '/a', type: 'Pipe' } },
      'spec.volumes[0].hostPath.type: Unsupported value: "Pipe": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"',
    ],
    ['a secret without a name', { secret: {} }, 'spec.volumes[0].secret.secretName: Required value'],
    [
      'a secret with a bad mode',
      { secret: { secretName: 's', defaultMode: 512 } },
      'spec.volumes[0].secret.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive',
    ],
    [
      'a key to nowhere',
      {
        configMap: {
          name: 'm',
          items: [
            { key: 'k', path: '' },
            { key: '', path: 'p' },
            { key: 'k', path: '/abs' },
          ],
        },
      },
      'spec.volumes[0].configMap.items[0].path: Required value',
      'spec.volumes[0].configMap.items[1].key: Required value',
      'spec.volumes[0].configMap.items[2].path: Invalid value: "/abs": must be a relative path',
    ],
    [
      'a claim without a name',
      { persistentVolumeClaim: { claimName: '' } },
      'spec.volumes[0].persistentVolumeClaim.claimName: Required value',
    ],
    [
      'downward files of unknown fields',
      { downwardAPI: { items: [{ path: 'a', fieldRef: { fieldPath: 'status.hostIP' } }, { path: 'b' }] } },
      'spec.volumes[0].downwardAPI.fieldRef.fieldPath: Unsupported value: "status.hostIP": supported values: "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"',
      'spec.volumes[0].downwardAPI: Required value: one of fieldRef and resourceFieldRef is required',
    ],
    [
      'a server without a name',
      { nfs: { server: '', path: 'relative' } },
      'spec.volumes[0].nfs.server: Required value',
      'spec.volumes[0].nfs.path: Invalid value: "relative": must be an absolute path',
    ],
    [
      'a target that is not qualified',
      { iscsi: { targetPortal: '', iqn: 'x', lun: 300 } },
      'spec.volumes[0].iscsi.targetPortal: Required value',
      'spec.volumes[0].iscsi.iqn: Invalid value: "x": must be valid format starting with iqn, eui, or naa',
      'spec.volumes[0].iscsi.lun: Invalid value: 300: must be between 0 and 255, inclusive',
    ],
    [
      'a repository up the tree',
      { gitRepo: { repository: 'r', directory: '../up' } },
      'spec.volumes[0].gitRepo.directory: Invalid value: "../up": must not contain \'..\'',
    ],
    [
      'a driver without a name',
      { csi: { driver: '' } },
      'spec.volumes[0].csi.driver: Required value',
      "spec.volumes[0].csi.driver: Invalid value: \"\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
    [
      'an image without a reference',
      { image: { pullPolicy: 'Sometimes' } },
      'spec.volumes[0].image.reference: Required value',
      'spec.volumes[0].image.pullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"',
    ],
    [
      'a claim of its own, without a size',
      { ephemeral: { volumeClaimTemplate: { spec: { accessModes: ['ReadWriteOnce'] } } } },
      'spec.volumes[0].ephemeral.volumeClaimTemplate.spec.resources[storage]: Required value',
    ],
    [
      'a claim of its own, without a template',
      { ephemeral: {} },
      'spec.volumes[0].ephemeral.volumeClaimTemplate: Required value',
    ],
    ['projections of nothing', { projected: { sources: [{}] } }],
    [
      'projections to one place',
      {
        projected: {
          sources: [
            { secret: { name: 's', items: [{ key: 'k', path: 'p' }] } },
            { configMap: { name: 'm', items: [{ key: 'k', path: 'p' }] } },
          ],
        },
      },
      'spec.volumes[0].projected: Invalid value: "m": conflicting duplicate paths',
    ],
    [
      'a token that is too short',
      { projected: { sources: [{ serviceAccountToken: { path: 't', expirationSeconds: 5 } }] } },
      'spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes',
      'spec.volumes[0].projected.sources[0].serviceAccountToken: Forbidden: must not be specified when serviceAccountName is not set',
    ],
  ];
  for (const [what, given, ...expected] of cases) assert.deepEqual(volume(given), expected, what);
});

test('volumes have names of their own', () => {
  const cases: [string, object, ...string[]][] = [
    [
      'upper case',
      { name: 'V', emptyDir: {} },
      "spec.volumes[0].name: Invalid value: \"V\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
    ],
    ['dots', { name: 'a.b', emptyDir: {} }, 'spec.volumes[0].name: Invalid value: "a.b": must not contain dots'],
    ['none', { name: '', emptyDir: {} }, 'spec.volumes[0].name: Required value'],
  ];
  for (const [what, given, ...expected] of cases) assert.deepEqual(volume(given), expected, what);
});
