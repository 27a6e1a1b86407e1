/** Every mishap in every procedure over both forms and both curves. */

import { CELLS, FORMS, playMishaps } from "./play-mishaps.ts";

playMishaps(CELLS.flatMap((cell) => FORMS.map((where) => ({ ...cell, where }))));
