import { type Family, formatCidr, parseCidr } from '../../api/machinery/ip.ts';
import type { RunProgram } from '../../host/run-program.ts';
import { type Forwarding, type ForwardingChanges, ROUTE_PROTOCOL } from './forwarding-plan.ts';

interface IpRoute {
  readonly dst?: string;
  readonly gateway?: string;
  readonly dev?: string;
  readonly flags?: readonly string[];
}

/** What the kernel has of ours of one family: routes by their mark, and everything of the vxlan device. */
export async function readForwarding(run: RunProgram, family: Family, vxlanDevice: string | undefined): Promise<Forwarding> {
  const json = async <T>(program: string, ...args: string[]) => JSON.parse((await run(program, args)).stdout || '[]') as T[];
  const show = ['-json', `-${family}`, 'route', 'show', 'table', 'main', 'proto', String(ROUTE_PROTOCOL)];
  const routes = (await json<IpRoute>('ip', ...show)).flatMap(({ dst = '', gateway = '', dev = '', flags = [] }) => {
    const range = parseCidr(dst.includes('/') ? dst : `${dst}/${family === 4 ? 32 : 128}`);
    // A default route is none of ours, whoever marked it so.
    return range ? { to: formatCidr(range), via: gateway, device: dev, onLink: flags.includes('onlink') } : [];
  });
  if (vxlanDevice === undefined) return { routes, neighbours: [], tunnels: [] };
  const [known, database] = await Promise.all([
    json<{ dst?: string; lladdr?: string }>(
      'ip',
      '-json',
      `-${family}`,
      'neighbour',
      'show',
      'dev',
      vxlanDevice,
      'nud',
      'permanent',
    ),
    json<{ mac?: string; dst?: string }>('bridge', '-json', 'fdb', 'show', 'dev', vxlanDevice),
  ]);
  return {
    routes,
    neighbours: known.flatMap(({ dst, lladdr }) => (dst && lladdr ? { ip: dst, mac: lladdr } : [])),
    tunnels: database.flatMap(({ mac, dst }) => (mac && dst ? { mac, to: dst } : [])),
  };
}

/** Writes changes; what one of them cannot do does not keep the others back. @throws ProgramError then */
export async function writeForwarding(run: RunProgram, { ip, bridge }: ForwardingChanges): Promise<void> {
  const batch = (program: string, lines: readonly string[]) =>
    run(program, ['-force', '-batch', '-'], { input: `${lines.join('\n')}\n` });
  if (bridge.length > 0) await batch('bridge', bridge);
  if (ip.length > 0) await batch('ip', ip);
}
