import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProgramError, type RunProgram } from '../../host/run-program.ts';
import { silentLogger } from '../../std/logger.ts';
import { planScope } from './cluster-services.ts';
import { claimMachine, releaseMachine } from './machine-claim.ts';

/** nft(8), as far as the claim uses it: tables that have handles and chains. */
class FakeNft {
  readonly tables = new Map<string, { readonly handle: number; readonly chains: string[] }>();
  iptables = '*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n';
  /** What another does just before a transaction. */
  meanwhile: (() => void) | undefined;
  #handles = 0;

  add(name: string, ...chains: string[]): void {
    this.tables.set(name, { handle: ++this.#handles, chains });
  }

  readonly run: RunProgram = async (program, args, options) => {
    const refuse = (stderr: string) => {
      throw new ProgramError(stderr, 'PROGRAM_FAILED', { program, args, exitCode: 1, stdout: '', stderr });
    };
    const answer = (nftables: object) => ({ stdout: JSON.stringify({ nftables }), stderr: '' });
    if (program === 'iptables-save') return { stdout: this.iptables, stderr: '' };
    if (args.includes('tables')) return answer([...this.tables].map(([name, { handle }]) => ({ table: { name, handle } })));
    if (args[1] === 'list') {
      const name = args.at(-1)!;
      const table = this.tables.get(name) ?? refuse('Error: No such file or directory');
      return answer([{ table: { name, handle: table!.handle } }, ...table!.chains.map((chain) => ({ chain: { name: chain } }))]);
    }
    this.meanwhile?.();
    const before = new Map(this.tables);
    for (const line of String(options?.input).split('\n').filter(Boolean)) {
      const [verb, what, , a = '', b = ''] = line.split(' ');
      const undo = (why: string) => {
        this.tables.clear();
        for (const [name, table] of before) this.tables.set(name, table);
        refuse(why);
      };
      if (verb === 'delete') {
        const found = [...this.tables].find(([, { handle }]) => handle === Number(b));
        if (found) this.tables.delete(found[0]);
        else undo('Error: No such file or directory');
      } else if (what === 'table') {
        if (this.tables.has(a)) undo('Error: File exists');
        else this.add(a);
      } else this.tables.get(a)?.chains.push(b);
    }
    return { stdout: '', stderr: '' };
  };
}

test('the first cluster on a machine leads its traffic, and others are told whose it is until that has gone', async () => {
  const nft = new FakeNft();
  assert.deepEqual(await claimMachine('kube-proxy-a', nft.run), { held: true });
  assert.deepEqual(await claimMachine('kube-proxy-a', nft.run), { held: true }, 'come back');
  nft.add('kube-proxy-a');
  assert.deepEqual(await claimMachine('kube-proxy-b', nft.run), { held: false, by: 'table ip kube-proxy-a' });
  await releaseMachine('kube-proxy-b', nft.run);
  assert.deepEqual(nft.tables.get('muster-machine')?.chains, ['kube-proxy-a'], 'not its own to give back');
  nft.tables.delete('kube-proxy-a'); // a claim that somebody forgot
  assert.deepEqual(await claimMachine('kube-proxy-b', nft.run), { held: true });
  await releaseMachine('kube-proxy-b', nft.run);
  assert.deepEqual([...nft.tables], []);
});

test('of two that claim at the same time one gets it', async () => {
  const nft = new FakeNft();
  nft.meanwhile = () => {
    nft.meanwhile = undefined;
    nft.add('muster-machine', 'kube-proxy-a');
    nft.add('kube-proxy-a');
  };
  assert.deepEqual(await claimMachine('kube-proxy-b', nft.run), { held: false, by: 'table ip kube-proxy-a' });
});

test('a node of another cluster keeps its traffic, whichever way its kube-proxy leads it', async () => {
  const nft = new FakeNft();
  nft.add('kube-proxy');
  assert.match(JSON.stringify(await claimMachine('kube-proxy-a', nft.run)), /table ip kube-proxy\)/);
  nft.tables.clear();
  nft.iptables = '*nat\n:KUBE-SERVICES - [0:0]\nCOMMIT\n';
  assert.match(JSON.stringify(await claimMachine('kube-proxy-a', nft.run)), /KUBE-SERVICES of iptables/);
  assert.deepEqual([...nft.tables.keys()], []);
});

test('without the machine’s traffic a cluster leads its own pods’, which it must be able to tell', () => {
  const claim = { held: false, by: 'table ip kube-proxy-a' } as const;
  assert.deepEqual(planScope('kube-proxy-b', { bridge: 'mstr-b', hasBridge: true, claim }, silentLogger), {
    table: 'kube-proxy-b',
    machine: false,
    pods: 'mstr-b',
    goesFirst: true,
  });
  assert.throws(() => planScope('kube-proxy-b', { bridge: 'mstr-b', hasBridge: false, claim }, silentLogger), {
    code: 'SERVICES_TAKEN',
    message: /table ip kube-proxy-a leads/,
  });
});
