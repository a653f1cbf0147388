import type { Machine } from '../node/machine.ts';
import type { NodeSnapshot } from './node-snapshot.ts';

/** The machine as cadvisor tells it. */
export interface MachineFacts extends Pick<Machine, 'bootId' | 'machineId' | 'systemUuid' | 'kernelVersion'> {
  readonly osVersion: string;
  readonly vendor: string;
  readonly cores: number;
  readonly physicalCores: number;
  readonly sockets: number;
  readonly frequencyKhz: number;
}

/**
 * @param cpuInfo as /proc/cpuinfo says: blocks `physical id`, `core id`, `cpu MHz`, `vendor_id`. Where it says nothing of cores (arm64,
 * virtual machines), each CPU counts as one
 */
export function machineFacts(machine: Machine, cpuInfo: string): MachineFacts {
  const blocks = cpuInfo.split(/\n\s*\n/).map((block) => new Map(block.split('\n').flatMap((line) => fieldOf(line) ?? [])));
  const processors = blocks.filter((block) => block.has('processor'));
  const sockets = new Set(processors.map((block) => block.get('physical id') ?? '0'));
  const cores = new Set(
    processors.map((block) => `${block.get('physical id') ?? '0'}/${block.get('core id') ?? block.get('processor')}`),
  );
  const fastest = Math.max(0, ...processors.map((block) => Number(block.get('cpu MHz') ?? 0)));
  return {
    bootId: machine.bootId,
    machineId: machine.machineId,
    systemUuid: machine.systemUuid,
    kernelVersion: machine.kernelVersion,
    osVersion: machine.osImage,
    vendor: processors[0]?.get('vendor_id') ?? '',
    cores: machine.cpus,
    physicalCores: cores.size || machine.cpus,
    sockets: sockets.size || 1,
    frequencyKhz: Math.round(fastest * 1000),
  };
}

function fieldOf(line: string): [string, string][] | undefined {
  const colon = line.indexOf(':');
  return colon < 0 ? undefined : [[line.slice(0, colon).trim(), line.slice(colon + 1).trim()]];
}

/** `/spec`: cadvisor's MachineInfo (info/v1/machine.go). */
export function machineDocument(facts: MachineFacts, machine: Machine, snapshot: NodeSnapshot): object {
  const spaces = [snapshot.nodeFs, snapshot.imageFs, snapshot.containerFs].filter((space) => space !== undefined);
  const filesystems = new Map(spaces.map((space) => [space.device ?? '', space]));
  return {
    timestamp: new Date(snapshot.timeMs).toISOString(),
    vendor_id: facts.vendor,
    num_cores: facts.cores,
    num_physical_cores: facts.physicalCores,
    num_sockets: facts.sockets,
    cpu_frequency_khz: facts.frequencyKhz,
    memory_capacity: snapshot.memoryCapacityBytes,
    swap_capacity: snapshot.swap.totalBytes,
    hugepages: (machine.hugePages ?? []).map(({ sizeBytes, count }) => ({ page_size: sizeBytes / 1024, num_pages: count })),
    machine_id: facts.machineId,
    system_uuid: facts.systemUuid,
    boot_id: facts.bootId,
    filesystems: [...filesystems].map(([device, { capacityBytes, inodes }]) => ({
      device,
      capacity: capacityBytes,
      type: 'vfs',
      inodes,
      has_inodes: inodes > 0,
    })),
    disk_map: Object.fromEntries(
      [...snapshot.devices].map(([id, device]) => {
        const [major, minor] = id.split(':').map(Number);
        return [id, { name: device.replace('/dev/', ''), major, minor, size: 0, scheduler: 'none' }];
      }),
    ),
    network_devices: snapshot.interfaces.map(({ name }) => ({ name })),
    cloud_provider: 'Unknown',
    instance_type: 'Unknown',
    instance_id: 'None',
  };
}
