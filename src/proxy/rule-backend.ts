import type { ProxyPlan } from './plan/proxy-plan.ts';

/** What leads packets. */
export type ProxyMode = 'nftables' | 'iptables' | 'ipvs';

export interface SyncResult {
  /** Whether everything was written anew, and not only what changed. */
  readonly full: boolean;
  /** How many rules stand in each table now, and how many of them this sync wrote. */
  readonly tables: Readonly<Record<string, { readonly rules: number; readonly written: number }>>;
}

/** Writes plans of one address family into the kernel. Calls never overlap. */
export interface RuleBackend {
  readonly name: ProxyMode;
  /**
   * Makes the kernel's rules those of the plan, in one transaction (with IPVS: in several that may stand one without the other): everything at first, after a failure and when `full` is asked for;
   * else what changed since the last plan.
   *
   * @throws ProgramError; then nothing was changed, or with IPVS a part
   */
  sync(plan: ProxyPlan, options: { readonly full: boolean; readonly signal?: AbortSignal }): Promise<SyncResult>;
  /** Whether the rules are there still; false when somebody has flushed them. */
  isIntact(): Promise<boolean>;
  /** Removes what any run of ours has left, and nothing else. */
  cleanUp(): Promise<void>;
}
