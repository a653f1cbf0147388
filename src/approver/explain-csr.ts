import { flag } from '../client/serving/component-flags.ts';
import type { CommandIo, ComponentCommand } from '../std/command.ts';
import { FlagError, type ParsedFlags } from '../std/flags.ts';
import { silentLogger } from '../std/logger.ts';
import { shellWord } from '../std/shell-word.ts';
import { visibleLine } from '../std/visible-text.ts';
import type { JudgedRule } from './decide.ts';
import { DECISION_FLAGS } from './flags.ts';
import { openParts } from './open-parts.ts';
import { type ReportedRequest, reportOnRequests } from './report.ts';

/** `muster explain csr NAME`: every rule, what it saw, what it wanted, and what mends it. */
export const explainCsrCommand: ComponentCommand = {
  name: 'csr',
  arguments: 'NAME',
  summary: "say of a kubelet's certificate request which rules hold, and what mends the others",
  flags: [
    flag('kubeconfig', 'string', 'kubeconfig with the address of the API server and the credentials for it'),
    flag('master', 'string', "address of the API server, over the kubeconfig's"),
    ...DECISION_FLAGS,
    flag('output', 'string', 'text or json', { shorthand: 'o', default: 'text' }),
  ],
  run: explainCsr,
};

async function explainCsr({ values, args }: ParsedFlags, io: CommandIo): Promise<number> {
  const [name, ...rest] = args;
  if (!name || rest.length > 0) throw new FlagError('NAME', 'exactly one name of a CertificateSigningRequest is needed');
  const output = values.string('output');
  if (output !== 'text' && output !== 'json') throw new FlagError('--output', '--output: only text and json there are');
  const { client, parts, clusterNames, close } = await openParts(values, io);
  try {
    const context = { ...parts, cluster: await clusterNames() };
    const [reported] = await reportOnRequests({
      ...{ client, context, only: name, clock: io.clock, logger: silentLogger, signal: io.signal },
    });
    if (!reported) {
      io.stderr(`There is no certificate request ${JSON.stringify(name)} of a kubelet; see: kubectl get csr\n`);
      return 1;
    }
    io.stdout(output === 'json' ? `${JSON.stringify(explanation(reported), null, 2)}\n` : explanationText(reported));
    return reported.decision.outcome === 'approve' ? 0 : 1;
  } finally {
    await close();
  }
}

/** For `-o json`. */
export function explanation({ csr, facts, decision, actual }: ReportedRequest): object {
  const rules = decision.judged.map(({ rule, finding }) => ({
    code: rule.code,
    name: rule.name,
    sentence: rule.sentence,
    ...finding,
    ...(finding.verdict !== 'holds' && { remedy: remedyOf(rule.remedy, facts.nodeName, csr.metadata?.name ?? '') }),
  }));
  return { name: csr.metadata?.name, node: facts.nodeName, purpose: facts.purpose, actual, outcome: decision.outcome, rules };
}

/** Where the rule is explained, from the top of the package. */
const pageOf = (code: string) => `docs/approver.md#${code.toLowerCase()}`;

const MARKS = { holds: '✓', broken: '✗', unproven: '…' } as const;
const OUTCOMES = { approve: 'to be approved', deny: 'to be denied', wait: 'to wait' } as const;

/** For people: a line a rule, and below each that does not hold what is wanted and what mends it. */
export function explanationText({ csr, facts, decision, actual }: ReportedRequest): string {
  const name = csr.metadata?.name ?? '';
  const lines = decision.judged.flatMap(({ rule, finding }: JudgedRule) => {
    const line = `${MARKS[finding.verdict]} ${rule.code} ${rule.sentence}`;
    if (finding.verdict === 'holds') return [`${line} (${finding.seen})`];
    return [
      line,
      `            seen:   ${finding.seen}`,
      ...(finding.wanted ? [`            wanted: ${finding.wanted}`] : []),
      `            mend:   ${remedyOf(rule.remedy, facts.nodeName, name)}`,
      `            see:    ${pageOf(rule.code)}`,
    ];
  });
  const head = `${name}: ${facts.purpose} certificate of node ${facts.nodeName || 'unknown'}, ${actual}; by the rules ${OUTCOMES[decision.outcome]}`;
  // Who asks chooses his words, the node's name too.
  return `${[head, '', ...lines].map(visibleLine).join('\n')}\n`;
}

const remedyOf = (remedy: string, node: string, csr: string) =>
  remedy.replace(/NODE|CSR/g, (word) => shellWord(word === 'NODE' ? node : csr));
