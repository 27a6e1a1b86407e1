import { defineConfig } from "vitest/config";
import base from "./vitest.config.ts";

const all = ["{shared,eim,ipa,sim}/src/**/*.long.test.ts", "test/**/*.long.test.ts"];
/** Chains in one process, and programs that mostly wait for a slow link: two files may run beside one another. */
const beside = [
	"shared/src/asn1/*.long.test.ts",
	"test/lockstep/*.long.test.ts",
	"test/procedures/*.long.test.ts",
	"test/e2e/bad-links-*.long.test.ts",
];
const testTimeout = 1_200_000;
const outside = ["**/node_modules/**", "**/dist/**"];

/** The second tier: what takes longer than the five minutes of `npm test`. */
export default defineConfig({
	resolve: base.resolve ?? {},
	test: {
		passWithNoTests: false,
		reporters: base.test?.reporters ?? ["default"],
		expect: base.test?.expect ?? {},
		projects: [
			{
				extends: true,
				test: {
					name: "beside one another",
					include: beside,
					exclude: outside,
					testTimeout,
					maxWorkers: 2,
					sequence: { groupOrder: 0 },
				},
			},
			{
				// Programs that are killed, links that are timed, threads on all processors: one file after the other.
				extends: true,
				test: {
					name: "one after the other",
					include: all,
					exclude: [...outside, ...beside],
					testTimeout,
					hookTimeout: 60_000,
					fileParallelism: false,
					sequence: { groupOrder: 1 },
				},
			},
		],
	},
});
