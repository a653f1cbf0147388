import type { ComponentName, Inventory, InventoryHost } from '../../api/config/v1/inventory.ts';
import type { Material } from '../assets/material.ts';
import { inPhase, link } from './files.ts';
import type { FileContent, FileStep, Step } from './step.ts';

const MASTER_PROGRAMS = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const;
const WORKER_PROGRAMS = ['kubelet', 'kube-proxy'] as const;

/** Muster itself, as it lies on hosts. */
export const executableFile = (inventory: Inventory, { executable }: Material): FileStep =>
  programFile(inventory, 'muster', executable);

/** The file that runs as a component: Muster, or the program of another distribution. */
export function fileOfComponent(inventory: Inventory, material: Material, component: ComponentName): FileStep {
  const program = material.programs.get(component);
  return program ? programFile(inventory, component, program.content) : executableFile(inventory, material);
}

/** The programs of a host, by their names. Workers need two of the five. */
export function programSteps(inventory: Inventory, { roles }: InventoryHost, material: Material): Step[] {
  const names = [...(roles.includes('master') ? MASTER_PROGRAMS : []), ...(roles.includes('worker') ? WORKER_PROGRAMS : [])];
  if (names.length === 0) return [];
  return inPhase('install', [
    executableFile(inventory, material),
    ...names.map((name) =>
      material.programs.has(name)
        ? fileOfComponent(inventory, material, name)
        : link(`${inventory.distribution.directory}/${name}`, 'muster'),
    ),
  ]);
}

const programFile = ({ distribution }: Inventory, name: string, content: FileContent): FileStep => ({
  type: 'file',
  path: `${distribution.directory}/${name}`,
  mode: 0o755,
  owner: 'root',
  group: 'root',
  content,
  secret: false,
  label: 'bin_t',
});
