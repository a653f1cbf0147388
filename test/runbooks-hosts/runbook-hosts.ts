/** Whole hosts that a runbook's lines make a cluster of, as they are written. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before } from 'node:test';
import { parse } from 'yaml';
import { readKubeconfig, resolveContext } from '../../src/pki/kubeconfig.ts';
import { PROGRAM } from '../harness/component-process.ts';
import { builtExecutable } from '../harness/executable.ts';
import { kubectlPath } from '../harness/kubectl.ts';
import { runCommand } from '../harness/run-command.ts';
import { type SystemdHost, type SystemdHosts, startSystemdHosts } from '../harness/systemd-hosts.ts';
import { until } from '../harness/until.ts';
import { type Api, createApi } from '../harness/write-load.ts';

/** The documents' networks; all become the hosts' own, with the same last number. */
const DOCUMENT_NETWORKS = /\b(?:192\.168\.(?:20|133)|172\.27\.12[89]|10\.40\.(?:58|61))\.(?=\d)/g;
/** On a machine that is busy with other tests. */
export const PATIENCE = { timeoutMs: 240_000, intervalMs: 500 };
const EXAMPLES = join(import.meta.dirname, '../../docs/examples');
const DEPLOY_MS = 600_000;

export interface RunbookPlan {
  readonly names: readonly string[];
  /** The last numbers of their addresses, in the document. */
  readonly numbers: readonly number[];
  /** Where the document has Muster's programs. */
  readonly programs: string;
  /** They are files of the host there, as if they had been unpacked, with kubectl among them. */
  readonly copied?: boolean;
}

interface Example {
  readonly ssh?: object;
  readonly hosts: readonly { readonly name: string }[];
}

export class RunbookHosts {
  readonly #hosts: SystemdHosts;
  /** Those that are on. */
  #present: readonly SystemdHost[];

  private constructor(hosts: SystemdHosts) {
    this.#hosts = hosts;
    this.#present = hosts.hosts;
  }

  /** Bare hosts with programs, and containerd in Docker's place: what all documents begin with. */
  static async start({ names, numbers, programs, copied = false }: RunbookPlan): Promise<RunbookHosts> {
    const { executable, library } = await builtExecutable();
    const shared = {
      [executable]: '/opt/muster/muster',
      [library]: '/opt/muster/libatomic.so.1',
      [kubectlPath('1.20')]: '/opt/kubectl/kubectl-1.20',
      [kubectlPath('1.35')]: '/opt/kubectl/kubectl-1.35',
    };
    const hosts = new RunbookHosts(await startSystemdHosts(names, { numbers, shared, acquainted: true }));
    await hosts.everywhere(givenLines(programs, copied)).catch(async (error: unknown) => {
      await hosts[Symbol.asyncDispose]();
      throw error;
    });
    return hosts;
  }

  get all(): readonly SystemdHost[] {
    return this.#present;
  }

  /** Where the document's lines are run, but for those that it has run everywhere. */
  get first(): SystemdHost {
    return this.#present[0]!;
  }

  get virtualAddress(): string {
    return this.#hosts.freeAddress;
  }

  /** A document's text with its addresses in the hosts' network. */
  translate(text: string): string {
    const { address } = this.first;
    return text.replace(DOCUMENT_NETWORKS, address.slice(0, address.lastIndexOf('.') + 1));
  }

  /** Runs lines of a document as root of a host, in its home; the first that fails ends the test. Answers what they print. */
  on(host: SystemdHost, lines: string): Promise<string> {
    return host.shell(`set -e\n${this.translate(lines)}`);
  }

  /** The same on the first host. */
  sh(lines: string): Promise<string> {
    return this.on(this.first, lines);
  }

  /** The same on all hosts at once. */
  async everywhere(lines: string | ((host: SystemdHost) => string)): Promise<string[]> {
    return Promise.all(this.all.map((host) => this.on(host, typeof lines === 'string' ? lines : lines(host))));
  }

  /** Runs lines until what they print is as it should be, and answers that. */
  async shows(lines: string, expected: RegExp | ((printed: string) => boolean), host = this.first): Promise<string> {
    let printed = '';
    return until(
      `${host.name} shows ${expected} for ${lines.trim()}`,
      async () => {
        printed = await this.on(host, lines);
        if (typeof expected === 'function' ? expected(printed) : expected.test(printed)) return printed;
        throw new Error(`it shows:\n${printed}`);
      },
      PATIENCE,
    );
  }

