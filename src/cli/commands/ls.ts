import { readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { CommandIo, ComponentCommand } from '../../std/command.ts';
import { FlagError, type ParsedFlags } from '../../std/flags.ts';
import { formatAge, formatTable } from '../../std/table-text.ts';
import { clusterDirectory, clusterNames } from '../local/cluster-home.ts';
import { readDaemonState } from '../local/daemon-state.ts';

/** `muster ls`. */
export const lsCommand: ComponentCommand = {
  name: 'ls',
  summary: 'Lists the clusters of this user on this machine.',
  flags: [{ name: 'output', shorthand: 'o', type: 'string', description: 'json for a list of objects' }],
  run: list,
};

interface ClusterRow {
  readonly name: string;
  readonly status: 'Running' | 'Starting' | 'Stopped';
  readonly server: string | undefined;
  readonly nodes: number;
  readonly pid: number | undefined;
  readonly startedAtMs: number | undefined;
  readonly dataDir: string;
}

async function list(flags: ParsedFlags, io: CommandIo): Promise<number> {
  const output = flags.values.string('output');
  if (output !== '' && output !== 'json')
    throw new FlagError('--output', `invalid argument ${JSON.stringify(output)} for "-o, --output" flag: must be json`);
  const rows = await Promise.all((await clusterNames(io.env)).map((name) => look(name, io)));
  const clusters = rows.filter((row) => row !== undefined);
  if (output === 'json') io.stdout(`${JSON.stringify(clusters)}\n`);
  else if (clusters.length === 0) io.stdout('No clusters; "muster up" starts one\n');
  else {
    const cells = clusters.map(({ name, status, server, nodes, pid, startedAtMs }) => [
      name,
      status,
      server ?? '-',
      String(nodes),
      pid === undefined ? '-' : String(pid),
      startedAtMs === undefined ? '-' : formatAge(io.clock.now() - startedAtMs),
    ]);
    io.stdout(formatTable([['NAME', 'STATUS', 'SERVER', 'NODES', 'PID', 'AGE'], ...cells]));
  }
  return 0;
}

async function look(name: string, io: CommandIo): Promise<ClusterRow | undefined> {
  const dataDir = await realpath(clusterDirectory(io.env, name)).catch(() => undefined);
  if (dataDir === undefined) return undefined; // a link to a directory that is gone
  const state = await readDaemonState(dataDir);
  const recorded = await recordedNodes(join(dataDir, 'cluster.json'));
  return {
    name,
    status: state ? (state.state === 'ready' ? 'Running' : 'Starting') : 'Stopped',
    server: state?.server,
    nodes: recorded,
    pid: state?.pid,
    startedAtMs: state?.startedAtMs,
    dataDir,
  };
}

/** 0 where nothing is recorded: killed before it was, or damaged, which "muster up" says more of. */
async function recordedNodes(file: string): Promise<number> {
  try {
    return (JSON.parse(await readFile(file, 'utf8')) as { nodes?: unknown[] }).nodes?.length ?? 0;
  } catch {
    return 0;
  }
}
