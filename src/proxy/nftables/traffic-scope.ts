/** Whose packets a table leads, and what the table is called: several clusters may have one each on a machine. */
export interface TrafficScope {
  readonly table: string;
  /** The interface by which the packets of the cluster's own pods come in; undefined where nobody knows it. */
  readonly pods?: string;
  /** Whether the machine's own packets, and those from outside, are led as well. */
  readonly machine: boolean;
  /** What the names of other clusters' interfaces of pods begin with: what comes in there is left alone. */
  readonly foreignPods?: string;
  /** Before the hooks of a kube-proxy, so that our pods are led by us on a node of another cluster, too. */
  readonly goesFirst?: boolean;
}

/** As upstream: the one proxy of a node. */
export const WHOLE_MACHINE: TrafficScope = { table: 'kube-proxy', machine: true };

/** The rules that let go by what comes in and is not ours to lead. Pure. */
export function incomingGuard({ pods, machine, foreignPods }: TrafficScope): string[] {
  if (!machine) return pods === undefined ? ['return'] : [`iifname != "${pods}" return`];
  if (foreignPods === undefined) return [];
  return [`iifname "${foreignPods}*" ${pods === undefined ? '' : `iifname != "${pods}" `}return`];
}
