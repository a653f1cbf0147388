/** Longer texts are told as a whole: the table below grows with the product of both. */
const MOST_LINES = 400;

/** What changes between two texts, line by line: `-` gone, `+` new; unchanged lines are left out. */
export function lineDiff(before: string, after: string): string[] {
  const [old, now] = [linesOf(before), linesOf(after)];
  if (old.length > MOST_LINES || now.length > MOST_LINES) return [`- ${old.length} lines`, `+ ${now.length} lines`];
  // Longest common subsequence from the end: common[i][j] is that of old[i…] and now[j…].
  const common = Array.from({ length: old.length + 1 }, () => new Uint16Array(now.length + 1));
  for (let i = old.length - 1; i >= 0; i--)
    for (let j = now.length - 1; j >= 0; j--)
      common[i]![j] = old[i] === now[j] ? common[i + 1]![j + 1]! + 1 : Math.max(common[i + 1]![j]!, common[i]![j + 1]!);
  const diff: string[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      i++;
      j++;
    } else if (j >= now.length || (i < old.length && common[i + 1]![j]! >= common[i]![j + 1]!)) diff.push(`- ${old[i++]}`);
    else diff.push(`+ ${now[j++]}`);
  }
  return diff;
}

function linesOf(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}
