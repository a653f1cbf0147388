/** When a host told its time, in seconds of this machine's clock. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** A host's clock that is not as it should be. */
export interface WrongClock {
  readonly host: string;
  readonly message: string;
}

const LARGEST_DIFFERENCE_S = 30;
const MEND = 'chronyc makestep, or systemctl restart systemd-timesyncd';
/** By how much this machine's clock may differ from the hosts': what is signed here is valid from five minutes before. */
const LARGEST_OWN_DIFFERENCE_S = 240;

/** How far a host's clock is ahead of this machine's, in seconds: it lies in a span as long as it took to ask. */
interface Ahead {
  readonly host: string;
  readonly least: number;
  readonly most: number;
}

/**
 * Which clocks differ so much that certificates, tokens and leases come to grief: hosts' from that of most, and the one here from theirs.
 *
 * @param times what each host said, in whole seconds
 * @param askedAt what lies between the asking is no difference of clocks
 */
export function wrongClocks(times: ReadonlyMap<string, number>, askedAt: ReadonlyMap<string, Span>): WrongClock[] {
  // Those that are behind come first.
  const ahead = [...times]
    .map(([host, time]): Ahead => {
      const { from, to } = askedAt.get(host) ?? { from: time, to: time };
      return { host, least: time - to, most: time + 1 - from };
    })
    .sort((a, b) => a.least + a.most - b.least - b.most);
  // Most hosts are taken to be right.
  const middle = ahead[Math.floor(ahead.length / 2)];
  return middle ? [...apartFrom(middle, ahead), ...apartFromHere(middle)] : [];
}

/** Hosts whose clock is not that of most. Only what must be a difference is one. */
function apartFrom(middle: Ahead, ahead: readonly Ahead[]): WrongClock[] {
  return ahead.flatMap(({ host, least, most }) => {
    const [behind, before] = [middle.least - most, least - middle.most];
    const seconds = Math.round(Math.max(behind, before));
    if (seconds <= LARGEST_DIFFERENCE_S) return [];
    const how = behind > before ? 'behind' : 'ahead of';
    return [
      { host, message: `its clock is ${seconds} s ${how} that of ${middle.host}; ${LARGEST_DIFFERENCE_S} are allowed (${MEND})` },
    ];
  });
}

/** Certificates and tokens are made by this machine's clock, and judged by the hosts'. */
function apartFromHere(middle: Ahead): WrongClock[] {
  const seconds = Math.round(Math.max(middle.least, -middle.most));
  if (seconds <= LARGEST_OWN_DIFFERENCE_S) return [];
  const how = middle.least > 0 ? 'behind' : 'ahead of';
  const message = `the clock here is ${seconds} s ${how} this host's; ${LARGEST_OWN_DIFFERENCE_S} are allowed, as certificates are made here (${MEND})`;
  return [{ host: middle.host, message }];
}