  /**
   * The same hosts once more, bare, and made a cluster by `muster deploy` from the document's example of an inventory; those that are not
   * in it are switched off. On the first, kubectl is the administrator's. A second `apply` would do nothing, and all checks hold.
   *
   * @returns how long `apply` took, in seconds
   */
  async deploy(example: string): Promise<number> {
    const file = this.#inventoryFile;
    const inventory = parse(this.translate(readFileSync(join(EXAMPLES, example), 'utf8'))) as Example;
    const names = new Set(inventory.hosts.map(({ name }) => name));
    await Promise.all(this.all.map((host) => (names.has(host.name) ? host.replace() : host.powerOff())));
    this.#present = this.all.filter(({ name }) => names.has(name));
    writeFileSync(file, JSON.stringify({ ...inventory, ssh: { ...inventory.ssh, configFile: this.#hosts.sshConfig } }));
    const beganMs = performance.now();
    const said = await this.#muster('apply');
    const seconds = Math.round((performance.now() - beganMs) / 1000);
    for (const { name } of this.all) assert.match(said, new RegExp(`^${name}: Ready$`, 'm'));
    assert.match(await this.#muster('plan'), /, nothing to do/);
    await this.verify();
    await this.giveKubectl(this.first);
    return seconds;
  }

  /** Lets root of a master of a cluster of `deploy` be its administrator. */
  async giveKubectl(master: SystemdHost): Promise<void> {
    await this.on(master, `${KUBECTL_LINES}mkdir -p ~/.kube\ncp /etc/kubernetes/admin.kubeconfig ~/.kube/config`);
  }

  /** Resolves when all holds that one would check by hand of a cluster of `deploy`. */
  async verify(): Promise<void> {
    await until('all checks hold', async () => /^all \d+ checks hold$/m.test(await this.#muster('verify')), PATIENCE);
  }

  /** The API servers at these addresses, as the administrator of a cluster of `deploy`. */
  async apis(...servers: readonly string[]): Promise<Api[]> {
    const path = join(this.#hosts.directory, 'kubernetes.assets', 'admin.kubeconfig');
    const { caPem, clientCertificatePem, clientKeyPem } = await resolveContext(await readKubeconfig(path));
    const user = { caPem: caPem!, certificatePem: clientCertificatePem!, privateKeyPem: clientKeyPem! };
    return servers.map((server) => createApi({ server, ...user }));
  }

  get #inventoryFile(): string {
    return join(this.#hosts.directory, 'kubernetes.yaml');
  }

  async #muster(command: string): Promise<string> {
    const words = [PROGRAM, 'deploy', command, '-f', this.#inventoryFile];
    const { status, stdout, stderr } = await runCommand(process.execPath, words, { timeoutMs: DEPLOY_MS });
    assert.equal(status, 0, `${command}:\n${stdout}${stderr}`);
    return stdout;
  }

  /** The last lines of all units, for a test that failed. */
  async journals(): Promise<string> {
    const units = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubelet', 'kube-proxy'];
    const flags = units.map((unit) => `-u ${unit}`).join(' ');
    const texts = await Promise.all(
      this.all.map(async (host) => {
        const { stdout, stderr } = await host.tryShell(`journalctl ${flags} -n 40 --no-pager -o short-precise`);
        return `── ${host.name}\n${stdout}${stderr}`;
      }),
    );
    return texts.join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#hosts[Symbol.asyncDispose]();
  }
}

/**
 * The hosts of a file's tests: made before the first, gone after the last; a test that fails shows their journals. To be called at the
 * top of the file.
 *
 * @param given what a document presupposes, done before the first test
 */
export function useRunbookHosts(
  plan: RunbookPlan,
  given: (hosts: RunbookHosts) => Promise<unknown>,
): { readonly current: RunbookHosts } {
  let hosts: RunbookHosts | undefined;
  let hasFailed = false;
  before(async () => {
    hosts = await RunbookHosts.start(plan);
    try {
      await given(hosts);
    } catch (error) {
      process.stderr.write(await hosts.journals());
      throw error;
    }
  });
  afterEach(async (context) => {
    if (!('passed' in context) || context.passed || hasFailed || !hosts) return;
    hasFailed = true; // those that follow build on it
    process.stderr.write(`${context.name}\n${await hosts.journals()}`);
  });
  after(() => hosts?.[Symbol.asyncDispose]());
  return {
    get current() {
      if (!hosts) throw new Error('the hosts are there only while tests run');
      return hosts;
    },
  };
}

const KUBECTL_LINES = `
cat > /usr/local/bin/kubectl <<'EOF'
#!/bin/sh
case "$1 $2" in "config set-credentials") exec /opt/kubectl/kubectl-1.35 "$@" ;; *) exec /opt/kubectl/kubectl-1.20 "$@" ;; esac
EOF
chmod 755 /usr/local/bin/kubectl
`;

/**
 * Links to Muster where the document has programs; kubectl 1.20, but for the one command in which Debian's build of it panics; and the
 * unit that the documents' units require, which is containerd's.
 */
function givenLines(programs: string, copied: boolean): string {
  return `
install -m 755 /opt/muster/libatomic.so.1 /usr/lib/libatomic.so.1 && ldconfig
${copied ? `cp /opt/muster/muster /usr/local/lib/\n/usr/local/lib/muster link ${programs}` : `/opt/muster/muster link ${programs}`}
ln -sf /opt/muster/muster /usr/local/bin/muster
ln -sf /opt/muster/muster /usr/local/bin/kubeadm
${KUBECTL_LINES}${copied ? `cp /usr/local/bin/kubectl ${programs}/` : ''}
ln -s /lib/systemd/system/containerd.service /etc/systemd/system/docker.service
mkdir -p /etc/kubernetes
systemctl daemon-reload
`;
}
