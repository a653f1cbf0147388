/** Where the executable file begins that `npm run build` makes: no package lies around it. */
import { runProcess } from './main.ts';

await runProcess(process.argv0, process.argv.slice(2));
