import type { Family } from '../../api/machinery/ip.ts';
import { addressesOf, readInterfaces } from '../../host/network-interfaces.ts';
import type { RunProgram } from '../../host/run-program.ts';
import { CodedError } from '../../std/coded-error.ts';
import { forwardingChanges } from '../flannel/forwarding-plan.ts';
import { readForwarding, writeForwarding } from '../flannel/kernel-forwarding.ts';
import { applyTunnelDevice } from '../flannel/tunnel-device.ts';
import { planVxlan, planVxlanDevice, VXLAN_DEVICES, type VxlanObjects, type VxlanSettings } from './vxlan-plan.ts';

export interface VxlanNetwork extends Omit<VxlanObjects, 'device' | 'family'> {
  readonly family: Family;
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
  const { family, settings, tunnelAddress, address, nodeName } = network;
  const interfaces = await readInterfaces(run);
  const ip = address.split('/')[0]!;
  const outer = interfaces.find((one) => addressesOf(one, family).some((own) => own.ip === ip));
  if (!outer) throw new CodedError(`no interface has ${ip}, which a vxlan device needs`, { code: 'ADDRESS_NOT_FOUND' });
  const device = planVxlanDevice(settings, { device: outer.name, ip }, { nodeName, address: tunnelAddress, family });
  await applyTunnelDevice(run, device, interfaces);
  const { problems, ...wanted } = planVxlan({ ...network, device: outer.name });
  const actual = await readForwarding(run, family, VXLAN_DEVICES[family]);
  await writeForwarding(run, forwardingChanges(actual, wanted, { tunnelDevice: VXLAN_DEVICES[family] }));
  return problems;
}

/** Takes routes and device away. Not there is no failure. */
export async function closeVxlan(run: RunProgram, family: Family): Promise<void> {
  const device = (await readInterfaces(run)).find(({ name }) => name === VXLAN_DEVICES[family]);
  if (!device) return;
  const { routes } = await readForwarding(run, family, undefined);
  await writeForwarding(
    run,
    forwardingChanges({ routes, neighbours: [], tunnels: [] }, { routes: [], neighbours: [], tunnels: [] }, {}),
  );
  await run('ip', ['link', 'delete', VXLAN_DEVICES[family]]);
}
