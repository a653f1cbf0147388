/** csi.v1 as far as a node speaks it (https://github.com/container-storage-interface/spec/blob/master/csi.proto). */
export const CSI_MESSAGES = {
  MountVolume: { fs_type: '1 string', mount_flags: '2 repeated string', volume_mount_group: '3 string' },
  BlockVolume: {},
  AccessMode: { mode: '1 enum' },
  VolumeCapability: { block: '1 BlockVolume', mount: '2 MountVolume', access_mode: '3 AccessMode' },
  NodeStageVolumeRequest: {
    volume_id: '1 string',
    publish_context: '2 map string',
    staging_target_path: '3 string',
    volume_capability: '4 VolumeCapability',
    secrets: '5 map string',
    volume_context: '6 map string',
  },
  NodeStageVolumeResponse: {},
  NodeUnstageVolumeRequest: { volume_id: '1 string', staging_target_path: '2 string' },
  NodeUnstageVolumeResponse: {},
  NodePublishVolumeRequest: {
    volume_id: '1 string',
    publish_context: '2 map string',
    staging_target_path: '3 string',
    target_path: '4 string',
    volume_capability: '5 VolumeCapability',
    readonly: '6 bool',
    secrets: '7 map string',
    volume_context: '8 map string',
  },
  NodePublishVolumeResponse: {},
  NodeUnpublishVolumeRequest: { volume_id: '1 string', target_path: '2 string' },
  NodeUnpublishVolumeResponse: {},
  NodeGetVolumeStatsRequest: { volume_id: '1 string', volume_path: '2 string', staging_target_path: '3 string' },
  VolumeUsage: { available: '1 int64', total: '2 int64', used: '3 int64', unit: '4 enum' },
  VolumeCondition: { abnormal: '1 bool', message: '2 string' },
  NodeGetVolumeStatsResponse: { usage: '1 repeated VolumeUsage', volume_condition: '2 VolumeCondition' },
  CapacityRange: { required_bytes: '1 int64', limit_bytes: '2 int64' },
  NodeExpandVolumeRequest: {
    volume_id: '1 string',
    volume_path: '2 string',
    capacity_range: '3 CapacityRange',
    staging_target_path: '4 string',
    volume_capability: '5 VolumeCapability',
    secrets: '6 map string',
  },
  NodeExpandVolumeResponse: { capacity_bytes: '1 int64' },
  NodeGetCapabilitiesRequest: {},
  NodeServiceRpc: { type: '1 enum' },
  NodeServiceCapability: { rpc: '1 NodeServiceRpc' },
  NodeGetCapabilitiesResponse: { capabilities: '1 repeated NodeServiceCapability' },
  NodeGetInfoRequest: {},
  Topology: { segments: '1 map string' },
  NodeGetInfoResponse: { node_id: '1 string', max_volumes_per_node: '2 int64', accessible_topology: '3 Topology' },
} as const;

/** Of NodeGetCapabilities. */
export const NODE_CAPABILITY = {
  stageUnstageVolume: 1,
  getVolumeStats: 2,
  expandVolume: 3,
  volumeCondition: 4,
  singleNodeMultiWriter: 5,
  volumeMountGroup: 6,
} as const;

export type NodeCapability = keyof typeof NODE_CAPABILITY;

export const USAGE_UNIT = { bytes: 1, inodes: 2 } as const;

/** pluginregistration.v1 (k8s.io/kubelet/pkg/apis/pluginregistration): how plugins make themselves known. */
export const REGISTRATION_MESSAGES = {
  InfoRequest: {},
  PluginInfo: { type: '1 string', name: '2 string', endpoint: '3 string', supported_versions: '4 repeated string' },
  RegistrationStatus: { plugin_registered: '1 bool', error: '2 string' },
  RegistrationStatusResponse: {},
} as const;
