import { expect, it } from "vitest";
import { breakages } from "./breakages.ts";
import { runSeed } from "./run-seed.ts";

const SEEDS_AT_MOST = 500;

/** What an invariant says of each. */
const SENTENCES: Readonly<Record<string, RegExp>> = {
	"a counter that is not burnt before it is sent": /^counter used twice/,
	"an acknowledgement before the store": /^acknowledged/,
	"no rollback": /^does not come to rest: device-|^no way back to the eIM/,
};

it.each(Object.entries(breakages))(
	`catches %s within ${SEEDS_AT_MOST} seeds`,
	{ timeout: 200_000 },
	async (name, breakage) => {
		let found: { seed: number; sentence: string } | undefined;
		for (let seed = 1; seed <= SEEDS_AT_MOST && found === undefined; seed++) {
			const { violations } = await runSeed(seed, { breakage });
			const sentence = violations.find((one) => SENTENCES[name]?.test(one));
			if (sentence !== undefined) found = { seed, sentence };
		}
		console.log(`${name}: caught by seed ${found?.seed}: ${found?.sentence}`);
		expect(found).toBeDefined();
		const { seed = 0 } = found ?? {};
		expect((await runSeed(seed)).violations).toEqual([]);
	},
);
