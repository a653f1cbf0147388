/** Storage classes, drivers, capacities, attachments; and the volumes and claims they are for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { persistentVolumeKind } from '../../core/v1/persistent-volume.ts';
import { persistentVolumeClaimKind } from '../../core/v1/persistent-volume-claim.ts';
import { specimensOf, testContext } from '../../test-specimens.ts';
import { csiDriverKind } from './csi-driver.ts';
import { csiNodeKind } from './csi-node.ts';
import { csiStorageCapacityKind } from './csi-storage-capacity.ts';
import { storageClassKind } from './storage-class.ts';
import { volumeAttachmentKind } from './volume-attachment.ts';
import { volumeAttributesClassKind } from './volume-attributes-class.ts';

const volume = { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/data' } };
const claim = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
const volumes = specimensOf(persistentVolumeKind);
const claims = specimensOf(persistentVolumeClaimKind);
const ofVolume = (spec: object) => volumes.complaints({ spec: { ...volume, ...spec } });
const ofClaim = (spec: object) => claims.complaints({ spec: { ...claim, ...spec } });

test('a volume that is emptied for the next one is not the whole host, however that is written', () => {
  const recycled = (path: string) => ofVolume({ persistentVolumeReclaimPolicy: 'Recycle', hostPath: { path } }).length > 0;
  assert.deepEqual(['/', '//', '/.', '/./', '/a/..', '/a', '/a/./b'].map(recycled), [true, true, true, true, true, false, false]);
});

test('what is wrong with a PersistentVolume is told', () => {
  const cases: [string[], ...string[]][] = [
    [ofVolume({})],
    [
      ofVolume({ capacity: {} }),
      'spec.capacity: Required value',
      'spec.capacity: Unsupported value: null: supported values: "storage"',
    ],
    [ofVolume({ accessModes: [] }), 'spec.accessModes: Required value'],
    [
      ofVolume({ accessModes: ['Mine'] }),
      'spec.accessModes: Unsupported value: "Mine": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"',
    ],
    [ofVolume({ hostPath: undefined }), 'spec: Required value: must specify a volume type'],
    [ofVolume({ nfs: { server: 's', path: '/p' } }), 'spec.nfs: Forbidden: may not specify more than 1 volume type'],
    [ofVolume({ hostPath: { path: '/a/../b' } }), 'spec.hostPath.path: Invalid value: "/a/../b": must not contain \'..\''],
    [
      ofVolume({ persistentVolumeReclaimPolicy: 'Burn' }),
      'spec.persistentVolumeReclaimPolicy: Unsupported value: "Burn": supported values: "Delete", "Recycle", "Retain"',
    ],
    [ofVolume({ volumeMode: 'Tape' }), 'spec.volumeMode: Unsupported value: "Tape": supported values: "Block", "Filesystem"'],
  ];
  for (const [told, ...wanted] of cases) assert.deepEqual(told, wanted);
  assert.match(
    volumes.changes({ spec: volume }, { spec: { ...volume, hostPath: { path: '/other' } } })[0]!,
    /^spec\.persistentvolumesource: Forbidden: spec\.persistentvolumesource is immutable after creation/,
  );
});

test("each kind of storage behind a PersistentVolume is looked at as pods' volumes are, and where Secrets are from", () => {
  const of = (source: object) => ofVolume({ hostPath: undefined, ...source });
  const iscsi = { targetPortal: '10.0.0.1', iqn: 'iqn.2015-02.example.com:disk', lun: 0 };
  const cases: [string[], ...string[]][] = [
    [
      of({ gcePersistentDisk: { pdName: 'd', partition: 256 } }),
      'spec.persistentDisk.partition: Invalid value: 256: must be between 1 and 255, inclusive',
    ],
    [
      of({ glusterfs: { endpoints: 'e', path: 'p', endpointsNamespace: '' } }),
      'spec.glusterfs.endpointsNamespace: Invalid value: "": if the endpointnamespace is set, it must be a valid namespace name',
    ],
    [of({ flocker: {} }), 'spec.flocker: Required value: one of datasetName and datasetUUID is required'],
    [of({ iscsi: { ...iscsi, iqn: 'disk' } }), 'spec.iscsi.iqn: Invalid value: "disk": must be valid format'],
    [of({ iscsi: { ...iscsi, secretRef: { name: '' } } }), 'spec.iscsi.secretRef.name: Required value'],
    [of({ cinder: { volumeID: 'v', secretRef: { name: 's' } } }), 'spec.cinder.secretRef.namespace: Required value'],
    [of({ fc: { targetWWNs: ['w'] } }), 'spec.fc.lun: Required value: lun is required if targetWWNs is specified'],
    [
      of({ azureFile: { secretName: 's', shareName: 'x', secretNamespace: '' } }),
      'spec.azureFile.secretNamespace: Required value',
    ],
    [of({ storageos: { volumeName: 'v', secretRef: { name: 's' } } }), 'spec.storageos.secretRef.namespace: Required value'],
    [ofVolume({ cephfs: { monitors: ['m'] } }), 'spec.cephFS: Forbidden: may not specify more than 1 volume type'],
    [ofVolume({ flexVolume: { driver: '' } }), 'spec.flexVolume.driver: Required value'],
    [
      ofVolume({ capacity: { storage: '-1' } }),
      'spec.capacity[storage]: Invalid value: -1: must be a valid resource quantity',
      'spec.capacity[storage]: Invalid value: "-1": must be greater than zero',
    ],
  ];
  for (const [told, ...wanted] of cases) assert.deepEqual(told, wanted);
});

test('what is wrong with a PersistentVolumeClaim is told', () => {
  const cases: [string[], ...string[]][] = [
    [ofClaim({})],
    [ofClaim({ accessModes: [] }), 'spec.accessModes: Required value: at least 1 access mode is required'],
    [ofClaim({ resources: {} }), 'spec.resources[storage]: Required value'],
    [
      ofClaim({ resources: { requests: { storage: '0' } } }),
      'spec.resources[storage]: Invalid value: "0": must be greater than zero',
    ],
    [
      ofClaim({ accessModes: ['ReadWriteOncePod', 'ReadWriteOnce'] }),
      'spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes',
    ],
    [
      ofClaim({ dataSource: { kind: 'PersistentVolumeClaim', name: '' } }),
      'spec.dataSource.name: Required value',
      'spec.dataSourceRef.name: Required value',
    ],
  ];
  for (const [told, ...wanted] of cases) assert.deepEqual(told, wanted);
});

test("a claim's spec stays, but a bound claim may grow", () => {
  const made = (size: string, phase: string, more: object = {}) => ({
    ...claims.created({ spec: { ...claim, storageClassName: 'fast', resources: { requests: { storage: size } }, ...more } }),
    status: { phase, capacity: { storage: '1Gi' } },
  });
  assert.deepEqual(claims.refusals(made('1Gi', 'Bound'), made('2Gi', 'Bound')), []);
  assert.match(
    claims.refusals(made('1Gi', 'Pending'), made('2Gi', 'Pending'))[0]!,
    /^spec: Forbidden: spec is immutable after creation except resources\.requests/,
  );
  assert.match(
    claims.refusals(made('2Gi', 'Bound'), made('512Mi', 'Bound'))[0]!,
    /^spec\.resources\.requests\.storage: Forbidden: field can not be less than status\.capacity/,
  );
  assert.match(claims.refusals(made('1Gi', 'Bound'), made('1Gi', 'Bound', { volumeMode: 'Block' }))[0]!, /^spec: Forbidden/);
});

test("a claim's attributes are taken away while no volume has them", () => {
  const made = (more: object, current?: string) => ({
    ...claims.created({ spec: { ...claim, ...more } }),
    status: { phase: 'Bound', ...(current && { currentVolumeAttributesClassName: current }) },
  });
  const gold = made({ volumeAttributesClassName: 'gold' });
  assert.deepEqual(claims.refusals(gold, made({})), []);
  assert.deepEqual(claims.refusals(gold, made({ volumeAttributesClassName: '' })), []);
  const given = made({ volumeAttributesClassName: 'gold' }, 'gold');
  const path = 'spec.volumeAttributesClassName: Forbidden:';
  const why = 'is forbidden when status.currentVolumeAttributesClassName is not nil';
  assert.deepEqual(claims.refusals(given, made({}, 'gold')), [`${path} update to nil ${why}`]);
  assert.deepEqual(claims.refusals(given, made({ volumeAttributesClassName: '' }, 'gold')), [
    `${path} update to empty string ${why}`,
  ]);
});

test("a claim's class stays in its annotation, and its difference is shown", () => {
  const classAnnotation = 'volume.beta.kubernetes.io/storage-class';
  const made = (name: string) => claims.created({ spec: claim }, { annotations: { [classAnnotation]: name } });
  assert.deepEqual(claims.refusals(made('a'), made('b')), [
    `metadata.annotations.${classAnnotation}: Invalid value: "b": field is immutable`,
  ]);
  const sized = claims.created({ spec: claim });
  const other = claims.created({ spec: { ...claim, volumeMode: 'Block' } });
  assert.match(claims.refusals(sized, other)[0]!, /\n- "VolumeMode": "Filesystem",\n\+ "VolumeMode": "Block",\n/);
});

test('the nodes of a volume stay, but for labels that have another name today', () => {
  const on = (...requirements: [key: string, value: string][]) => ({
    spec: {
      ...volume,
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchExpressions: requirements.map(([key, value]) => ({ key, operator: 'In', values: [value] })) },
          ],
        },
      },
    },
  });
  const old = on(['failure-domain.beta.kubernetes.io/zone', 'z'], ['disk', 'fast']);
  const refused = /^nodeAffinity: Invalid value: [\s\S]*: field is immutable, except for updating from beta label to GA$/;
  assert.deepEqual(volumes.changes({ spec: volume }, old), []);
  assert.deepEqual(volumes.changes(old, on(['topology.kubernetes.io/zone', 'z'], ['disk', 'fast'])), []);
  for (const other of [
    on(['topology.kubernetes.io/zone', 'y'], ['disk', 'fast']),
    on(['topology.kubernetes.io/region', 'z'], ['disk', 'fast']),
    on(['topology.kubernetes.io/zone', 'z']),
    { spec: volume },
  ])
    assert.match(volumes.changes(old, other)[0] ?? '', refused);
  const odd = on(['zone', '-']);
  assert.equal(volumes.complaints(odd).length, 1);
  assert.deepEqual(volumes.changes(odd, odd), []);
});

test('what is wrong with the kinds of storage.k8s.io is told', () => {
  const classes = specimensOf(storageClassKind);
  const drivers = specimensOf(csiDriverKind);
  const nodes = specimensOf(csiNodeKind);
  const attachments = specimensOf(volumeAttachmentKind);
  const attributes = specimensOf(volumeAttributesClassKind);
  const cases: [string[], ...RegExp[]][] = [
    [classes.complaints({ provisioner: 'example.com/p' })],
    [classes.complaints({}), /^provisioner: Required value/],
    [
      classes.complaints({ provisioner: 'p', parameters: { '': 'x' } }),
      /^parameters: Invalid value: ""?.*: field can not be empty/,
    ],
    [classes.complaints({ provisioner: 'p', volumeBindingMode: 'Later' }), /^volumeBindingMode: Unsupported value: "Later"/],
    [
      classes.changes({ provisioner: 'p' }, { provisioner: 'q' }),
      /^provisioner: Forbidden: updates to provisioner are forbidden\./,
    ],
    [drivers.complaints({ spec: {} }, { name: 'disk.example.com' })],
    [drivers.complaints({ spec: { fsGroupPolicy: 'Some' } }, { name: 'd' }), /^spec\.fsGroupPolicy: Unsupported value: "Some"/],
    [
      drivers.complaints({ spec: { tokenRequests: [{ audience: 'a' }, { audience: 'a' }] } }, { name: 'd' }),
      /^spec\.tokenRequests\[1\]\.audience: Duplicate value: "a"/,
    ],
    [nodes.complaints({ spec: { drivers: [{ name: 'd', nodeID: '' }] } }), /^spec\.drivers\[0\]\.nodeID: Required value/],
    [
      nodes.complaints({
        spec: {
          drivers: [
            { name: 'd', nodeID: 'n' },
            { name: 'd', nodeID: 'n' },
          ],
        },
      }),
      /^spec\.drivers\[1\]\.name: Duplicate value: "d"/,
    ],
    [attachments.complaints({ spec: { attacher: 'a', nodeName: 'n', source: { persistentVolumeName: 'v' } } })],
    [attachments.complaints({ spec: { attacher: 'a', nodeName: 'n', source: {} } }), /^spec\.source: Required value/],
    [
      attachments.changes(
        { spec: { attacher: 'a', nodeName: 'n', source: { persistentVolumeName: 'v' } } },
        { spec: { attacher: 'a', nodeName: 'm', source: { persistentVolumeName: 'v' } } },
      ),
      /^spec: Invalid value: .*: field is immutable$/,
    ],
    [attributes.complaints({ driverName: 'd', parameters: { iops: '1' } })],
    [attributes.complaints({ driverName: 'd' }), /^parameters: Required value/],
    [
      attributes.changes({ driverName: 'd', parameters: { a: '1' } }, { driverName: 'd', parameters: { a: '2' } }),
      /^parameters: Invalid value: .*: field is immutable|^parameters: Forbidden/,
    ],
  ];
  for (const [told, ...wanted] of cases) {
    assert.equal(told.length, wanted.length, told.join('\n'));
    for (const [i, pattern] of wanted.entries()) assert.match(told[i]!, pattern);
  }
});

test('a PersistentVolume says since when it is in its phase, unless the writer of the phase says so itself', () => {
  const [status] = persistentVolumeKind.parts;
  const made = { phase: 'Pending', lastPhaseTransitionTime: '1970-01-01T00:00:00Z' };
  assert.deepEqual(volumes.created({ spec: {} })['status'], made);
  const after = (fields: object) => {
    const [before, requested] = [{ status: made }, { status: fields }].map((each) => volumes.make({ spec: {}, ...each }));
    return status!.merge(before!, requested!, { ...testContext, nowMs: 60_000 })['status'];
  };
  const minute = '1970-01-01T00:01:00Z';
  assert.deepEqual(after({ phase: 'Available' }), { phase: 'Available', lastPhaseTransitionTime: minute });
  assert.deepEqual(after({ ...made, phase: 'Available' }), { phase: 'Available', lastPhaseTransitionTime: minute });
  assert.deepEqual(after({ phase: 'Pending' }), made);
  const said = { phase: 'Available', lastPhaseTransitionTime: '2020-01-01T00:00:00Z' };
  assert.deepEqual(after(said), said);
});

test('tokens of a CSI driver go into its secrets only where it asks for tokens', () => {
  const drivers = specimensOf(csiDriverKind);
  const inSecrets = { serviceAccountTokenInSecrets: true };
  assert.deepEqual(drivers.complaints({ spec: inSecrets }), [
    'spec.serviceAccountTokenInSecrets: Invalid value: true: serviceAccountTokenInSecrets is set but no tokenRequests are specified',
  ]);
  assert.deepEqual(drivers.complaints({ spec: { ...inSecrets, tokenRequests: [{ audience: 'a' }] } }), []);
});

test('a CSI driver is called as any object, its node by up to 256 bytes', () => {
  const drivers = specimensOf(csiDriverKind);
  assert.deepEqual(drivers.complaints({ spec: {} }, { name: `${'a'.repeat(60)}.${'b'.repeat(60)}` }), []);
  const nodes = specimensOf(csiNodeKind);
  const called = (nodeID: string) => nodes.complaints({ spec: { drivers: [{ name: 'd', nodeID }] } });
  assert.deepEqual(called('n'.repeat(256)), []);
  assert.match(called('n'.repeat(257))[0]!, /^spec\.drivers\[0\]\.nodeID: Invalid value: "n+": must be 256 characters or less$/);
});

test("what is wrong with one of a driver's keys is told with all of them", () => {
  const topologyKeys = ['zone', '-', 'zone'];
  const told = specimensOf(csiNodeKind).complaints({ spec: { drivers: [{ name: 'd', nodeID: 'n', topologyKeys }] } });
  assert.deepEqual(
    told.map((text) => text.replace(/: name part .*/, '')),
    ['spec.drivers[0]: Invalid value: ["zone","-","zone"]', 'spec.drivers[0]: Duplicate value: "zone"'],
  );
});

