/** What may go wrong in each procedure that an eUICC package goes over the lines in; the table is in `README.md`. */

import { IN_FIRST_TIER, playMishaps } from "./play-mishaps.ts";

playMishaps(IN_FIRST_TIER.filter(({ flow }) => flow.kind === "package" || flow.kind === "injection"));
