/**
 * Makes `protobuf-fields.json`, the numbers that fields have in Kubernetes' protobuf form:
 *
 *     node src/api/gen/gather-protobuf.ts KUBECTL HELM
 *
 * Both are programs for Linux on amd64 (made with kubectl 1.35.0 and helm 4.1.4; helm knows CustomResourceDefinitions, kubectl does not).
 * Their Go types carry what is wanted as struct tags, which Go keeps in every program: `json:"priority,omitempty" protobuf:"bytes,25,opt,name=priority"`. The wire type that a tag names is not always
 * right and is not taken; the number is. A row is `schema: { field: text }`, the text a number with
 *
 *     2.19   a field of an embedded structure: field 19 of the message in field 2 (JSON has both in one object)
 *     25*    a pointer in Go: absent and zero are two things. What is none is always on the wire, also when it is empty
 *     1!     written in JSON also when it is empty (the json tag has no omitempty, or omitempty has no effect on its type)
 *
 * Fields that Go's types do not have yet are printed: they are looked up by hand in the generated.proto beside upstream's types and go to
 * NEWER_FIELDS.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readGoStructs } from './go-types.ts';
import { type FieldTable, makeTable } from './protobuf-table.ts';

const RESOURCE_MAPPING = { capacityKey: '1*', allocationMultiplier: '2*' };
const LISTS_OF_ATTRIBUTES = { ints: '6', bools: '7', strings: '8', versions: '9' };

/** Of k8s.io/api 1.36, where kubectl 1.35 does not know them, and of k8s.io/kube-aggregator, which neither program has. */
const NEWER_FIELDS: FieldTable = {
  V1CSIDriverSpec: { preventPodSchedulingIfMissing: '11*' },
  V1ListMeta: { shardInfo: '5*' },
  V1ShardInfo: { selector: '1!' },
  V1PodSpec: { schedulingGroup: '43*' },
  V1PodSchedulingGroup: { podGroupName: '1*' },
  V1PodStatus: { nodeAllocatableResourceClaimStatuses: '21' },
  V1NodeAllocatableResourceClaimStatus: { resourceClaimName: '1!', containers: '2', resources: '3!' },
  V1ResourceHealth: { message: '6*' },
  V1VolumeMountStatus: { volumeStatus: '5*' },
  V1VolumeStatus: { image: '1*' },
  V1ImageVolumeStatus: { imageRef: '1' },
  V1Device: { nodeAllocatableResourceMappings: '13' },
  V1NodeAllocatableResourceMapping: RESOURCE_MAPPING,
  V1DeviceAttribute: LISTS_OF_ATTRIBUTES,
  V1beta1BasicDevice: { nodeAllocatableResourceMappings: '12' },
  V1beta1NodeAllocatableResourceMapping: RESOURCE_MAPPING,
  V1beta1DeviceAttribute: LISTS_OF_ATTRIBUTES,
  V1beta1PodCertificateRequestSpec: { stubPKCS10Request: '12' },
  V1beta2Device: { nodeAllocatableResourceMappings: '13' },
  V1beta2NodeAllocatableResourceMapping: RESOURCE_MAPPING,
  V1beta2DeviceAttribute: LISTS_OF_ATTRIBUTES,
  V1APIService: { metadata: '1!', spec: '2!', status: '3!' },
  V1APIServiceSpec: {
    service: '1*',
    group: '2',
    version: '3',
    insecureSkipTLSVerify: '4',
    caBundle: '5',
    groupPriorityMinimum: '7!',
    versionPriority: '8!',
  },
  ApiregistrationV1ServiceReference: { namespace: '1', name: '2', port: '3*' },
  V1APIServiceStatus: { conditions: '1' },
  V1APIServiceCondition: { type: '1!', status: '2!', lastTransitionTime: '3!', reason: '4', message: '5' },
};

/** Became stable in 1.36, with the fields that they had as beta versions. */
const BECAME_STABLE = ['MutatingAdmissionPolicy', 'MutatingAdmissionPolicyBinding'];
const ADMISSION = 'k8s.io/api/admissionregistration';

const programs = process.argv.slice(2);
if (programs.length !== 2) throw new Error('which programs? node src/api/gen/gather-protobuf.ts KUBECTL HELM');
const structs = new Map(programs.toReversed().flatMap((program) => [...readGoStructs(readFileSync(program))]));
for (const name of BECAME_STABLE) structs.set(`${ADMISSION}/v1.${name}`, structs.get(`${ADMISSION}/v1beta1.${name}`)!);
const { table, missing } = makeTable(structs, NEWER_FIELDS);
const lines = Object.keys(table)
  .sort()
  .map((schema) => `${JSON.stringify(schema)}:${JSON.stringify(table[schema])}`);
writeFileSync(join(import.meta.dirname, 'protobuf-fields.json'), `{\n${lines.join(',\n')}\n}\n`);
if (missing.length) throw new Error(`no number is known for ${missing.join(', ')}`);
