import { ProgramError, type RunProgram } from '../../host/run-program.ts';

/** A table of nftables, in which the one chain has the name of the table of the cluster that leads the machine's own traffic. */
const CLAIM = 'muster-machine';
/** Another may take the claim between a look and a write. */
const ATTEMPTS = 5;

/** Who leads what the machine itself sends to Services, and what reaches its node ports: us, or another. */
export type MachineClaim = { readonly held: true } | { readonly held: false; readonly by: string };

/**
 * Claims the machine's traffic for one cluster. Clusters give the same addresses to their Services, so that only one of those on a machine can
 * be meant by it. The claim is in the kernel with the rules themselves: it outlives a process that is killed, as they do, and is anyone's
 * when the table that it names has gone.
 *
 * @param table of the cluster's rules
 */
export async function claimMachine(table: string, run: RunProgram): Promise<MachineClaim> {
  const proxy = await foreignProxy(run);
  if (proxy !== undefined) {
    await releaseMachine(table, run);
    return { held: false, by: proxy };
  }
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const claim = await readClaim(run);
    if (claim?.by === table) return { held: true };
    if (claim && (await listTables(run)).some(({ name }) => name === claim.by))
      return { held: false, by: `table ip ${claim.by}` };
    // By its handle: another's that was made meanwhile stays.
    const stale = claim ? [`delete table ip handle ${claim.handle}`] : [];
    const input = `${[...stale, `create table ip ${CLAIM}`, `add chain ip ${CLAIM} ${table}`].join('\n')}\n`;
    try {
      await run('nft', ['-f', '-'], { input });
      return { held: true };
    } catch (error) {
      if (!isRefused(error)) throw error;
    }
  }
  return { held: false, by: 'another cluster that begins' };
}

/** Gives it back if it is the cluster's. */
export async function releaseMachine(table: string, run: RunProgram): Promise<void> {
  const claim = await readClaim(run);
  if (claim?.by === table) await run('nft', ['-f', '-'], { input: `delete table ip handle ${claim.handle}\n` });
}

/** A kube-proxy's rules, of either kind. */
async function foreignProxy(run: RunProgram): Promise<string | undefined> {
  if ((await listTables(run)).some(({ name }) => name === 'kube-proxy')) return 'a kube-proxy (table ip kube-proxy)';
  try {
    const { stdout } = await run('iptables-save', ['-t', 'nat']);
    return /^:KUBE-SERVICES /m.test(stdout) ? 'a kube-proxy (KUBE-SERVICES of iptables)' : undefined;
  } catch (error) {
    // Without the program, or the kernel's part of it, there are no such rules.
    if (error instanceof ProgramError) return undefined;
    throw error;
  }
}

interface NftTableObject {
  readonly name: string;
  readonly handle: number;
}

async function listTables(run: RunProgram): Promise<NftTableObject[]> {
  const { stdout } = await run('nft', ['--json', 'list', 'tables', 'ip']);
  const { nftables } = JSON.parse(stdout) as { nftables: readonly { table?: NftTableObject }[] };
  return nftables.flatMap(({ table }) => table ?? []);
}

async function readClaim(run: RunProgram): Promise<{ readonly by: string | undefined; readonly handle: number } | undefined> {
  let stdout: string;
  try {
    ({ stdout } = await run('nft', ['--json', 'list', 'table', 'ip', CLAIM]));
  } catch (error) {
    if (isRefused(error) && /No such file or directory/.test(error.stderr)) return undefined;
    throw error;
  }
  const { nftables } = JSON.parse(stdout) as { nftables: readonly { table?: NftTableObject; chain?: { name: string } }[] };
  const handle = nftables.find(({ table }) => table)?.table?.handle;
  if (handle === undefined) return undefined;
  return { by: nftables.find(({ chain }) => chain)?.chain?.name, handle };
}

const isRefused = (error: unknown): error is ProgramError =>
  error instanceof ProgramError && error.exitCode !== null && error.exitCode > 0;
