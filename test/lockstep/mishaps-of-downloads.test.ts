/** What may go wrong in each procedure without an eUICC package: downloads and data; the table is in `README.md`. */

import { IN_FIRST_TIER, playMishaps } from "./play-mishaps.ts";

playMishaps(IN_FIRST_TIER.filter(({ flow }) => flow.kind !== "package" && flow.kind !== "injection"));
