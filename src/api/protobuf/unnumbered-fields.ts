/**
 * Fields of API release 1.36 whose numbers are not known: they are younger than the kubectl that the table was made from. All belong to
 * features that are off by default upstream (alpha). They are not written in protobuf and skipped when read, as by a 1.35 server.
 */
export const UNNUMBERED_FIELDS: ReadonlySet<string> = new Set([
  'V1Device.nodeAllocatableResourceMappings',
  'V1DeviceAttribute.bools',
  'V1DeviceAttribute.ints',
  'V1DeviceAttribute.strings',
  'V1DeviceAttribute.versions',
  'V1ListMeta.shardInfo',
  'V1PodSpec.schedulingGroup',
  'V1PodStatus.nodeAllocatableResourceClaimStatuses',
  'V1ResourceHealth.message',
  'V1VolumeMountStatus.volumeStatus',
  'V1beta1BasicDevice.nodeAllocatableResourceMappings',
  'V1beta1DeviceAttribute.bools',
  'V1beta1DeviceAttribute.ints',
  'V1beta1DeviceAttribute.strings',
  'V1beta1DeviceAttribute.versions',
  'V1beta1PodCertificateRequestSpec.stubPKCS10Request',
  'V1beta2Device.nodeAllocatableResourceMappings',
  'V1beta2DeviceAttribute.bools',
  'V1beta2DeviceAttribute.ints',
  'V1beta2DeviceAttribute.strings',
  'V1beta2DeviceAttribute.versions',
]);
