/** What one write to an open file comes to: the bytes taken, or throws what the system says. */
export type WriteBytes = (bytes: Buffer) => number;

/**
 * The door to where logs go. A log that cannot be written (a full disk, a quota, a reader that has gone) ends
 * nothing: the line is lost, and the first line that can be written again is preceded by how many were and why.
 */
export function lossyWriter(write: WriteBytes): (text: string) => void {
  let lost = 0;
  let why = '';
  /** A line of which only the beginning found room: what comes next begins a line of its own. */
  let torn = false;
  const put = (text: string): boolean => {
    const bytes = Buffer.from(text);
    let done = 0;
    try {
      while (done < bytes.length) done += write(bytes.subarray(done));
    } catch (error) {
      why = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
      if (done > 0) torn = true;
      return false;
    }
    return true;
  };
  const told = (): boolean => {
    if (torn) {
      if (!put('\n')) return false;
      torn = false;
    }
    if (lost > 0) {
      if (!put(`${lost} messages could not be written here: ${why}\n`)) return false;
      lost = 0;
    }
    return true;
  };
  return (text) => {
    if (!told() || !put(text)) lost += 1;
  };
}
