import { ProgramError, type RunProgram } from '../../host/run-program.ts';

/** Flannel's own chain. */
const CHAIN = 'FLANNEL-FWD';
const JUMP = ['-m', 'comment', '--comment', 'flanneld forward', '-j', CHAIN];

/**
 * Lets pods' packets through where iptables forwards nothing by itself, as Docker sets it: a chain of our own, and one rule that leads to it.
 *
 * @returns whether there is an iptables to be written
 */
export async function allowForwarding(run: RunProgram, network: string): Promise<boolean> {
  const wanted = [`-A ${CHAIN} -s ${network} -j ACCEPT`, `-A ${CHAIN} -d ${network} -j ACCEPT`];
  const state = await readFilter(run);
  if (state === undefined) return false;
  const own = state
    .filter((line) => line.startsWith(`-A ${CHAIN} `))
    .map((line) => line.replace(/ -m comment --comment (".*?"|\S+)/, ''));
  if (own.join('\n') !== wanted.join('\n')) {
    const input = `*filter\n:${CHAIN} - [0:0]\n${wanted.join('\n')}\nCOMMIT\n`;
    await run('iptables-restore', ['--noflush', '--wait', '5'], { input });
  }
  if (!state.some(isJump)) await run('iptables', ['--wait', '5', '-A', 'FORWARD', ...JUMP]);
  return true;
}

/** Takes both away. Not there is no failure. */
export async function removeForwardRules(run: RunProgram): Promise<void> {
  const state = (await readFilter(run)) ?? [];
  for (const line of state) if (isJump(line)) await run('iptables', ['--wait', '5', '-D', 'FORWARD', ...JUMP]);
  if (!state.includes(`-N ${CHAIN}`)) return;
  await run('iptables', ['--wait', '5', '-F', CHAIN]);
  await run('iptables', ['--wait', '5', '-X', CHAIN]);
}

const isJump = (line: string) => line.startsWith('-A FORWARD ') && line.endsWith(` -j ${CHAIN}`);

/** Undefined where there is no iptables, or none that this kernel has: nothing keeps pods' packets back then. */
async function readFilter(run: RunProgram): Promise<string[] | undefined> {
  try {
    return (await run('iptables', ['--wait', '5', '-t', 'filter', '-S'])).stdout.split('\n').filter(Boolean);
  } catch (error) {
    if (error instanceof ProgramError && (error.code === 'PROGRAM_MISSING' || /table.*does not exist/i.test(error.stderr)))
      return undefined;
    throw error;
  }
}
