import { readInterfaces } from '../../host/network-interfaces.ts';
import type { RunProgram } from '../../host/run-program.ts';
import { CodedError } from '../../std/coded-error.ts';
import { forwardingChanges } from '../flannel/forwarding-plan.ts';
import { readForwarding, writeForwarding } from '../flannel/kernel-forwarding.ts';
import { applyTunnelDevice } from '../flannel/tunnel-device.ts';
import { planVxlan, planVxlanDevice, VXLAN_DEVICE, type VxlanObjects, type VxlanSettings } from './vxlan-plan.ts';

export interface VxlanNetwork extends Omit<VxlanObjects, 'device'> {
  readonly settings: VxlanSettings;
  /** Of the device. */
  readonly tunnelAddress: string;
}

/**
 * Makes the kernel lead packets to other nodes' blocks through the device.
 *
 * @returns what keeps blocks from being reached
 * @throws CodedError ADDRESS_NOT_FOUND where no interface has the node's address
 */
export async function openVxlan(run: RunProgram, network: VxlanNetwork): Promise<readonly string[]> {
  const { settings, tunnelAddress, address, nodeName } = network;
  const interfaces = await readInterfaces(run);
  const ip = address.split('/')[0]!;
  const outer = interfaces.find(({ addresses }) => addresses.some((one) => one.ip === ip));
  if (!outer) throw new CodedError(`no interface has ${ip}, which a vxlan device needs`, { code: 'ADDRESS_NOT_FOUND' });
  const device = planVxlanDevice(settings, { device: outer.name, ip }, { nodeName, address: tunnelAddress });
  await applyTunnelDevice(run, device, interfaces);
  const { problems, ...wanted } = planVxlan({ ...network, device: outer.name });
  const actual = await readForwarding(run, 4, VXLAN_DEVICE);
  await writeForwarding(run, forwardingChanges(actual, wanted, { tunnelDevice: VXLAN_DEVICE }));
  return problems;
}

/** Takes routes and device away. Not there is no failure. */
export async function closeVxlan(run: RunProgram): Promise<void> {
  const device = (await readInterfaces(run)).find(({ name }) => name === VXLAN_DEVICE);
  if (!device) return;
  const { routes } = await readForwarding(run, 4, undefined);
  await writeForwarding(
    run,
    forwardingChanges({ routes, neighbours: [], tunnels: [] }, { routes: [], neighbours: [], tunnels: [] }, {}),
  );
  await run('ip', ['link', 'delete', VXLAN_DEVICE]);
}
