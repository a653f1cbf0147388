/** v1 of k8s.io/kubelet/pkg/apis/podresources: who has which devices, CPUs and memory. v1alpha1 is the part of it without numbers above 2. */
export const POD_RESOURCES_MESSAGES = {
  NUMANode: { ID: '1 int64' },
  TopologyInfo: { nodes: '1 repeated NUMANode' },
  ContainerDevices: { resource_name: '1 string', device_ids: '2 repeated string', topology: '3 TopologyInfo' },
  ContainerMemory: { memory_type: '1 string', size: '2 uint64', topology: '3 TopologyInfo' },
  ContainerResources: {
    name: '1 string',
    devices: '2 repeated ContainerDevices',
    cpu_ids: '3 repeated int64',
    memory: '4 repeated ContainerMemory',
  },
  PodResources: { name: '1 string', namespace: '2 string', containers: '3 repeated ContainerResources' },
  ListPodResourcesRequest: {},
  ListPodResourcesResponse: { pod_resources: '1 repeated PodResources' },
  AllocatableResourcesRequest: {},
  AllocatableResourcesResponse: {
    devices: '1 repeated ContainerDevices',
    cpu_ids: '2 repeated int64',
    memory: '3 repeated ContainerMemory',
  },
  GetPodResourcesRequest: { pod_name: '1 string', pod_namespace: '2 string' },
  GetPodResourcesResponse: { pod_resources: '1 PodResources' },
} as const;