test("what a node's driver is stays, but for how many volumes there can be", () => {
  const nodes = specimensOf(csiNodeKind);
  const having = (driver: object) => ({ spec: { drivers: [{ name: 'd', nodeID: 'n', ...driver }] } });
  assert.deepEqual(nodes.changes(having({ allocatable: { count: 1 } }), having({ allocatable: { count: 2 } })), []);
  assert.deepEqual(nodes.changes(having({}), having({ nodeID: 'm', topologyKeys: ['zone'] })), [
    'spec.drivers: Invalid value: {"Name":"d","NodeID":"m","TopologyKeys":["zone"],"Allocatable":null}: field is immutable',
  ]);
});

test('where capacity is, is looked at before what it is for; values of labels that are stored may stay', () => {
  const capacities = specimensOf(csiStorageCapacityKind);
  const topology = (value: string) => ({
    nodeTopology: { matchExpressions: [{ key: 'zone', operator: 'In', values: [value] }] },
    storageClassName: 's',
  });
  assert.deepEqual(
    capacities.complaints({ ...topology('a b'), storageClassName: 'S', capacity: '-1' }).map((each) => each.split(':')[0]),
    ['nodeTopology.matchExpressions[0].values[0]', 'storageClassName', 'capacity'],
  );
  const stored = topology('a b');
  assert.deepEqual(capacities.changes(stored, { ...stored, capacity: '1Gi' }), []);
});

