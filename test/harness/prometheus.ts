import { writeFile } from 'node:fs/promises';
import { startProgram } from './component-process.ts';
import { freePort } from './free-port.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { until } from './until.ts';

/** A real Prometheus (Debian's) on loopback that keeps what it reads in a directory of its own. */
export interface Prometheus extends AsyncDisposable {
  /** The data of an answer of its API: `get('query?query=up')`. Fails when it answers no success. */
  get<T>(path: string): Promise<T>;
}

export interface ScrapeTarget {
  readonly job: string;
  /** `127.0.0.1:6443`; read over HTTPS at /metrics. */
  readonly address: string;
  /** Undefined: the server's certificate is not looked at. */
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

/** Starts one that reads its targets, and judges its rules, every second. Resolves when it answers. */
export async function startPrometheus(targets: readonly ScrapeTarget[], ruleFiles: readonly string[]): Promise<Prometheus> {
  const directory = await temporaryDirectory();
  const configuration = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: ruleFiles,
    scrape_configs: targets.map(({ job, address, caFile, certFile, keyFile }) => ({
      job_name: job,
      scheme: 'https',
      scrape_timeout: '1s',
      static_configs: [{ targets: [address] }],
      tls_config: {
        ...(caFile === undefined ? { insecure_skip_verify: true } : { ca_file: caFile }),
        ...(certFile !== undefined && { cert_file: certFile, key_file: keyFile }),
      },
    })),
  };
  const file = directory.file('prometheus.yml');
  await writeFile(file, JSON.stringify(configuration));
  const port = await freePort();
  const program = startProgram('prometheus', [
    ...[`--config.file=${file}`, `--storage.tsdb.path=${directory.file('data')}`],
    `--web.listen-address=127.0.0.1:${port}`,
  ]);
  const dispose = async () => {
    await program.stop();
    await directory[Symbol.asyncDispose]();
  };
  try {
    await until('Prometheus is ready', async () => {
      if (program.exitStatus !== undefined) throw new Error(`prometheus ended with ${program.exitStatus}: ${program.output}`);
      return (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok;
    });
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    async get<T>(path: string): Promise<T> {
      const response = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`);
      const { status, data, error } = (await response.json()) as { status: string; data: T; error?: string };
      if (status !== 'success') throw new Error(`prometheus answers ${path} with ${response.status}: ${error}`);
      return data;
    },
    [Symbol.asyncDispose]: dispose,
  };
}
