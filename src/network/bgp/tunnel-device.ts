import { readInterfaces } from '../../host/network-interfaces.ts';
import { ProgramError, type RunProgram } from '../../host/run-program.ts';
import { CodedError } from '../../std/coded-error.ts';
import { TUNNEL_DEVICE } from './bird-configuration.ts';

/**
 * Makes the kernel's device of IPIP ready.
 *
 * @throws CodedError IPIP_MISSING where the kernel has none
 */
export async function openTunnel(
  run: RunProgram,
  { address, mtu }: { readonly address: string; readonly mtu: number },
): Promise<void> {
  const find = async () => (await readInterfaces(run)).find(({ name }) => name === TUNNEL_DEVICE);
  let device = await find();
  if (!device) {
    // The module makes the device; where it is a part of the kernel, or not to be loaded from here, the device is made below.
    await run('modprobe', ['ipip']).catch(unlessProgramError);
    device = await find();
  }
  if (!device) await run('ip', ['link', 'add', TUNNEL_DEVICE, 'type', 'ipip']).catch(refuse);
  if (device?.mtu !== mtu || !device.isUp) await run('ip', ['link', 'set', TUNNEL_DEVICE, 'mtu', String(mtu), 'up']);
  for (const old of device?.addresses ?? [])
    if (old.ip !== address) await run('ip', ['address', 'delete', `${old.ip}/${old.prefix}`, 'dev', TUNNEL_DEVICE]);
  await run('ip', ['address', 'replace', `${address}/32`, 'dev', TUNNEL_DEVICE]);
}

/** Takes it down again. The module's own device cannot be removed, and stays without address. */
export async function closeTunnel(run: RunProgram): Promise<void> {
  const device = (await readInterfaces(run)).find(({ name }) => name === TUNNEL_DEVICE);
  if (!device) return;
  await run('ip', ['address', 'flush', 'dev', TUNNEL_DEVICE]);
  await run('ip', ['link', 'set', TUNNEL_DEVICE, 'down']);
  await run('ip', ['link', 'delete', TUNNEL_DEVICE]).catch(unlessProgramError);
}

function refuse(cause: unknown): never {
  throw new CodedError(
    `IPIP is switched on (CALICO_IPV4POOL_IPIP, or ipipMode of an IPPool), and this kernel has none (module ipip, CONFIG_NET_IPIP): ` +
      `"off" routes without a tunnel where the nodes are in one network`,
    { code: 'IPIP_MISSING', cause },
  );
}

function unlessProgramError(error: unknown): void {
  if (!(error instanceof ProgramError)) throw error;
}