test('an error of an attachment is told shortly, with a code that is not negative', () => {
  const attachments = specimensOf(volumeAttachmentKind);
  const spec = { attacher: 'a', nodeName: 'n', source: { persistentVolumeName: 'v' } };
  const made = (attachError: object) => attachments.make({ spec, status: { attached: false, attachError } });
  const told = (attachError: object) => attachments.refusals(made({}), made(attachError), 'status');
  assert.deepEqual(told({ message: 'm'.repeat(1024), errorCode: 0 }), []);
  assert.deepEqual(told({ message: 'm'.repeat(1025), errorCode: -1 }), [
    'status.attachError.message: Too long: may not be more than 262144 bytes',
    'status.attachError.errorCode: Invalid value: -1: must be between 0 and 2147483647, inclusive',
  ]);
});

test('a CSIDriver has no generation before it changes', () => {
  assert.equal(specimensOf(csiDriverKind).created({ spec: {} }, { generation: 1 }).metadata.generation, undefined);
});

test('a VolumeAttachment that must stay is shown as upstream shows it', () => {
  const attachments = specimensOf(volumeAttachmentKind);
  const to = (nodeName: string) => ({ spec: { attacher: 'a.example.com', source: { persistentVolumeName: 'v' }, nodeName } });
  const shown = {
    Attacher: 'a.example.com',
    Source: { PersistentVolumeName: 'v', InlineVolumeSpec: null },
    NodeName: 'other',
  };
  assert.deepEqual(attachments.changes(to('n'), to('other')), [
    `spec: Invalid value: ${JSON.stringify(shown)}: field is immutable`,
  ]);
});
